// The bytes of counts cells, drawn in docs/FORMATS.md: a change here is a new format version.
import { describe, expect, test } from '@jest/globals';
import * as fc from 'fast-check';
import type { Cell } from '../../src/model/cell.ts';
import { CounterError } from '../../src/model/errors.ts';
import { quarterStartMs } from '../../src/model/quarter.ts';
import { PutBatch } from '../../src/model/rows.ts';
import type { CellCursor, Put } from '../../src/model/rows.ts';
import type { WriterId } from '../../src/model/writer-id.ts';
import type { CellEntry } from '../../src/store/cell-codec.ts';
import { RowEntries, putCell } from '../../src/store/cell-codec.ts';
import { ad, cellOf, hardIds, linesOf, site } from '../support/cells.ts';

const day = 20_729;
const first = day * 96;
const writer = '00112233445566fe' as WriterId;

function encoded(cell: Cell, salts = 16): Put {
  const batch = new PutBatch(1);
  putCell(batch, cell, salts);
  return batch.at(0);
}

function hexOf(put: Put): Record<string, unknown> {
  const { row, qualifier, value, version } = put;
  return {
    row: row.toString('hex'),
    qualifier: qualifier.toString('hex'),
    value: value.toString('hex'),
    version,
  };
}

function cursorOf(qualifier: Buffer, value: Buffer, version: number): CellCursor {
  // Not at the start of its buffer, as in the middle of a reply.
  const bytes = Buffer.concat([Buffer.from('row'), qualifier, value, Buffer.from('next')]);
  const qualifierEnd = 3 + qualifier.length;
  return {
    bytes,
    rowStart: 0,
    rowEnd: 3,
    qualifierStart: 3,
    qualifierEnd,
    valueStart: qualifierEnd,
    valueEnd: qualifierEnd + value.length,
    version,
  };
}

function decoded(...cells: readonly CellCursor[]): readonly CellEntry[] {
  const row = new RowEntries({ site: site('site.example'), day });
  for (const cell of cells) row.add(cell);
  return row.merged();
}

/** Code of the CounterError, undefined where nothing was thrown. */
function thrownBy(read: () => unknown): string | undefined {
  try {
    read();
    return undefined;
  } catch (thrown) {
    if (thrown instanceof CounterError) return thrown.code;
    throw thrown;
  }
}

const live = (hex: string): Buffer => Buffer.from(hex.replaceAll(' ', ''), 'hex');
const dayStartMs = quarterStartMs(first);
const invalid = expect.objectContaining({ code: 'BYTES_INVALID', remedy: 'give-up' });

describe('golden bytes', () => {
  test('a live cell of impressions and clicks', () => {
    const cell = cellOf({
      writer,
      ad: ad('ad'),
      site: site('site.example'),
      eventQuarter: first + 16,
      counts: [1, 300, 2, 1],
    });
    expect(hexOf(encoded(cell))).toEqual({
      row: '0b61640050f9736974652e6578616d706c65',
      qualifier: '0110000000112233445566fe',
      value: '01ac020201',
      version: 1_791_000_000_301,
    });
  });

  test('a live cell at its bounds: lag, writer, count, all of Unicode', () => {
    const cell = cellOf({
      writer: 'fffffffffffffffe' as WriterId,
      ad: ad('é\u{1f600}'),
      site: site('ü'),
      eventQuarter: first + 95,
      lag: 65_535,
      counts: [1, 2 ** 51, 16, 127, 111, 128],
    });
    expect(hexOf(encoded(cell))).toEqual({
      row: '0bc3a9f09f98800050f9c3bc',
      qualifier: '015ffffffffffffffffffffe',
      value: '018080808080808004107f6f8001',
      version: 2_253_590_884_785_503,
    });
  });

  test('a folded cell of two writers', () => {
    const value = live(
      `01 02 00112233445566fe 00112233445566ff
      10 00 00 01 01 ac02   10 00 01 02 01 05 02 01   11 8101 00 01 01 03`.replaceAll('\n', ''),
    );
    const total = 300 + 6 + 3;
    expect(linesOf(decoded(cursorOf(live('02'), value, dayStartMs + total)))).toEqual([
      `site.example ${first + 16} 0 00112233445566fe 1+300`,
      `site.example ${first + 16} 0 00112233445566ff 1+5+2+1`,
      `site.example ${first + 17} 129 00112233445566fe 1+3`,
    ]);
  });
});

