// Owns one segment file: its name, its header's bytes, its zero-filled creation, its appends.
// Promises: what append() answered is durable; a byte is written once after the zeroes.
// Never decides when a segment is opened, closed or trimmed (journal.ts does).
import path from 'node:path';
import { crc32 } from 'node:zlib';
import { journalZeroFillBytes } from '../limits.ts';
import { assert } from '../model/assert.ts';
import { writerIdFromBytes } from '../model/writer-id.ts';
import type { WriterId } from '../model/writer-id.ts';
import type { Disk, DiskFile } from './disk.ts';
import type { FolderIdentity } from '../model/folder-identity.ts';
import { writeFully } from './disk.ts';
import { readU64, writeU64 } from './frame.ts';
import { isZero } from './frame-scan.ts';

export const headerBytes = 64;
export const segmentFormat = 1;
const magic = Buffer.from('ADCJ');
const noQuarter = 0xffff_ffff;
const ordinalEnd = 100_000_000;

export interface SegmentHeader {
  readonly writer: WriterId;
  /** Of the writer's folder when the segment was begun. */
  readonly folder: FolderIdentity;
  readonly firstPosition: number;
  /** Undefined: it holds unregistered frames. */
  readonly acceptanceQuarter: number | undefined;
}

export type HeaderReading =
  | { readonly kind: 'header'; readonly header: SegmentHeader }
  | { readonly kind: 'spare' | 'damaged' }
  | { readonly kind: 'later'; readonly format: number };

export function writeHeader(bytes: Buffer, header: SegmentHeader): void {
  bytes.fill(0, 0, headerBytes);
  magic.copy(bytes, 0);
  bytes[4] = segmentFormat;
  bytes.write(header.writer, 8, 'hex');
  bytes.writeBigUInt64BE(BigInt(header.folder.device), 16);
  bytes.writeBigUInt64BE(BigInt(header.folder.inode), 24);
  writeU64(bytes, header.firstPosition, 32);
  bytes.writeUInt32BE(header.acceptanceQuarter ?? noQuarter, 40);
  bytes.writeUInt32BE(crc32(bytes.subarray(0, 60)), 60);
}

/** `spare`: the whole file is zero. */
export function readHeader(bytes: Buffer): HeaderReading {
  if (isZero(bytes, 0)) return { kind: 'spare' };
  if (bytes.length < headerBytes || !bytes.subarray(0, 4).equals(magic)) return { kind: 'damaged' };
  if (crc32(bytes.subarray(0, 60)) !== bytes.readUInt32BE(60)) return { kind: 'damaged' };
  const format = bytes[4] ?? 0;
  if (format !== segmentFormat) return { kind: 'later', format };
  const firstPosition = readU64(bytes, 32);
  if (!(firstPosition >= 1)) return { kind: 'damaged' };
  const quarter = bytes.readUInt32BE(40);
  const header: SegmentHeader = {
    writer: writerIdFromBytes(bytes, 8),
    folder: {
      device: bytes.readBigUInt64BE(16).toString(),
      inode: bytes.readBigUInt64BE(24).toString(),
    },
    firstPosition,
    acceptanceQuarter: quarter === noQuarter ? undefined : quarter,
  };
  return { kind: 'header', header };
}

export function segmentName(ordinal: number): string {
  assert(ordinal >= 1 && ordinal < ordinalEnd, 'a segment has a number of eight digits');
  return `${String(ordinal).padStart(8, '0')}.segment`;
}

/** Names of segments among a folder's names, ascending. */
export function segmentNamesOf(names: readonly string[]): string[] {
  return names.filter((name) => /^\d{8}\.segment$/.test(name)).sort();
}

/** A segment of this process: a spare first, then written, then closed. */
export class Segment {
  readonly ordinal: number;
  readonly name: string;
  /** Where the next byte goes; 0: nothing was written yet. */
  used = 0;
  acceptanceQuarter: number | undefined = undefined;
  firstPosition = 0;
  lastPosition = 0;
  /** Size of the file. */
  bytes: number;
  #file: DiskFile | undefined;

  private constructor(ordinal: number, bytes: number, file: DiskFile) {
    this.ordinal = ordinal;
    this.name = segmentName(ordinal);
    this.bytes = bytes;
    this.#file = file;
  }

  /** A zero-filled, synced file, its name synced too. A failure leaves no file behind, mostly. */
  static async create(place: {
    readonly disk: Disk;
    readonly folder: string;
    readonly ordinal: number;
    readonly bytes: number;
  }): Promise<Segment> {
    const { disk, folder, ordinal, bytes } = place;
    const name = path.join(folder, segmentName(ordinal));
    const file = await disk.create(name);
    try {
      const zeroes = Buffer.alloc(Math.min(bytes, journalZeroFillBytes));
      for (let at = 0; at < bytes; at += zeroes.length) {
        await writeFully(file, zeroes.subarray(0, Math.min(zeroes.length, bytes - at)), at);
      }
      await file.datasync();
      await disk.syncFolder(folder);
      return new Segment(ordinal, bytes, file);
    } catch (thrown) {
      // The room that it took is what others wait for. What cannot be removed is an empty spare.
      await Promise.allSettled([file.close(), disk.unlink(name)]);
      throw thrown;
    }
  }

  fits(frameBytes: number): boolean {
    return Math.max(this.used, headerBytes) + frameBytes <= this.bytes;
  }

  /** Writes and syncs. After an error nobody knows what stands there. */
  async append(bytes: Buffer): Promise<void> {
    assert(
      this.#file !== undefined && this.used + bytes.length <= this.bytes,
      'it fits an open file',
    );
    await writeFully(this.#file, bytes, this.used);
    await this.#file.datasync();
    this.used += bytes.length;
  }

  /** Gives back what was not used. A cut that is lost in a crash leaves zeroes: no harm. */
  async closeAndCut(): Promise<void> {
    if (this.#file === undefined) return;
    if (this.used > 0 && this.used < this.bytes) {
      await this.#file.truncate(this.used);
      this.bytes = this.used;
    }
    await this.close();
  }

  async close(): Promise<void> {
    const file = this.#file;
    this.#file = undefined;
    await file?.close();
  }
}
