// Owns one writer's journal on this machine's disk: the order of its frames, and its segments.
// Promises: append() resolves only after the frame is synced; after an error of a write or sync
// nothing more is written, ever. Never knows HTTP or stores, never resumes another's journal.
import path from 'node:path';
import { journalReserveBytes } from '../limits.ts';
import { assert, AssertionError } from '../model/assert.ts';
import { CounterError, toError } from '../model/errors.ts';
import { quarterOf } from '../model/quarter.ts';
import type { WriterId } from '../model/writer-id.ts';
import type { Disk } from './disk.ts';
import type { FolderIdentity } from '../model/folder-identity.ts';
import { FrameEncoder } from './frame.ts';
import type { Frame } from './frame.ts';
import { headerBytes, segmentNamesOf, writeHeader } from './segment.ts';
import type { Segment } from './segment.ts';
import { noRoom, SegmentSupply } from './segment-supply.ts';
import type { Room, SupplyOptions } from './segment-supply.ts';
import { moveAside } from './writer-folder.ts';

export interface JournalOptions extends SupplyOptions {
  /** `journal/<writer>/`: exists, is locked by the caller and holds no segment. */
  readonly folder: string;
  readonly writer: WriterId;
  /** Told once when the journal fails (JournalFailed), and of each trouble that passes. */
  readonly onError: (error: CounterError) => void;
}

export interface Appended {
  readonly position: number;
  /** Written for this frame, its segment's header too if it is the first. */
  readonly bytes: number;
}

export type JournalRoom = Room | 'failed';

/** The journal has failed. `outcomeUnknown`: the frame may be on the disk all the same. */
export class JournalFailed extends CounterError {
  readonly outcomeUnknown: boolean;

  constructor(cause: unknown, outcomeUnknown: boolean) {
    const outcome = outcomeUnknown ? 'the outcome of the frame is unknown' : 'nothing was written';
    const detail = `${toError(cause).message}; ${outcome}`;
    super('JOURNAL_FAILED', 'give-up', { detail, cause });
    this.outcomeUnknown = outcomeUnknown;
  }
}

export class Journal {
  readonly writer: WriterId;
  readonly folder: string;
  /** As the segments' headers name it. */
  readonly folderIdentity: FolderIdentity;
  readonly #disk: Disk;
  readonly #onError: (error: CounterError) => void;
  readonly #supply: SegmentSupply;
  readonly #encoder = new FrameEncoder(headerBytes);
  /** In the order of their positions; the current one is the last. */
  #segments: Segment[] = [];
  #current: Segment | undefined;
  /** Cutting, closing and moving segments, one after the other. */
  #tidying: Promise<void> = Promise.resolve();
  #position = 0;
  #registeredQuarter: number | undefined;
  #failure: JournalFailed | undefined;
  #isAppending = false;
  /** The last frame found no segment; what is left of the current one does not help. */
  #isRefusing = false;
  #isClosed = false;

