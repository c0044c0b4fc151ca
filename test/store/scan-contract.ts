// What every RowStore promises of scans: all of a range, in order, rows whole, nothing beside it.
import { randomBytes } from 'node:crypto';
import { expect, test } from '@jest/globals';
import type { Put } from '../../src/model/rows.ts';
import type { Store } from '../support/rows.ts';
import { baseVersion, inTime, ownRows, putAll, putOf } from '../support/rows.ts';
import { qualifier, scan, scanCells } from '../support/rows.ts';

export function scanContract(store: Store): void {
  test('rows and qualifiers come in the order of their bytes, each row whole', async () => {
    const { rowOf, all } = ownRows();
    const rows = [rowOf(), rowOf(0), rowOf(0, 0), rowOf(0, 255), rowOf(1), rowOf(127, 128)];
    rows.push(rowOf(128), rowOf(254, 255), rowOf(255), rowOf(255, 0), rowOf(255, 255));
    const names = [[0], [0, 0], [0, 255], [1], [128], [255], [255, 0], [255, 255]];
    const cells = rows.flatMap((row) => names.map((name) => cellAt(row, Buffer.from(name))));
    await putAll(store(), 'counts', cells.toReversed());
    const found = await scan(store(), 'counts', all);
    expect(found.cells).toEqual(cells);
    expect(found.tally).toMatchObject({ rows: rows.length, cells: cells.length });
  });

  test('a range holds its start and not its stop', async () => {
    const { rowOf } = ownRows();
    const rows = [rowOf(1), rowOf(1, 0), rowOf(2), rowOf(2, 0), rowOf(3)];
    await putAll(
      store(),
      'counts',
      rows.map((row) => cellAt(row)),
    );
    const range = { start: rowOf(1, 0), stop: rowOf(2, 0) };
    const found = await scanCells(store(), 'counts', range);
    expect(found.map((cell) => cell.row)).toEqual([rowOf(1, 0), rowOf(2)]);
  });

  test('the range of a single row leaves out what begins like it', async () => {
    const { rowOf } = ownRows();
    await putAll(
      store(),
      'counts',
      [rowOf(7), rowOf(7, 0), rowOf(7, 1)].map((row) => cellAt(row)),
    );
    const found = await scanCells(store(), 'counts', { start: rowOf(7), stop: rowOf(7, 0) });
    expect(found.map((cell) => cell.row)).toEqual([rowOf(7)]);
  });

  test('an empty range and a range without rows visit nothing', async () => {
    const { rowOf, all } = ownRows();
    const nothing = await scan(store(), 'counts', all);
    expect([nothing.cells, nothing.tally.rows, nothing.tally.cells]).toEqual([[], 0, 0]);
    await putAll(store(), 'counts', [cellAt(rowOf(1)), cellAt(rowOf(3))]);
    expect(await scanCells(store(), 'counts', { start: rowOf(2), stop: rowOf(3) })).toEqual([]);
  });

  test('an empty stop reads to the end of the table', async () => {
    const last = Buffer.concat([Buffer.alloc(8, 0xff), randomBytes(8)]);
    await putAll(store(), 'counts', [cellAt(last)]);
    const range = { start: Buffer.alloc(8, 0xff), stop: Buffer.alloc(0) };
    const found = await scanCells(store(), 'counts', range);
    expect(found.map((cell) => cell.row.toString('hex'))).toContain(last.toString('hex'));
  });

  test('twenty thousand rows are put at once and none is left out of the scan', async () => {
    const { rowOf, all } = ownRows();
    const cells: Put[] = [];
    for (let i = 0; i < 20_000; i++) cells.push(cellAt(rowOf(i >> 8, i & 255)));
    await putAll(store(), 'counts', cells);
    const found = await scan(store(), 'counts', all);
    expect(found.cells.length).toBe(20_000);
    expect(found.cells.every((cell, i) => cell.row.equals(rowOf(i >> 8, i & 255)))).toBe(true);
    expect(found.tally).toMatchObject({ rows: 20_000, cells: 20_000 });
  }, 120_000);

  test('a row of five thousand cells is whole', async () => {
    const { rowOf, all } = ownRows();
    const cells: Put[] = [];
    for (let i = 0; i < 5_000; i++) cells.push(cellAt(rowOf(1), Buffer.from([i >> 8, i & 255])));
    await putAll(store(), 'counts', cells);
    const found = await scan(store(), 'counts', all);
    expect(found.tally).toMatchObject({ rows: 1, cells: 5_000 });
    expect(found.cells).toEqual(cells);
  }, 60_000);

  test('a scan beside puts sees every row that was confirmed before it began', async () => {
    const { rowOf, all } = ownRows();
    const before = Array.from({ length: 500 }, (_, i) => cellAt(rowOf(i >> 8, i & 255, 1)));
    await putAll(store(), 'counts', before);
    const beside = before.map((cell) => cellAt(Buffer.concat([cell.row, Buffer.from([9])])));
    const [found] = await Promise.all([
      scanCells(store(), 'counts', all),
      putAll(store(), 'counts', beside),
    ]);
    const seen = new Set(found.map((cell) => cell.row.toString('hex')));
    expect(before.every((cell) => seen.has(cell.row.toString('hex')))).toBe(true);
  });

  test('a visitor that throws ends the scan with its error', async () => {
    const { rowOf, all } = ownRows();
    await putAll(store(), 'counts', [cellAt(rowOf(1)), cellAt(rowOf(2))]);
    const stop = new Error('seen enough');
    const visit = (): never => {
      throw stop;
    };
    await expect(store().scan('counts', all, visit, inTime)).rejects.toBe(stop);
    expect((await scanCells(store(), 'counts', all)).length).toBe(2);
  });

  test('many scans at once each see their own range', async () => {
    const { rowOf } = ownRows();
    const cells = Array.from({ length: 64 }, (_, i) => cellAt(rowOf(i)));
    await putAll(store(), 'counts', cells);
    const ranges = cells.map((_, i) => ({ start: rowOf(i), stop: rowOf(i + 1) }));
    const found = await Promise.all(ranges.map((range) => scanCells(store(), 'counts', range)));
    expect(found).toEqual(cells.map((cell) => [cell]));
  });

  test('without time left, or for a caller that has gone, a scan fails', async () => {
    const { all } = ownRows();
    const late = store().scan('counts', all, ignore, { timeoutMs: 0 });
    await expect(late).rejects.toMatchObject({ remedy: 'retry' });
    const signal = AbortSignal.abort();
    const gone = store().scan('counts', all, ignore, { ...inTime, signal });
    await expect(gone).rejects.toMatchObject({ name: 'CounterError' });
  });

  test('a cursor may be reused: what is copied stays', async () => {
    const { rowOf, all } = ownRows();
    await putAll(store(), 'counts', [cellAt(rowOf(1)), cellAt(rowOf(2, 2)), cellAt(rowOf(3))]);
    const copies: Put[] = [];
    await store().scan('counts', all, (cell) => copies.push(putOf(cell)), inTime);
    expect(copies.map((cell) => cell.value)).toEqual([[1], [2, 2], [3]].map((b) => Buffer.from(b)));
  });

  test('the tables are as they must be, and creating them again creates nothing', async () => {
    expect(await store().verifyTables(inTime)).toEqual([]);
    expect(await store().createTables(inTime)).toEqual([]);
  }, 60_000);

  test('the clock of the store is near that of this machine', async () => {
    const beforeMs = Date.now();
    const nowMs = await store().nowMs(inTime);
    expect(Math.abs(nowMs - beforeMs)).toBeLessThan(60_000);
  });
}

function cellAt(row: Buffer, name = qualifier): Put {
  return { row, qualifier: name, value: row.subarray(6), version: baseVersion };
}

function ignore(): void {}
