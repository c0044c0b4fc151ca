// Keys and values of the embedded store: five tables in one ordered key space.
//   key   = table u8 · row with 00 as 00 FF · 00 00 · qualifier
//   value = version u64 · value
// Promises: keys order as (table, row, qualifier) do, whatever bytes those hold, and no two
// cells share a key. Changing anything here is a new format version.
import { CounterError } from '../../model/errors.ts';
import type { CellCursor, PutBatch, RowRange } from '../../model/rows.ts';
import type { TableName } from '../row-store.ts';

/** Stored: never renumbered. */
const tableTags: Readonly<Record<TableName, number>> = {
  counts: 1,
  summaries: 2,
  sites: 3,
  meta: 4,
  tokens: 5,
};

const versionBytes = 8;
const wordSize = 2 ** 32;

export function orderedKey(table: TableName, row: Buffer, qualifier: Buffer): Buffer {
  const bytes = Buffer.allocUnsafe(1 + 2 * row.length + 2 + qualifier.length);
  bytes[0] = tableTags[table];
  const escapedEnd = escapeInto(bytes, 1, row);
  bytes[escapedEnd] = 0;
  bytes[escapedEnd + 1] = 0;
  return bytes.subarray(0, escapedEnd + 2 + qualifier.copy(bytes, escapedEnd + 2));
}

/** The keys of all cells in the rows of the range. */
export function orderedRange(table: TableName, range: RowRange): { gte: Buffer; lt: Buffer } {
  const gte = rowBound(table, range.start);
  const lt =
    range.stop.length === 0 ? Buffer.of(tableTags[table] + 1) : rowBound(table, range.stop);
  return { gte, lt };
}

/** Sorts behind every cell of the rows before `row`, and not behind any of its own. */
function rowBound(table: TableName, row: Buffer): Buffer {
  const bytes = Buffer.allocUnsafe(1 + 2 * row.length);
  bytes[0] = tableTags[table];
  return bytes.subarray(0, escapeInto(bytes, 1, row));
}

/** Answers the offset after the escaped row. */
function escapeInto(bytes: Buffer, offset: number, row: Buffer): number {
  let at = offset;
  for (let i = 0; i < row.length; i++) {
    const byte = row[i] ?? 0;
    bytes[at++] = byte;
    if (byte === 0) bytes[at++] = 0xff;
  }
  return at;
}

export function versionedValue(version: number, value: Buffer): Buffer {
  const bytes = Buffer.allocUnsafe(versionBytes + value.length);
  bytes.writeUInt32BE(Math.floor(version / wordSize), 0);
  bytes.writeUInt32BE(version % wordSize, 4);
  value.copy(bytes, versionBytes);
  return bytes;
}

export function versionOf(stored: Buffer): number {
  if (stored.length < versionBytes) throw invalid('a stored value without a version');
  return stored.readUInt32BE(0) * wordSize + stored.readUInt32BE(4);
}

export function valueOf(stored: Buffer): Buffer {
  return stored.subarray(versionBytes);
}

/** Key of put i of a batch. */
export function keyOfPut(table: TableName, batch: PutBatch, i: number): Buffer {
  const put = batch.at(i);
  return orderedKey(table, put.row, put.qualifier);
}

/** Turns the entries of an iterator into cells, all in one scratch. */
export class CellReader {
  /** Escaped row and terminator of the last key. */
  #prefix: Buffer = Buffer.alloc(0);
  readonly #cursor: CellCursor = {
    bytes: Buffer.alloc(1024),
    rowStart: 0,
    rowEnd: 0,
    qualifierStart: 0,
    qualifierEnd: 0,
    valueStart: 0,
    valueEnd: 0,
    version: 0,
  };
  rows = 0;
  cells = 0;

  read(key: Buffer, stored: Buffer): CellCursor {
    const cursor = this.#cursor;
    this.#makeRoom(key.length + stored.length);
    if (!this.#sameRow(key)) this.#readRow(key);
    cursor.version = versionOf(stored);
    const { bytes } = cursor;
    cursor.qualifierEnd =
      cursor.qualifierStart + key.copy(bytes, cursor.qualifierStart, this.#prefix.length);
    cursor.valueStart = cursor.qualifierEnd;
    cursor.valueEnd = cursor.valueStart + stored.copy(bytes, cursor.valueStart, versionBytes);
    this.cells++;
    return cursor;
  }

  #sameRow(key: Buffer): boolean {
    const length = this.#prefix.length;
    return (
      length > 0 && key.length >= length && key.compare(this.#prefix, 0, length, 0, length) === 0
    );
  }

  #readRow(key: Buffer): void {
    const cursor = this.#cursor;
    let rowEnd = 0;
    for (let at = 1; ; at++) {
      const byte = key[at];
      if (byte === undefined) throw invalid('a stored key without an end of its row');
      if (byte !== 0) cursor.bytes[rowEnd++] = byte;
      else if (key[at + 1] === 0xff) {
        cursor.bytes[rowEnd++] = 0;
        at++;
      } else {
        this.#prefix = Buffer.from(key.subarray(0, at + 2));
        cursor.rowEnd = rowEnd;
        cursor.qualifierStart = rowEnd;
        this.rows++;
        return;
      }
    }
  }

  #makeRoom(bytes: number): void {
    const cursor = this.#cursor;
    if (cursor.bytes.length >= bytes) return;
    const larger = Buffer.alloc(bytes * 2);
    cursor.bytes.copy(larger, 0, 0, cursor.rowEnd);
    cursor.bytes = larger;
  }
}

function invalid(detail: string): CounterError {
  return new CounterError('BYTES_INVALID', 'give-up', { detail });
}
