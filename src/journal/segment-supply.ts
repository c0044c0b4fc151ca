// Owns the next segment: prepares it in the background, so that a rollover does not wait for the
// disk, and knows whether there is room for one more.
// Promises: a disk that gives no next segment is an answer, not a failure, and is asked again:
// no frame is touched by it, and what was synced in another file is not in doubt.
import path from 'node:path';
import {
  journalDiskFreeBytesMin,
  journalRoomRetryMs,
  journalRoomShare,
  journalSegmentBytes,
  journalSegmentBytesMin,
} from '../limits.ts';
import { systemClock } from '../model/clock.ts';
import type { Clock } from '../model/clock.ts';
import { CounterError } from '../model/errors.ts';
import type { Disk } from './disk.ts';
import type { JournalSpace } from './journal-space.ts';
import { Segment } from './segment.ts';

export interface SupplyOptions {
  readonly disk: Disk;
  readonly folder: string;
  /** Bytes of all segments that are kept, the spare among them. */
  readonly maxBytes?: number;
  /** Left free on the disk. */
  readonly minFreeBytes?: number;
  readonly segmentBytes?: number;
  /** Of all journals of the data folder; alone where it is left out. */
  readonly space?: JournalSpace;
  readonly clock?: Pick<Clock, 'monotonicMs'>;
}

export interface SupplyOwner {
  /** Bytes of the segments in use. */
  usedBytes(): number;
  /** Trouble that passes. */
  troubled(cause: unknown): void;
}

/** `full`: the journal's own bound. `disk_full`: the disk gives no more. */
export type Room = 'ok' | 'full' | 'disk_full';

export class SegmentSupply {
  readonly segmentBytes: number;
  readonly #options: Required<Omit<SupplyOptions, 'space'>>;
  readonly #space: JournalSpace | undefined;
  readonly #owner: SupplyOwner;
  #spare: Segment | undefined;
  #preparing: Promise<void> | undefined;
  #ordinal = 0;
  /** What the last look said; before the first one there is room. */
  #room: Room = 'ok';
  #lookedAtMs = 0;
  #isClosed = false;

  constructor(options: SupplyOptions, owner: SupplyOwner) {
    this.#options = {
      maxBytes: Number.MAX_SAFE_INTEGER,
      minFreeBytes: journalDiskFreeBytesMin,
      segmentBytes: segmentBytesOf(options.maxBytes ?? Number.MAX_SAFE_INTEGER),
      clock: systemClock,
      ...options,
    };
    this.segmentBytes = this.#options.segmentBytes;
    this.#space = options.space;
    this.#owner = owner;
  }

  get spareBytes(): number {
    return this.#spare?.bytes ?? 0;
  }

  /** `ok` where a next segment is at hand or nothing speaks against one. */
  room(): Room {
    if (this.#spare !== undefined || this.#room === 'ok') return 'ok';
    const sinceMs = this.#options.clock.monotonicMs() - this.#lookedAtMs;
    if (sinceMs >= journalRoomRetryMs) void this.prepare();
    return this.#room;
  }

  /** Sees to it that there is a next segment, if there is room. Never rejects. */
  prepare(bytes = this.segmentBytes): Promise<void> {
    this.#preparing ??= this.#tryPrepare(bytes).finally(() => {
      this.#preparing = undefined;
    });
    return this.#preparing;
  }

  /** A segment of at least so many bytes, or undefined: there is no room. */
  async take(bytes: number): Promise<Segment | undefined> {
    await this.#preparing;
    if (this.spareBytes < bytes) await this.prepare(Math.max(bytes, this.segmentBytes));
    const spare = this.#spare;
    if (spare === undefined || spare.bytes < bytes) return undefined;
    this.#spare = undefined;
    return spare;
  }

  /** The spare goes: a closed journal holds only what was written. */
  async close(): Promise<void> {
    this.#isClosed = true;
    await this.#preparing;
    const spare = this.#spare;
    this.#spare = undefined;
    if (spare !== undefined) await this.#remove(spare);
  }

  async #tryPrepare(bytes: number): Promise<void> {
    if (this.spareBytes >= bytes || this.#isClosed) return;
    const { disk, folder } = this.#options;
    this.#lookedAtMs = this.#options.clock.monotonicMs();
    try {
      this.#room = await this.#look(bytes);
      if (this.#room !== 'ok') return;
      this.#ordinal++;
      const segment = await Segment.create({ disk, folder, ordinal: this.#ordinal, bytes });
      this.#space?.took(bytes);
      // A frame that needs more than the spare: names must ascend with positions, so it goes.
      const tooSmall = this.#spare;
      this.#spare = segment;
      if (tooSmall !== undefined) await this.#remove(tooSmall);
    } catch (thrown) {
      this.#room = 'disk_full';
      this.#owner.troubled(thrown);
    }
  }

  /** Once there was none, there is room again only when there is more than for one segment. */
  async #look(bytes: number): Promise<Room> {
    const { maxBytes, minFreeBytes } = this.#options;
    const wasFull = this.#room !== 'ok';
    const wanted = bytes + (wasFull ? Math.floor(maxBytes * journalRoomShare) : 0);
    if (this.#owner.usedBytes() + this.spareBytes + wanted > maxBytes) return 'full';
    if (this.#space !== undefined && !(await this.#space.makeRoom(wanted))) return 'full';
    const missing = await this.#missingOnDisk(bytes + minFreeBytes + (wasFull ? bytes : 0));
    if (missing <= 0) return 'ok';
    if (this.#space === undefined) return 'disk_full';
    await this.#space.freeAside(missing);
    return (await this.#missingOnDisk(bytes + minFreeBytes)) > 0 ? 'disk_full' : 'ok';
  }

  async #missingOnDisk(bytes: number): Promise<number> {
    const { disk, folder } = this.#options;
    return bytes - (await disk.freeBytes(folder));
  }

  /** What cannot be removed is a file of zeroes: a replay passes it over. */
  async #remove(spare: Segment): Promise<void> {
    try {
      await spare.close();
      await this.#options.disk.unlink(path.join(this.#options.folder, spare.name));
    } catch (thrown) {
      this.#owner.troubled(thrown);
    }
  }
}

/** A small bound must hold more than one segment, or nothing could ever be let go of. */
export function segmentBytesOf(maxBytes: number): number {
  const part = Math.floor(maxBytes / 8);
  return Math.max(journalSegmentBytesMin, Math.min(journalSegmentBytes, part));
}

export function noRoom(room: Room): CounterError {
  const detail = room === 'disk_full' ? 'the disk gives no next segment' : 'the bound is reached';
  return new CounterError('JOURNAL_FULL', 'throttle', { detail });
}