describe('round trip', () => {
  const counts = fc
    .uniqueArray(fc.integer({ min: 1, max: 255 }), { minLength: 1, maxLength: 8 })
    .chain((measures) =>
      fc.tuple(
        ...[...measures]
          .sort((a, b) => a - b)
          .map((m) => fc.tuple(fc.constant(m), fc.integer({ min: 1, max: 2 ** 45 }))),
      ),
    )
    .map((pairs) => pairs.flat());

  test('every cell is read back as it was put', () => {
    const law = fc.property(
      fc.record({
        id: fc.constantFrom(...hardIds),
        quarterOfDay: fc.nat(95),
        lag: fc.nat(65_535),
        writerHex: fc.stringMatching(/^[0-9a-f]{16}$/),
        counts,
      }),
      (parts) => {
        const cell = cellOf({
          ad: ad(parts.id),
          site: site('site.example'),
          eventQuarter: first + parts.quarterOfDay,
          lag: parts.lag,
          writer: parts.writerHex as WriterId,
          counts: parts.counts,
        });
        const put = encoded(cell);
        const entries = decoded(cursorOf(put.qualifier, put.value, put.version));
        expect(linesOf(entries)).toEqual(linesOf([cell]));
      },
    );
    fc.assert(law, { numRuns: 300 });
  });

  test('bytes that change are refused or are another valid cell, never a crash', () => {
    const put = encoded(cellOf({ eventQuarter: first, counts: [1, 300, 2, 7, 16, 9] }));
    const law = fc.property(fc.nat(put.value.length - 1), fc.nat(255), (at, byte) => {
      const value = Buffer.from(put.value);
      value[at] = byte;
      if (value.equals(put.value)) return;
      const thrown = thrownBy(() => decoded(cursorOf(put.qualifier, value, put.version)));
      expect([undefined, 'BYTES_INVALID']).toContain(thrown);
    });
    fc.assert(law, { numRuns: 500 });
  });
});

describe('what does not fit is refused', () => {
  const liveQualifier = live('01 10 0000 00112233445566fe');
  const startMs = quarterStartMs(first + 16);
  const values: readonly (readonly [string, string, number])[] = [
    ['an empty value', '', 0],
    ['a measure without a count', '01', 0],
    ['a count of zero', '0100', 0],
    ['a uvarint that is not in its shortest form', '018100', 1],
    ['a uvarint that does not end', '0180', 0],
    ['a measure of zero', '0005', 5],
    ['measures that do not ascend', '02010101', 2],
    ['a measure twice', '01010101', 2],
    ['counts beyond the bound of a cell', '01808080808080808001', 2 ** 52],
    ['a version that is not the sum', '0105', 6],
  ];
  test.each(values)('%s', (_, hex, n) => {
    const cell = cursorOf(liveQualifier, live(hex), startMs + n);
    expect(() => decoded(cell)).toThrow(invalid);
  });

  const qualifiers: readonly (readonly [string, string])[] = [
    ['no qualifier', ''],
    ['an unknown kind', '03'],
    ['a live qualifier cut short', '01 10 0000 001122334455'],
    ['a live qualifier with more', '01 10 0000 00112233445566fe 00'],
    ['a quarter beyond the day', '01 60 0000 00112233445566fe'],
    ['a folded qualifier with more', '02 00'],
  ];
  test.each(qualifiers)('%s', (_, hex) => {
    const cell = cursorOf(live(hex), live('0105'), startMs + 5);
    expect(() => decoded(cell)).toThrow(invalid);
  });

  const folded: readonly (readonly [string, string, number])[] = [
    ['no format', '', 0],
    ['an unknown format', '02 00', 0],
    ['more writers than bytes', '01 02 0011223344556677', 0],
    ['a writer that is not in the list', '01 01 0011223344556677 00 00 01 01 01 05', 5],
    ['a quarter beyond the day', '01 01 0011223344556677 60 00 00 01 01 05', 5],
    ['a lag beyond its bound', '01 01 0011223344556677 00 808004 00 01 01 05', 5],
    ['an entry without measures', '01 01 0011223344556677 00 00 00 00', 0],
    ['an entry twice', '01 01 0011223344556677 00 00 00 01 01 05 00 00 00 01 01 05', 10],
    ['a version that is not the sum', '01 01 0011223344556677 00 00 00 01 01 05', 6],
  ];
  test.each(folded)('folded: %s', (_, hex, n) => {
    expect(() => decoded(cursorOf(live('02'), live(hex), dayStartMs + n))).toThrow(invalid);
  });

  test('a cell that comes twice', () => {
    const cell = cursorOf(liveQualifier, live('0105'), startMs + 5);
    expect(() => decoded(cell, cell)).toThrow(invalid);
  });

  const mistakes: readonly (readonly [string, Partial<Cell>])[] = [
    ['no counts', { counts: [] }],
    ['a count of zero', { counts: [1, 0] }],
    ['a fraction', { counts: [1, 1.5] }],
    ['measures out of order', { counts: [2, 1, 1, 1] }],
    ['n at its bound', { counts: [1, 2 ** 51, 2, 2 ** 51] }],
    ['a negative lag', { lag: -1 }],
    ['a lag beyond u16', { lag: 65_536 }],
    ['an id that is far too long', { ad: ad('x'.repeat(300)) }],
    ['a day beyond u16', { eventQuarter: 65_536 * 96 }],
  ];
  test.each(mistakes)('our own mistake stops the process: %s', (_, parts) => {
    expect(() => encoded(cellOf({ eventQuarter: first, ...parts }))).toThrow(
      expect.objectContaining({ name: 'AssertionError' }),
    );
  });
});
