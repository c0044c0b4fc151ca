// Owns the walk over the frames of one segment's bytes: which are valid, what lies between them.
// A frame is valid when its length and CRC are right; behind damage it must also fit its place.
// The search behind damage is bounded: a hostile file costs time in proportion to its size.
import { crc32 } from 'node:zlib';
import { journalFrameBytesMax, journalSearchBytesMax } from '../limits.ts';
import { quarterOf } from '../model/quarter.ts';
import { frameBytesMin, frameCrcBytes, frameHeadBytes, frameTypes, readU64 } from './frame.ts';

/** What is known of the frames before the first one is read. */
export interface FrameExpectation {
  /** Undefined: the header was damaged. */
  readonly firstPosition: number | undefined;
  /** Null: unregistered frames. Undefined: not known. */
  readonly acceptanceQuarter: number | null | undefined;
}

export type ScanStep =
  /** The scanner stands on a valid frame. */
  | 'frame'
  /** It skipped bytes that are no frame and will stand on one. */
  | 'gap'
  /** The rest is no frame and not zero. */
  | 'bad_tail'
  /** The rest, possibly empty, is zero. */
  | 'end';

/** What one CRC costs at least, in bytes of the search's budget. */
const crcCallBytes = 1_024;

export class FrameScanner {
  readonly bytes: Buffer;
  /** Of the frame, or of the damage, that the last step found. */
  start = 0;
  end = 0;
  type = 0;
  position = 0;
  acceptMs = 0;
  /** True: the search ran out of its bound; there may be frames behind. */
  gaveUp = false;
  readonly #expects: FrameExpectation;
  #next: number;
  #positionBefore: number | undefined;
  #searchBytes = journalSearchBytesMax;

  constructor(bytes: Buffer, start: number, expects: FrameExpectation) {
    this.bytes = bytes;
    this.#next = start;
    this.#expects = expects;
    if (expects.firstPosition !== undefined) this.#positionBefore = expects.firstPosition - 1;
  }

  get payloadStart(): number {
    return this.start + frameHeadBytes;
  }

  get payloadEnd(): number {
    return this.end - frameCrcBytes;
  }

  step(): ScanStep {
    const at = this.#next;
    if (this.#isFrameAt(at)) return this.#standOn(at);
    this.start = at;
    this.end = this.bytes.length;
    this.#next = this.bytes.length;
    if (isZero(this.bytes, at)) return 'end';
    const found = this.#search(at);
    if (found === undefined) return 'bad_tail';
    this.end = found;
    this.#next = found;
    return 'gap';
  }

  #standOn(at: number): 'frame' {
    const { bytes } = this;
    this.start = at;
    this.end = at + 4 + bytes.readUInt32BE(at);
    this.#next = this.end;
    this.type = bytes[at + 4] ?? 0;
    this.position = readU64(bytes, at + 5);
    this.acceptMs = readU64(bytes, at + 13);
    this.#positionBefore = this.position;
    return 'frame';
  }

  #isFrameAt(at: number): boolean {
    if (!this.#hasHeadAt(at)) return false;
    const crcAt = at + this.bytes.readUInt32BE(at) + 4 - frameCrcBytes;
    return crc32(this.bytes.subarray(at, crcAt)) === this.bytes.readUInt32BE(crcAt);
  }

  #hasHeadAt(at: number): boolean {
    const { bytes } = this;
    if (at + frameBytesMin > bytes.length) return false;
    const length = bytes.readUInt32BE(at);
    const fits = length >= frameBytesMin - 4 && length <= bytes.length - at - 4;
    if (!fits || length > journalFrameBytesMax) return false;
    return readU64(bytes, at + 5) >= 1 && readU64(bytes, at + 13) >= 0;
  }

  /** The next frame behind damage at `from`, if there is one. */
  #search(from: number): number | undefined {
    const { bytes } = this;
    const claimed = this.#claimedNext(from);
    if (claimed !== undefined) return claimed;
    const last = bytes.length - frameBytesMin;
    for (let at = from + 1; at <= last; at++) {
      if (!this.#fitsPlace(from, at)) continue;
      this.#searchBytes -= crcCallBytes + bytes.readUInt32BE(at);
      if (this.#searchBytes < 0) {
        this.gaveUp = true;
        return undefined;
      }
      if (this.#isFrameAt(at)) return at;
    }
    return undefined;
  }

  /**
   * Most damage leaves the length alone: the next frame is where it says, if exactly one is lost.
   * So what clients put into a damaged frame's ids is not even looked at.
   */
  #claimedNext(from: number): number | undefined {
    if (this.#positionBefore === undefined || from + 4 > this.bytes.length) return undefined;
    const claimed = from + 4 + this.bytes.readUInt32BE(from);
    if (!this.#isFrameAt(claimed)) return undefined;
    return readU64(this.bytes, claimed + 5) === this.#positionBefore + 2 ? claimed : undefined;
  }

  /** Whether a frame at `at` could follow what was read before the damage at `from`. */
  #fitsPlace(from: number, at: number): boolean {
    const { bytes } = this;
    // First what fails nearly always: the top byte of a bounded length.
    if ((bytes[at] ?? 0) > 2 || !this.#hasHeadAt(at)) return false;
    const type = bytes[at + 4];
    if (type !== frameTypes.registered && type !== frameTypes.unregistered) return false;
    const { acceptanceQuarter } = this.#expects;
    if (acceptanceQuarter !== undefined) {
      if ((acceptanceQuarter === null) !== (type === frameTypes.unregistered)) return false;
      const quarter = quarterOf(readU64(bytes, at + 13));
      if (acceptanceQuarter !== null && quarter !== acceptanceQuarter) return false;
    }
    if (this.#positionBefore === undefined) return true;
    const lostMax = Math.ceil((at - from) / frameBytesMin);
    const position = readU64(bytes, at + 5);
    return position > this.#positionBefore && position <= this.#positionBefore + 1 + lostMax;
  }
}

const zeroes = Buffer.alloc(65_536);

/** Whether nothing but zeroes follows. */
export function isZero(bytes: Buffer, start: number): boolean {
  for (let at = start; at < bytes.length; at += zeroes.length) {
    const part = bytes.subarray(at, at + zeroes.length);
    if (!part.equals(zeroes.subarray(0, part.length))) return false;
  }
  return true;
}