  private constructor(options: JournalOptions, folderIdentity: FolderIdentity) {
    this.writer = options.writer;
    this.folder = options.folder;
    this.folderIdentity = folderIdentity;
    this.#disk = options.disk;
    this.#onError = options.onError;
    this.#supply = new SegmentSupply(options, {
      usedBytes: () => this.#segments.reduce((sum, segment) => sum + segment.bytes, 0),
      troubled: (cause) => this.#trouble(cause),
    });
  }

  /** Without room for its first segment the journal begins all the same: reason() says so. */
  static async create(options: JournalOptions): Promise<Journal> {
    const journal = new Journal(options, await firstLook(options));
    await journal.#supply.prepare();
    return journal;
  }

  /** Of the last synced frame; 0: none yet. */
  get position(): number {
    return this.#position;
  }

  /** Of all files that are kept, the spare too; what was moved aside does not count. */
  get bytes(): number {
    return this.#segments.reduce((sum, segment) => sum + segment.bytes, this.#supply.spareBytes);
  }

  get failure(): JournalFailed | undefined {
    return this.#failure;
  }

  /** Whether new events may be let in; says no before append() would have to. */
  reason(): JournalRoom {
    if (this.#failure !== undefined) return 'failed';
    const room = this.#supply.room();
    const left = this.#current === undefined ? 0 : this.#current.bytes - this.#current.used;
    const reserve = Math.min(journalReserveBytes, this.#supply.segmentBytes / 8);
    return left > reserve && !this.#isRefusing ? 'ok' : room;
  }

  /**
   * Resolves after the frame is written and synced. One at a time. Errors: JOURNAL_FULL
   * (throttle: nothing was written, the journal goes on) and JOURNAL_FAILED (JournalFailed).
   */
  async append(frame: Frame): Promise<Appended> {
    assert(!this.#isAppending && !this.#isClosed, 'one frame on its way, into an open journal');
    const { acceptMs, acceptanceQuarter } = frame;
    assert(
      acceptanceQuarter === undefined || acceptanceQuarter === quarterOf(acceptMs),
      'the acceptance quarter is that of the accept time',
    );
    this.#isAppending = true;
    try {
      if (this.#failure !== undefined) throw new JournalFailed(this.#failure.cause, false);
      const position = this.#position + 1;
      const { segment, end } = await this.#encode(frame, position);
      const isFirst = segment.used === 0;
      const bytes = this.#encoder.bytes.subarray(isFirst ? 0 : headerBytes, end);
      await segment.append(bytes).catch((thrown: unknown) => {
        throw this.#fail(thrown);
      });
      segment.lastPosition = position;
      this.#position = position;
      // Only now: a refused frame must not leave cells that claim to have brought their key.
      for (const cell of frame.cells) cell.keySegment = segment.ordinal;
      if (frame.registeredMs !== undefined) this.#registeredQuarter = quarterOf(frame.registeredMs);
      if (isFirst) void this.#supply.prepare();
      return { position, bytes: bytes.length };
    } finally {
      this.#isAppending = false;
    }
  }

  /** The first position that stays if the segments of all quarters through this one go. */
  firstPositionKept(droppedThroughQuarter: number): number {
    for (const segment of this.#segments) {
      const quarter = segment.acceptanceQuarter ?? this.#registeredQuarter;
      const goes = quarter !== undefined && quarter <= droppedThroughQuarter;
      if (!goes || this.#isBusy(segment)) return segment.firstPosition;
    }
    return this.#position + 1;
  }

  /**
   * Moves the segments that end before the position into `aside/`; call it after the position
   * was published as `trimmed`. Answers how many went. After an error: call it again.
   */
  moveAside(firstPositionKept: number): Promise<number> {
    return this.#tidy(() => this.#moveAside(firstPositionKept));
  }

  /** Closes the files and removes the spare; the frame on its way must have ended. */
  async close(): Promise<void> {
    assert(!this.#isAppending, 'no frame is on its way');
    this.#isClosed = true;
    await this.#supply.close();
    this.#retireCurrent();
    await this.#tidying;
  }

  /** Encodes into the segment that takes the frame, and opens that where it must. */
  async #encode(frame: Frame, position: number): Promise<{ segment: Segment; end: number }> {
    const current = this.#current;
    if (current !== undefined && current.acceptanceQuarter === frame.acceptanceQuarter) {
      const end = this.#encoder.encode(frame, position, current.ordinal);
      if (current.fits(end - headerBytes)) return { segment: current, end };
    }
    // In a new segment every cell brings its key; none has the ordinal -1.
    const end = this.#encoder.encode(frame, position, -1);
    const segment = await this.#supply.take(end);
    this.#isRefusing = segment === undefined;
    if (segment === undefined) throw noRoom(this.#supply.room());
    this.#retireCurrent();
    segment.acceptanceQuarter = frame.acceptanceQuarter;
    segment.firstPosition = position;
    segment.lastPosition = position - 1;
    this.#current = segment;
    this.#segments.push(segment);
    writeHeader(this.#encoder.bytes, {
      writer: this.writer,
      folder: this.folderIdentity,
      firstPosition: position,
      acceptanceQuarter: frame.acceptanceQuarter,
    });
    return { segment, end };
  }

  #isBusy(segment: Segment): boolean {
    return segment === this.#current && this.#isAppending;
  }

  #retireCurrent(): void {
    const segment = this.#current;
    this.#current = undefined;
    if (segment === undefined) return;
    // In its turn: a promise that fails before its turn would have nobody to hear of it. A failed
    // journal is not written to any more, not even cut.
    const close = (): Promise<void> =>
      this.#failure === undefined ? segment.closeAndCut() : segment.close();
    void this.#tidy(close).catch((thrown: unknown) => this.#trouble(thrown));
  }

  async #moveAside(firstPositionKept: number): Promise<number> {
    const goes = (segment: Segment): boolean =>
      segment.lastPosition < firstPositionKept && !this.#isBusy(segment);
    if (this.#current !== undefined && goes(this.#current)) this.#retireCurrent();
    const kept = this.#segments.findIndex((segment) => !goes(segment));
    const going = kept < 0 ? [...this.#segments] : this.#segments.slice(0, kept);
    const names = going.map((segment) => segment.name);
    try {
      await moveAside({ disk: this.#disk, folder: this.folder }, names);
    } catch (cause) {
      throw new CounterError('JOURNAL_TRIM', 'retry', { cause, detail: toError(cause).message });
    }
    this.#segments = this.#segments.filter((segment) => !going.includes(segment));
    // What went made room.
    if (going.length > 0 && !this.#isClosed) void this.#supply.prepare();
    return going.length;
  }

  #tidy<T>(work: () => Promise<T>): Promise<T> {
    const done = this.#tidying.then(work);
    this.#tidying = done.then(
      () => undefined,
      () => undefined,
    );
    return done;
  }

  #trouble(cause: unknown): void {
    this.#onError(
      new CounterError('JOURNAL_TROUBLE', 'retry', { cause, detail: toError(cause).message }),
    );
  }

  /** Only a frame's own write or sync gets here. */
  #fail(cause: unknown): JournalFailed {
    this.#failure = new JournalFailed(cause, true);
    this.#onError(this.#failure);
    return this.#failure;
  }
}

/** The folder is fresh, and its name is durable: what is synced inside is found after a crash. */
async function firstLook({ disk, folder }: JournalOptions): Promise<FolderIdentity> {
  try {
    const names = segmentNamesOf(await disk.list(folder));
    assert(names.length === 0, 'a journal is never resumed: its folder holds no segment');
    await disk.syncFolder(path.dirname(folder));
    await disk.syncFolder(path.dirname(path.dirname(folder)));
    const { device, inode } = await disk.status(folder);
    return { device, inode };
  } catch (thrown) {
    throw thrown instanceof AssertionError ? thrown : new JournalFailed(thrown, false);
  }
}
