// What every RowStore promises of puts: the higher version is read, whatever came last.
import { randomBytes } from 'node:crypto';
import { expect, test } from '@jest/globals';
import type { Put } from '../../src/model/rows.ts';
import type { Store } from '../support/rows.ts';
import { baseVersion, batchOf, inTime, ownRows, put } from '../support/rows.ts';
import { putAll, qualifier, scanCells } from '../support/rows.ts';

export function putContract(store: Store): void {
  test('a put is read back byte for byte, with its version', async () => {
    const { rowOf, all } = ownRows();
    const cell = { ...one(rowOf(1), 7), qualifier: Buffer.from([1, 0, 255]) };
    await putAll(store(), 'counts', [cell]);
    expect(await scanCells(store(), 'counts', all)).toEqual([cell]);
  });

  test('a repeated put changes nothing and is confirmed', async () => {
    const { rowOf, all } = ownRows();
    for (let i = 0; i < 3; i++) await putAll(store(), 'counts', [one(rowOf(1), 5)]);
    expect(await scanCells(store(), 'counts', all)).toEqual([one(rowOf(1), 5)]);
  });

  test('a stale put is confirmed and stays invisible', async () => {
    const { rowOf, all } = ownRows();
    await putAll(store(), 'counts', [one(rowOf(1), 100)]);
    await putAll(store(), 'counts', [one(rowOf(1), 90)]);
    expect(await scanCells(store(), 'counts', all)).toEqual([one(rowOf(1), 100)]);
  });

  test('a higher version replaces a lower one', async () => {
    const { rowOf, all } = ownRows();
    await putAll(store(), 'counts', [one(rowOf(1), 90)]);
    await putAll(store(), 'counts', [one(rowOf(1), 100)]);
    expect(await scanCells(store(), 'counts', all)).toEqual([one(rowOf(1), 100)]);
  });

  test('of several puts of a cell in one batch the highest version is read', async () => {
    const { rowOf, all } = ownRows();
    const states = [3, 9, 1, 9, 4].map((n) => one(rowOf(1), n));
    await putAll(store(), 'counts', states);
    expect(await scanCells(store(), 'counts', all)).toEqual([one(rowOf(1), 9)]);
  });

  test('puts that arrive in any order end in the same state', async () => {
    const { rowOf, all } = ownRows();
    const states = [5, 2, 8, 1, 7, 3].map((n) => one(rowOf(1), n));
    await Promise.all(states.map((state) => putAll(store(), 'counts', [state])));
    expect(await scanCells(store(), 'counts', all)).toEqual([one(rowOf(1), 8)]);
  });

  test('cells of one row are versioned apart', async () => {
    const { rowOf, all } = ownRows();
    const left = { ...one(rowOf(1), 50), qualifier: Buffer.from('a') };
    const right = { ...one(rowOf(1), 2), qualifier: Buffer.from('b') };
    await putAll(store(), 'counts', [left, right]);
    expect(await scanCells(store(), 'counts', all)).toEqual([left, right]);
  });

  test('tables are apart', async () => {
    const { rowOf, all } = ownRows();
    await putAll(store(), 'counts', [one(rowOf(1), 1)]);
    await putAll(store(), 'summaries', [one(rowOf(1), 2)]);
    expect(await scanCells(store(), 'counts', all)).toEqual([one(rowOf(1), 1)]);
    expect(await scanCells(store(), 'summaries', all)).toEqual([one(rowOf(1), 2)]);
    expect(await scanCells(store(), 'sites', all)).toEqual([]);
  });

  test('an empty value is a cell', async () => {
    const { rowOf, all } = ownRows();
    const cell = { ...one(rowOf(1), 1), value: Buffer.alloc(0) };
    await putAll(store(), 'sites', [cell]);
    expect(await scanCells(store(), 'sites', all)).toEqual([cell]);
  });

  test('an empty batch confirms nothing and fails nothing', async () => {
    const outcome = await put(store(), 'counts', []);
    expect([outcome.confirmedCount, outcome.confirmed.length, outcome.failures.size]).toEqual([
      0, 0, 0,
    ]);
  });

  test('the outcome has a place for every put', async () => {
    const { rowOf } = ownRows();
    const outcome = await put(store(), 'counts', [one(rowOf(1), 1), one(rowOf(2), 2)]);
    expect([...outcome.confirmed]).toEqual([1, 1]);
    expect(outcome.confirmedCount).toBe(2);
  });

  test('a value of a megabyte comes back whole', async () => {
    const { rowOf, all } = ownRows();
    const cell = { ...one(rowOf(1), 1), value: randomBytes(1_048_576) };
    await putAll(store(), 'counts', [cell]);
    const [found] = await scanCells(store(), 'counts', all);
    expect(found?.value.equals(cell.value)).toBe(true);
  });

  test('without time left nothing is confirmed, and every put says why', async () => {
    const { rowOf } = ownRows();
    const batch = batchOf([one(rowOf(1), 1), one(rowOf(2), 1)]);
    const outcome = await store().put('counts', batch, { timeoutMs: 0 });
    expect(outcome.confirmedCount).toBe(0);
    expect([...outcome.failures.values()]).toEqual([
      expect.objectContaining({ remedy: 'retry' }),
      expect.objectContaining({ remedy: 'retry' }),
    ]);
  });

  test('a caller that has gone confirms nothing and puts nothing', async () => {
    const { rowOf, all } = ownRows();
    const batch = batchOf([one(rowOf(1), 1)]);
    const signal = AbortSignal.abort();
    const outcome = await store().put('counts', batch, { ...inTime, signal });
    expect([outcome.confirmedCount, outcome.failures.size]).toEqual([0, 1]);
    expect(await scanCells(store(), 'counts', all)).toEqual([]);
  });
}

function one(row: Buffer, n: number): Put {
  return { row, qualifier, value: Buffer.from(`n=${n}`), version: baseVersion + n };
}
