// The bytes of a cell on the wire, as HBase's KeyValueCodec writes them, by hand:
//   length i32 · key length i32 · value length i32 · row length i16 · row · family length i8 ·
//   family · qualifier · timestamp i64 · type i8 · value
// Promises not to make an object per cell, and to fail on bytes that are no cell.
import type { CellCursor, PutBatch } from '../model/rows.ts';
import type { Reply } from './connection.ts';
import { invalidReply } from './failures.ts';
import { messages } from './messages.ts';
import type { ScanResponse } from './messages.ts';

/** What a cell has beside row, family, qualifier and value. */
const fixedBytes = 4 + 4 + 4 + 2 + 1 + 8 + 1;
const keyFixedBytes = 2 + 1 + 8 + 1;
const typePut = 4;
const shortBytesMax = 40;

export function cellBytesOf(batch: PutBatch, i: number, family: Buffer): number {
  return (
    fixedBytes +
    family.length +
    (batch.rowLengths[i] ?? 0) +
    (batch.qualifierLengths[i] ?? 0) +
    (batch.valueLengths[i] ?? 0)
  );
}

/** Writes put i of the batch at `at`; answers the offset after it. */
export function writeCell(
  into: Buffer,
  at: number,
  put: { readonly batch: PutBatch; readonly i: number; readonly family: Buffer },
): number {
  const { batch, i, family } = put;
  const rowStart = batch.starts[i] ?? 0;
  const rowLength = batch.rowLengths[i] ?? 0;
  const qualifierLength = batch.qualifierLengths[i] ?? 0;
  const valueLength = batch.valueLengths[i] ?? 0;
  const version = batch.versions[i] ?? 0;
  const keyLength = keyFixedBytes + rowLength + family.length + qualifierLength;
  let end = writeInt32(into, 8 + keyLength + valueLength, at);
  end = writeInt32(into, keyLength, end);
  end = writeInt32(into, valueLength, end);
  into[end++] = rowLength >>> 8;
  into[end++] = rowLength & 0xff;
  end = copyBytes(batch.bytes, rowStart, rowLength, into, end);
  into[end++] = family.length;
  end = copyBytes(family, 0, family.length, into, end);
  end = copyBytes(batch.bytes, rowStart + rowLength, qualifierLength, into, end);
  end = writeInt32(into, Math.floor(version / 0x1_0000_0000), end);
  end = writeInt32(into, version, end);
  into[end++] = typePut;
  const valueStart = rowStart + rowLength + qualifierLength;
  return copyBytes(batch.bytes, valueStart, valueLength, into, end);
}

export interface Results {
  readonly rows: number;
  readonly cells: number;
}

/** Checks a whole reply, then visits every cell of it in order: no part of a broken one is seen. */
export function readResults(
  reply: Reply,
  visit: (cell: CellCursor) => void,
  response: ScanResponse = decodeScanResponse(reply),
): Results {
  checkResults(reply, response);
  return visitResults(reply, visit, response);
}

/** The first and the last row of a reply. */
export interface RowEnds {
  readonly first: Buffer;
  readonly last: Buffer;
}

/**
 * Throws unless the cells are whole, each result is of one row, and the rows come in order: in that
 * of their bytes, which is not the order of meta.
 */
export function checkResults(
  reply: Reply,
  response: ScanResponse,
  { ordered }: { readonly ordered: boolean } = { ordered: true },
): RowEnds | null {
  // Asked for whole rows only: a part of one would be read as if it were all of it.
  if (response.partialFlagPerResult.includes(true)) {
    throw invalidReply('a part of a row came where whole rows were asked for');
  }
  const { bytes } = reply;
  let at = reply.cellsStart;
  let last = -1;
  for (const count of response.cellsPerResult) {
    const first = at;
    let cell = at;
    for (let i = 0; i < count; i++) {
      cell = at;
      at = endOfCell(bytes, cell);
    }
    if (count === 0) continue;
    if (count > 1 && compareRows(bytes, first, cell) !== 0) {
      throw invalidReply('cells of two rows came as one');
    }
    if (ordered && last >= 0 && compareRows(bytes, last, first) >= 0) {
      throw invalidReply('rows came out of order');
    }
    last = first;
  }
  if (at !== bytes.length) throw invalidReply('cells are left over in a reply');
  return last < 0 ? null : { first: rowAt(bytes, reply.cellsStart), last: rowAt(bytes, last) };
}

