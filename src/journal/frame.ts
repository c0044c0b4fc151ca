// Owns the bytes of a frame, both ways, as drawn in docs/FORMATS.md.
// Encodes into one reused buffer, without garbage per cell. Never touches a disk and never
// decides what a bad frame means (frame-scan.ts does).
import { crc32 } from 'node:zlib';
import { journalCellBytesMax, journalFrameBytesMax, journalFrameCellsMax } from '../limits.ts';
import { assert } from '../model/assert.ts';
import { cellCountEnd, idBytesMax } from '../model/cell.ts';
import type { MeasureCounts } from '../model/cell.ts';
import { uvarintBytesMax, writeUvarint } from '../model/uvarint.ts';

export const frameTypes = { registered: 1, unregistered: 2 } as const;

/** length u32 · type u8 · position u64 · accept time u64. */
export const frameHeadBytes = 4 + 1 + 8 + 8;
export const frameCrcBytes = 4;
/** flags u8 · settled · entries · cells, each at its shortest. */
export const payloadBytesMin = 4;
export const frameBytesMin = frameHeadBytes + payloadBytesMin + frameCrcBytes;

export const flagRegistered = 1;

/** A cell as it stands after the frame. */
export interface FrameCell {
  /** Of the table of the acceptance quarter. */
  readonly number: number;
  /** True: counted by w + 1. */
  readonly claimed: boolean;
  readonly eventQuarter: number;
  readonly ad: string;
  readonly site: string;
  /** Absolute, all measures. */
  readonly counts: MeasureCounts;
  /** Ordinal of the segment that last brought the key, 0: none. The journal alone sets it. */
  keySegment: number;
}

export interface Frame {
  readonly acceptMs: number;
  /** Undefined: the writer is not registered yet. */
  readonly acceptanceQuarter: number | undefined;
  /** In the first frame after registration. */
  readonly registeredMs?: number | undefined;
  readonly cells: readonly FrameCell[];
}

/** One growing buffer for all frames of a journal; its bytes stay right until the next encode. */
export class FrameEncoder {
  /** The frame starts here, so that a segment's header fits before it in the same write. */
  readonly start: number;
  #bytes: Buffer;

  constructor(start: number) {
    this.start = start;
    this.#bytes = Buffer.allocUnsafeSlow(65_536);
  }

  get bytes(): Buffer {
    return this.#bytes;
  }

  /** Writes the frame behind `start` and answers its end. Brings the keys that `segment` lacks. */
  encode(frame: Frame, position: number, segment: number): number {
    const { cells } = frame;
    assert(cells.length <= journalFrameCellsMax, 'a frame has a bounded number of cells');
    const { start } = this;
    const isRegistered = frame.acceptanceQuarter !== undefined;
    let at = this.#reserve(start, frameHeadBytes + 1 + 8 + 3 * uvarintBytesMax);
    this.#bytes[at + 4] = isRegistered ? frameTypes.registered : frameTypes.unregistered;
    writeU64(this.#bytes, position, at + 5);
    writeU64(this.#bytes, frame.acceptMs, at + 13);
    at += frameHeadBytes;
    this.#bytes[at++] = frame.registeredMs === undefined ? 0 : flagRegistered;
    if (frame.registeredMs !== undefined) at = writeU64(this.#bytes, frame.registeredMs, at);
    at = writeUvarint(this.#bytes, 0, at); // settled through: no entries yet
    at = writeUvarint(this.#bytes, 0, at); // new entries
    at = writeUvarint(this.#bytes, cells.length, at);
    for (const cell of cells) at = this.#encodeCell(cell, segment, at);
    at = this.#reserve(at, frameCrcBytes);
    this.#bytes.writeUInt32BE(at + frameCrcBytes - start - 4, start);
    this.#bytes.writeUInt32BE(crc32(this.#bytes.subarray(start, at)), at);
    assert(at + frameCrcBytes - start <= journalFrameBytesMax, 'a frame has a bound');
    return at + frameCrcBytes;
  }

  #encodeCell(cell: FrameCell, segment: number, offset: number): number {
    const { counts } = cell;
    assert(counts.length > 0 && counts.length <= 510, 'a journaled cell counts something');
    let at = this.#reserve(offset, journalCellBytesMax + counts.length * (1 + uvarintBytesMax));
    const bytes = this.#bytes;
    const hasKey = cell.keySegment !== segment;
    at = writeUvarint(bytes, cell.number * 2 + (hasKey ? 1 : 0), at);
    if (hasKey) {
      bytes[at++] = cell.claimed ? 1 : 0;
      at = writeUvarint(bytes, cell.eventQuarter, at);
      at = writeId(bytes, cell.ad, at);
      at = writeId(bytes, cell.site, at);
    }
    bytes[at++] = counts.length / 2;
    let n = 0;
    let before = 0;
    for (let i = 0; i < counts.length; i += 2) {
      const measure = counts[i] ?? 0;
      const count = counts[i + 1] ?? 0;
      assert(measure > before && measure <= 255 && count > 0, 'measures ascend, none is zero');
      bytes[at++] = measure;
      at = writeUvarint(bytes, count, at);
      n += count;
      before = measure;
    }
    assert(n < cellCountEnd, 'a cell stays below its bound');
    return at;
  }

  /** Answers the offset again: behind it there is room now. */
  #reserve(offset: number, bytesMax: number): number {
    const needed = offset + bytesMax;
    if (needed > this.#bytes.length) {
      const larger = Buffer.allocUnsafeSlow(Math.max(needed, this.#bytes.length * 2));
      this.#bytes.copy(larger, 0, 0, offset);
      this.#bytes = larger;
    }
    return offset;
  }
}

function writeId(bytes: Buffer, id: string, offset: number): number {
  const length = Buffer.byteLength(id);
  assert(length > 0 && length <= idBytesMax, 'an id has 1-128 bytes');
  const at = writeUvarint(bytes, length, offset);
  return at + bytes.write(id, at);
}

/** Below 2^53, without a BigInt. */
export function writeU64(bytes: Buffer, value: number, offset: number): number {
  assert(Number.isSafeInteger(value) && value >= 0, 'a u64 here is below 2^53');
  bytes.writeUInt32BE(Math.floor(value / 2 ** 32), offset);
  return bytes.writeUInt32BE(value % 2 ** 32, offset + 4);
}

const safeEnd = 2 ** 53;

/** NaN where it is 2^53 or more. */
export function readU64(bytes: Buffer, offset: number): number {
  const value = bytes.readUInt32BE(offset) * 2 ** 32 + bytes.readUInt32BE(offset + 4);
  return value < safeEnd ? value : NaN;
}
