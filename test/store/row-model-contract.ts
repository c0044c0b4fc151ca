// Every RowStore against a Map: any puts in any order, any ranges, bytes that are hard to order.
import { expect, test } from '@jest/globals';
import * as fc from 'fast-check';
import type { Put } from '../../src/model/rows.ts';
import { putAll, scanCells } from '../support/rows.ts';
import type { Store } from '../support/rows.ts';
import { baseVersion, ownRows } from '../support/rows.ts';

/** Few keys, so that they meet; made of the bytes that separate and escape. */
const hardBytes = fc.array(fc.constantFrom(0, 1, 0x61, 0xfe, 0xff), { maxLength: 4 });

const step = fc.record({
  row: hardBytes,
  qualifier: hardBytes.filter((bytes) => bytes.length > 0),
  n: fc.nat(5),
});

const history = fc.array(fc.array(step, { minLength: 1, maxLength: 20 }), { maxLength: 4 });

export function rowModelContract(store: Store): void {
  test('any puts in any batches leave the highest version of each cell, in order', async () => {
    const law = fc.asyncProperty(history, async (batches) => {
      const { rowOf, all } = ownRows();
      const model = new Map<string, Put>();
      for (const batch of batches) {
        const puts = batch.map(({ row, qualifier, n }) => ({
          row: rowOf(...row),
          qualifier: Buffer.from(qualifier),
          value: Buffer.from([n]),
          version: baseVersion + n,
        }));
        await putAll(store(), 'counts', puts);
        for (const put of puts) keepHigher(model, put);
      }
      expect(await scanCells(store(), 'counts', all)).toEqual(sorted(model));
    });
    await fc.assert(law, { numRuns: 40 });
  }, 120_000);

  test('any range holds exactly the rows between its ends', async () => {
    const { rowOf } = ownRows();
    const model = new Map<string, Put>();
    const bytes = [0, 1, 0x61, 0xfe, 0xff];
    const rows = [rowOf()];
    for (const a of bytes) {
      rows.push(rowOf(a));
      for (const b of bytes) rows.push(rowOf(a, b), rowOf(a, b, 0), rowOf(a, b, 0xff));
    }
    for (const row of rows) {
      const put = { row, qualifier: Buffer.of(0), value: row, version: baseVersion };
      keepHigher(model, put);
    }
    await putAll(store(), 'counts', [...model.values()]);
    const law = fc.asyncProperty(hardBytes, hardBytes, async (left, right) => {
      const [start, stop] = [rowOf(...left), rowOf(...right)].sort((a, b) => a.compare(b));
      if (start === undefined || stop === undefined || start.equals(stop)) return;
      const expected = sorted(model).filter(
        ({ row }) => row.compare(start) >= 0 && row.compare(stop) < 0,
      );
      expect(await scanCells(store(), 'counts', { start, stop })).toEqual(expected);
    });
    await fc.assert(law, { numRuns: 60 });
  }, 120_000);
}

function keepHigher(model: Map<string, Put>, put: Put): void {
  const name = `${put.row.toString('hex')}/${put.qualifier.toString('hex')}`;
  const standing = model.get(name);
  if (standing === undefined || put.version > standing.version) model.set(name, put);
}

function sorted(model: ReadonlyMap<string, Put>): Put[] {
  return [...model.values()].sort(
    (left, right) => left.row.compare(right.row) || left.qualifier.compare(right.qualifier),
  );
}
