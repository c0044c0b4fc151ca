// Words of the HBase suites: cells as text lines, batches of them, and whole tables read back.
import type { HBaseClient, Place } from '../../src/hbase/hbase-client.ts';
import { PutBatch } from '../../src/model/rows.ts';
import type { Put, PutOutcome, RowRange, ScanTally } from '../../src/model/rows.ts';
import { inTime } from './client-options.ts';

export const everything: RowRange = { start: Buffer.alloc(0), stop: Buffer.alloc(0) };

export async function put(
  client: HBaseClient,
  place: Place,
  puts: readonly Put[],
  timeoutMs: number = inTime.timeoutMs,
): Promise<PutOutcome> {
  const batch = new PutBatch(puts.length);
  for (const one of puts) batch.add(one);
  return await client.put(place, batch, { timeoutMs });
}

/** Puts, and insists on all of it. */
export async function putAll(
  client: HBaseClient,
  place: Place,
  puts: readonly Put[],
): Promise<void> {
  const outcome = await put(client, place, puts);
  for (const failure of outcome.failures.values()) throw failure;
  if (outcome.confirmedCount !== puts.length) throw new Error('not all puts were confirmed');
}

export async function read(
  client: HBaseClient,
  place: Place,
  range: RowRange = everything,
): Promise<{ readonly cells: Put[]; readonly tally: ScanTally }> {
  const cells: Put[] = [];
  const tally = await client.scan(
    place,
    range,
    (cell) => {
      const part = (start: number, end: number): Buffer =>
        Buffer.from(cell.bytes.subarray(start, end));
      cells.push({
        row: part(cell.rowStart, cell.rowEnd),
        qualifier: part(cell.qualifierStart, cell.qualifierEnd),
        value: part(cell.valueStart, cell.valueEnd),
        version: cell.version,
      });
    },
    { timeoutMs: 60_000 },
  );
  return { cells, tally };
}

/** The cells of a block, as they came. */
export function putsOf(cells: Buffer): Put[] {
  const puts: Put[] = [];
  for (let at = 0; at < cells.length; at += 4 + cells.readInt32BE(at)) {
    const keyEnd = at + 12 + cells.readInt32BE(at + 4);
    const rowEnd = at + 14 + cells.readUInt16BE(at + 12);
    puts.push({
      row: cells.subarray(at + 14, rowEnd),
      qualifier: cells.subarray(rowEnd + 1 + (cells[rowEnd] ?? 0), keyEnd - 9),
      value: cells.subarray(keyEnd, keyEnd + cells.readInt32BE(at + 8)),
      version: Number(cells.readBigUInt64BE(keyEnd - 9)),
    });
  }
  return puts;
}

/** A cell as the Java program writes and reads it. */
export function lineOf({ row, qualifier, version, value }: Put): string {
  return `${hex(row)} ${hex(qualifier)} ${version} ${hex(value)}`;
}

function hex(bytes: Buffer): string {
  return bytes.length === 0 ? '-' : bytes.toString('hex');
}

/** Seeded, so that a failure can be repeated. */
export function randomOf(seed: number): (below: number) => number {
  let state = seed >>> 0;
  return (below) => {
    state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0;
    return Math.floor((state / 0x1_0000_0000) * below);
  };
}
