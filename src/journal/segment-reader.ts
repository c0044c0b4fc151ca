// Owns the reading of one segment's bytes: its header, and its frames up to their cells.
// Promises: whatever the bytes are, it ends, in time bounded by their number, without throwing.
// Never decides what a problem means for the journal (replay.ts does).
import { CounterError } from '../model/errors.ts';
import { quarterOf } from '../model/quarter.ts';
import { ByteReader } from '../model/uvarint.ts';
import { flagRegistered, frameTypes, readU64 } from './frame.ts';
import { FrameScanner } from './frame-scan.ts';
import type { ScanStep } from './frame-scan.ts';
import { headerBytes, readHeader } from './segment.ts';
import type { HeaderReading } from './segment.ts';

export type ReadStep =
  | ScanStep
  /** The CRC is right but no release of ours wrote this. */
  | 'strange'
  /** A later release wrote it: the segment must be refused. */
  | 'later';

export class SegmentReader {
  readonly header: HeaderReading;
  readonly scanner: FrameScanner;
  /** Null: unregistered. Undefined: the header is damaged and no frame was read yet. */
  acceptanceQuarter: number | null | undefined;
  /** Of the frame that the last step found. */
  registeredMs: number | undefined;
  cellCount = 0;
  cellsStart = 0;
  /** Why the last step was `strange` or `later`. */
  detail = '';

  constructor(bytes: Buffer) {
    const reading = readHeader(bytes);
    this.header = reading;
    if (reading.kind === 'header')
      this.acceptanceQuarter = reading.header.acceptanceQuarter ?? null;
    this.scanner = new FrameScanner(bytes, headerBytes, {
      firstPosition: reading.kind === 'header' ? reading.header.firstPosition : undefined,
      acceptanceQuarter: this.acceptanceQuarter,
    });
  }

  step(): ReadStep {
    const step = this.scanner.step();
    return step === 'frame' ? this.#judge() : step;
  }

  #judge(): 'frame' | 'strange' | 'later' {
    const { type, acceptMs } = this.scanner;
    if (type !== frameTypes.registered && type !== frameTypes.unregistered) {
      this.detail = `frame type ${type}`;
      return 'later';
    }
    const quarter = type === frameTypes.registered ? quarterOf(acceptMs) : null;
    this.acceptanceQuarter ??= quarter;
    if (quarter !== this.acceptanceQuarter) {
      this.detail = "its acceptance quarter is not the segment's";
      return 'strange';
    }
    try {
      return this.#readHead();
    } catch (thrown) {
      if (!(thrown instanceof CounterError)) throw thrown;
      this.detail = thrown.message;
      return 'strange';
    }
  }

  #readHead(): 'frame' | 'strange' | 'later' {
    const { bytes, payloadStart, payloadEnd } = this.scanner;
    const reader = new ByteReader(bytes, payloadStart, payloadEnd);
    const flags = reader.u8();
    if (flags > flagRegistered) {
      this.detail = `flags ${flags}`;
      return 'later';
    }
    this.registeredMs = undefined;
    if (flags === flagRegistered) {
      if (payloadEnd - reader.at < 8 || !(readU64(bytes, reader.at) >= 0)) {
        this.detail = 'the moment of registration is none';
        return 'strange';
      }
      this.registeredMs = readU64(bytes, reader.at);
      reader.at += 8;
    }
    const settled = reader.uvarint();
    const entries = reader.uvarint();
    if (settled > 0 || entries > 0) {
      this.detail = 'entries of tokens';
      return 'later';
    }
    this.cellCount = reader.uvarint();
    this.cellsStart = reader.at;
    return 'frame';
  }
}
