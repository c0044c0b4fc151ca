// Small words for tests of stores: rows from bytes, batches from puts, scans into arrays.
import { randomBytes } from 'node:crypto';
import { PutBatch } from '../../src/model/rows.ts';
import type { CellCursor, Put, PutOutcome, RowRange, ScanTally } from '../../src/model/rows.ts';
import type { RowStore, TableName } from '../../src/store/row-store.ts';

/** Answers the open store of the suite; only called inside tests. */
export type Store = () => RowStore;

/** Versions like the product's: near now, since HBase hides what is older than its TTL. */
export const baseVersion = Math.floor(Date.now() / 900_000) * 900_000;

export const inTime = { timeoutMs: 30_000 };

/** The live qualifier's shape is of no interest to a RowStore: any bytes will do. */
export const qualifier = Buffer.from('q');

export function batchOf(puts: readonly Put[]): PutBatch {
  const batch = new PutBatch(puts.length);
  for (const one of puts) batch.add(one);
  return batch;
}

export function put(rows: RowStore, table: TableName, puts: readonly Put[]): Promise<PutOutcome> {
  return rows.put(table, batchOf(puts), inTime);
}

/** Puts and insists that all of it was confirmed. */
export async function putAll(
  rows: RowStore,
  table: TableName,
  puts: readonly Put[],
): Promise<void> {
  const outcome = await put(rows, table, puts);
  for (const failure of outcome.failures.values()) throw failure;
  if (outcome.confirmedCount !== puts.length) throw new Error('not all puts were confirmed');
}

export function putOf(cell: CellCursor): Put {
  const part = (start: number, end: number): Buffer => Buffer.from(cell.bytes.subarray(start, end));
  return {
    row: part(cell.rowStart, cell.rowEnd),
    qualifier: part(cell.qualifierStart, cell.qualifierEnd),
    value: part(cell.valueStart, cell.valueEnd),
    version: cell.version,
  };
}

export async function scan(
  rows: RowStore,
  table: TableName,
  range: RowRange,
): Promise<{ cells: Put[]; tally: ScanTally }> {
  const cells: Put[] = [];
  const tally = await rows.scan(table, range, (cell) => cells.push(putOf(cell)), inTime);
  return { cells, tally };
}

export async function scanCells(
  rows: RowStore,
  table: TableName,
  range: RowRange,
): Promise<readonly Put[]> {
  return (await scan(rows, table, range)).cells;
}

/** All rows that begin with the bytes. */
export function startingWith(prefix: Buffer): RowRange {
  const stop = Buffer.from(prefix);
  for (let i = stop.length - 1; i >= 0; i--) {
    const byte = stop[i] ?? 0;
    if (byte === 0xff) continue;
    stop[i] = byte + 1;
    return { start: prefix, stop: stop.subarray(0, i + 1) };
  }
  return { start: prefix, stop: Buffer.alloc(0) };
}

/** Rows of one test: they begin with bytes of its own, somewhere in the table. */
export function ownRows(): { readonly rowOf: (...bytes: number[]) => Buffer; all: RowRange } {
  const prefix = randomBytes(6);
  return {
    rowOf: (...bytes) => Buffer.concat([prefix, Buffer.from(bytes)]),
    all: startingWith(prefix),
  };
}
