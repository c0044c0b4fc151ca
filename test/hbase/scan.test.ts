// Scans of a real HBase: every row, each whole, whatever the size of replies and regions.
import { expect, test } from '@jest/globals';
import { hbaseScanReplyBytesMax } from '../../src/limits.ts';
import { PutBatch } from '../../src/model/rows.ts';
import { everything, putAll, read } from './cells.ts';
import { inTime } from './client-options.ts';
import { describeOnHBase, newTable } from './with-hbase.ts';
import type { OnHBase } from './with-hbase.ts';

const manyRows = 120_000;
const qualifier = Buffer.from([1]);

describeOnHBase('scans', (on) => {
  test('more than 100,000 rows in many regions come exactly once, in order', async () => {
    const splits = Array.from({ length: 15 }, (_, i) => Buffer.from([(i + 1) * 16]));
    const place = await newTable(on(), splits);
    await putMany(on(), place, manyRows);
    let rows = 0;
    let previous = Buffer.alloc(0);
    let sum = 0;
    const tally = await on().client.scan(
      place,
      everything,
      (cell) => {
        const row = Buffer.from(cell.bytes.subarray(cell.rowStart, cell.rowEnd));
        if (previous.compare(row) >= 0) throw new Error('a row came twice or out of order');
        previous = row;
        sum += cell.bytes.readUInt32BE(cell.valueStart);
        rows++;
      },
      { timeoutMs: 60_000 },
    );
    expect(rows).toBe(manyRows);
    expect(sum).toBe((manyRows * (manyRows - 1)) / 2);
    expect(tally).toMatchObject({ rows: manyRows, cells: manyRows });
  }, 120_000);

  // M24: without client_handles_partials every result is a whole row.
  test('rows larger than a reply come whole', async () => {
    const place = await newTable(on());
    const value = Buffer.alloc(200_000, 7);
    const cellsPerRow = Math.ceil((hbaseScanReplyBytesMax * 1.5) / value.length);
    const rows = [1, 2, 3].map((row) => Buffer.from([row]));
    await putAll(
      on().client,
      place,
      rows.flatMap((row) =>
        Array.from({ length: cellsPerRow }, (_, i) => ({
          row,
          qualifier: Buffer.from([i]),
          value,
          version: 1,
        })),
      ),
    );
    const { cells, tally } = await read(on().client, place);
    expect(cells.length).toBe(3 * cellsPerRow);
    expect(cells.every((cell) => cell.value.equals(value))).toBe(true);
    expect(tally.rows).toBe(3);
    expect(tally.calls).toBeGreaterThanOrEqual(3);
  }, 60_000);

  test('many calls for one region join without a gap', async () => {
    const place = await newTable(on());
    const value = Buffer.alloc(50_000, 1);
    const puts = Array.from({ length: 200 }, (_, i) => ({
      row: Buffer.from([0, i]),
      qualifier,
      value,
      version: 1,
    }));
    await putAll(on().client, place, puts);
    const { cells, tally } = await read(on().client, place);
    expect(cells.map((cell) => cell.row[1])).toEqual(puts.map((_, i) => i));
    expect(tally.calls).toBeGreaterThan(4);
  }, 60_000);

  test('a range is cut where it says, across regions', async () => {
    const place = await newTable(on(), [Buffer.from('b'), Buffer.from('c')]);
    const rows = ['a', 'a\0', 'b', 'ba', 'c', 'd'].map((row) => Buffer.from(row));
    await putAll(
      on().client,
      place,
      rows.map((row) => ({ row, qualifier, value: Buffer.alloc(0), version: 1 })),
    );
    const range = { start: Buffer.from('a\0'), stop: Buffer.from('c') };
    const { cells } = await read(on().client, place, range);
    expect(cells.map((cell) => cell.row.toString())).toEqual(['a\0', 'b', 'ba']);
  });
});

async function putMany(
  { client }: OnHBase,
  place: { readonly table: string; readonly family: Buffer },
  count: number,
): Promise<void> {
  const batch = new PutBatch(count);
  for (let i = 0; i < count; i++) {
    const row = Buffer.alloc(6);
    row[0] = i % 256;
    row.writeUInt32BE(i, 2);
    const value = Buffer.alloc(4);
    value.writeUInt32BE(i, 0);
    batch.add({ row, qualifier, value, version: 1 });
  }
  const outcome = await client.put(place, batch, inTime);
  expect(outcome.confirmedCount).toBe(count);
}
