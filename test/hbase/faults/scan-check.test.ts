// The checker of scans is not blind: each planted fault is found, and named for what it is.
import { describe, expect, test } from '@jest/globals';
import type { CellCursor, Put } from '../../../src/model/rows.ts';
import { Ledger } from './ledger.ts';
import { ScanCheck } from './scan-check.ts';

const rows = 500;
const seed = 7;

describe('a scan held to the book of its writer', () => {
  test('what was confirmed, in order and once, has no fault', () => {
    expect(found((cells) => cells)).toMatchObject({ lost: 0, misread: 0, repeated: 0 });
  });

  test('a cell that is missing is lost', () => {
    expect(found((cells) => cells.toSpliced(40, 1))).toMatchObject({ lost: 1, misread: 0 });
  });

  test('half of a row of two cells is lost with the other half there', () => {
    expect(found((cells) => cells.toSpliced(twin(cells), 1))).toMatchObject({ lost: 1 });
  });

  test('the end of the table missing is lost', () => {
    expect(found((cells) => cells.slice(0, -25)).lost).toBe(25);
  });

  test('an older state than was confirmed is lost', () => {
    expect(found(withState(11, 1))).toMatchObject({ lost: 1, misread: 0 });
  });

  test('a newer state than was confirmed is none of its business, if it was sent', () => {
    const ledger = bookOf();
    const check = new ScanCheck(ledger);
    const later = inOrder(ledger.cells.map((_, i) => ledger.next(i)));
    for (const cell of later) check.visit(cursorOf(cell));
    expect(check.end()).toMatchObject({ lost: 0, misread: 0, repeated: 0 });
  });

  test('a state that was never sent is misread', () => {
    expect(found(withState(3, 3))).toMatchObject({ lost: 0, misread: 1 });
  });

  test('one byte changed in a value, a qualifier or a row is misread', () => {
    for (const part of ['value', 'qualifier', 'row'] as const) {
      const spoil = (cells: readonly Put[]): Put[] => {
        const at = cells.findIndex((cell, i) => i > 20 && cell[part].length > 3);
        const cell = cells[at];
        if (cell === undefined) throw new Error('no cell is long enough');
        const bytes = Buffer.from(cell[part]);
        bytes[bytes.length - 1] = (bytes.at(-1) ?? 0) ^ 0x10;
        return cells.toSpliced(at, 1, { ...cell, [part]: bytes });
      };
      expect({ part, misread: found(spoil).misread > 0 }).toEqual({ part, misread: true });
    }
  });

  test('a value cut short, or an empty one in its place, is misread', () => {
    for (const kept of [0, 1]) {
      const cut = (cells: readonly Put[]): Put[] => {
        const at = cells.findIndex(({ value }) => value.length > 1);
        const cell = cells[at];
        if (cell === undefined) throw new Error('no cell is long enough');
        return cells.toSpliced(at, 1, { ...cell, value: cell.value.subarray(0, kept) });
      };
      expect(found(cut)).toMatchObject({ misread: 1 });
    }
  });

  test('a cell, and a stretch of rows, that come again are repeated', () => {
    expect(found((cells) => cells.toSpliced(9, 0, ...cells.slice(8, 9)))).toMatchObject({
      repeated: 1,
      lost: 0,
    });
    const again = found((cells) => cells.toSpliced(60, 0, ...cells.slice(50, 60)));
    expect(again.repeated).toBe(10);
  });

  test('rows out of order are misread', () => {
    expect(found((cells) => [...cells.slice(1), ...cells.slice(0, 1)])).toMatchObject({
      lost: 0,
      misread: 1,
      repeated: 0,
    });
  });
});

/** The second cell of the first row that has two. */
function twin(cells: readonly Put[]): number {
  return cells.findIndex(({ row }, i) => cells[i - 1]?.row.equals(row) === true);
}

type Spoil = (cells: readonly Put[], ledger: Ledger) => readonly Put[];

/** A cell of the scan in its n-th state. */
function withState(at: number, n: number): Spoil {
  return (cells, ledger) => {
    const cell = cells[at];
    const i = cell === undefined ? undefined : ledger.indexOf(cell);
    return cells.toSpliced(at, 1, ledger.put(i ?? -1, n));
  };
}

/** Two states of each cell, both confirmed. */
function bookOf(): Ledger {
  const ledger = new Ledger(seed, rows);
  for (const [i] of ledger.cells.entries()) {
    ledger.next(i);
    ledger.confirm(i, ledger.next(i).version);
  }
  return ledger;
}

function inOrder(cells: readonly Put[]): Put[] {
  return cells.toSorted((a, b) => a.row.compare(b.row) || a.qualifier.compare(b.qualifier));
}

/** What the check says of a scan that something was done to. */
function found(spoil: Spoil): ReturnType<ScanCheck['end']> {
  const ledger = bookOf();
  const check = new ScanCheck(ledger);
  const stored = inOrder(ledger.cells.map((_, i) => ledger.put(i, 2)));
  for (const cell of spoil(stored, ledger)) check.visit(cursorOf(cell));
  return check.end();
}

function cursorOf({ row, qualifier, value, version }: Put): CellCursor {
  const rowEnd = row.length;
  const qualifierEnd = rowEnd + qualifier.length;
  return {
    bytes: Buffer.concat([row, qualifier, value]),
    rowStart: 0,
    rowEnd,
    qualifierStart: rowEnd,
    qualifierEnd,
    valueStart: qualifierEnd,
    valueEnd: qualifierEnd + value.length,
    version,
  };
}