/** Of a reply that was checked. */
export function visitResults(
  reply: Reply,
  visit: (cell: CellCursor) => void,
  response: ScanResponse,
): Results {
  const cursor = newCursor(reply.bytes);
  let cells = 0;
  let at = reply.cellsStart;
  for (const count of response.cellsPerResult) {
    for (let i = 0; i < count; i++) {
      at = readCell(reply.bytes, at, cursor);
      visit(cursor);
    }
    cells += count;
  }
  return { rows: response.cellsPerResult.length, cells };
}

export function decodeScanResponse(reply: Reply): ScanResponse {
  const message = reply.bytes.subarray(reply.messageStart, reply.messageEnd);
  const response = messages.scanResponse.decode(message);
  if (response.results.length > 0) throw invalidReply('cells came outside of the cell block');
  // Left out, they would read as false: the end, and all that follows missing without an error.
  if (!Object.hasOwn(response, 'moreResults') || !Object.hasOwn(response, 'moreResultsInRegion')) {
    throw invalidReply('a reply does not say whether more follows');
  }
  return response;
}

function newCursor(bytes: Buffer): CellCursor {
  return {
    bytes,
    rowStart: 0,
    rowEnd: 0,
    qualifierStart: 0,
    qualifierEnd: 0,
    valueStart: 0,
    valueEnd: 0,
    version: 0,
  };
}

/** Checks the lengths of the cell at `at`; answers the offset after it. */
function endOfCell(bytes: Buffer, at: number): number {
  if (at + fixedBytes > bytes.length) throw invalidReply('a cell is cut off');
  const end = at + 4 + readInt32(bytes, at);
  const keyLength = readInt32(bytes, at + 4);
  const valueLength = readInt32(bytes, at + 8);
  const keyEnd = at + 12 + keyLength;
  const rowEnd = at + 14 + rowLengthAt(bytes, at);
  const qualifierStart = rowEnd + 1 + (bytes[rowEnd] ?? 0);
  const whole = valueLength >= 0 && keyEnd + valueLength === end && end <= bytes.length;
  if (!whole || qualifierStart > keyEnd - 9) throw invalidReply('a cell has wrong lengths');
  return end;
}

/** Rows that follow one another begin alike, and a call into native code would cost more. */
function compareRows(bytes: Buffer, a: number, b: number): number {
  const aLength = rowLengthAt(bytes, a);
  const bLength = rowLengthAt(bytes, b);
  const length = Math.min(aLength, bLength);
  for (let k = 14; k < 14 + length; k++) {
    const difference = (bytes[a + k] ?? 0) - (bytes[b + k] ?? 0);
    if (difference !== 0) return difference;
  }
  return aLength - bLength;
}

function rowAt(bytes: Buffer, at: number): Buffer {
  return bytes.subarray(at + 14, at + 14 + rowLengthAt(bytes, at));
}

/** Sets the cursor to the cell at `at`, which was checked; answers the offset after the cell. */
function readCell(bytes: Buffer, at: number, cursor: CellCursor): number {
  const keyEnd = at + 12 + readInt32(bytes, at + 4);
  const end = keyEnd + readInt32(bytes, at + 8);
  const rowEnd = at + 14 + rowLengthAt(bytes, at);
  const qualifierEnd = keyEnd - 9;
  cursor.rowStart = at + 14;
  cursor.rowEnd = rowEnd;
  cursor.qualifierStart = rowEnd + 1 + (bytes[rowEnd] ?? 0);
  cursor.qualifierEnd = qualifierEnd;
  cursor.valueStart = keyEnd;
  cursor.valueEnd = end;
  cursor.version =
    readInt32(bytes, qualifierEnd) * 0x1_0000_0000 + (readInt32(bytes, qualifierEnd + 4) >>> 0);
  return end;
}

/** By hand: Buffer's own readers check their arguments, which costs more than reading. */
function readInt32(bytes: Buffer, at: number): number {
  return (
    ((bytes[at] ?? 0) << 24) |
    ((bytes[at + 1] ?? 0) << 16) |
    ((bytes[at + 2] ?? 0) << 8) |
    (bytes[at + 3] ?? 0)
  );
}

function rowLengthAt(bytes: Buffer, cell: number): number {
  return ((bytes[cell + 12] ?? 0) << 8) | (bytes[cell + 13] ?? 0);
}

function writeInt32(into: Buffer, value: number, at: number): number {
  into[at] = value >>> 24;
  into[at + 1] = value >>> 16;
  into[at + 2] = value >>> 8;
  into[at + 3] = value;
  return at + 4;
}

/** A call into native code costs more than copying a short key byte by byte. */
function copyBytes(from: Buffer, start: number, length: number, into: Buffer, at: number): number {
  if (length > shortBytesMax) from.copy(into, at, start, start + length);
  else for (let k = 0; k < length; k++) into[at + k] = from[start + k] ?? 0;
  return at + length;
}
