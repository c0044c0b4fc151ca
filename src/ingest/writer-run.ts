// Owns one identity of this process: its id, journal, counts and registry chain. A run ends once
// and for all (failed disk, foreign link, leapt clock, stop); then its counts are flushed from
// memory and it is sealed at its last synced frame. Never counts before the journal has synced.
import path from 'node:path';
import { Counters } from '../counters/counters.ts';
import type { FormedCell } from '../counters/cell-table.ts';
import { createFully } from '../journal/disk.ts';
import type { Disk } from '../journal/disk.ts';
import { Journal } from '../journal/journal.ts';
import type { JournalSpace } from '../journal/journal-space.ts';
import { deleteFolder, makeWriterFolder } from '../journal/writer-folder.ts';
import { beginAttemptsMax, watermarkBeyondStoreMs } from '../limits.ts';
import { assert } from '../model/assert.ts';
import { CounterError } from '../model/errors.ts';
import type { AdEvent } from '../model/event.ts';
import type { FlushBoundary } from '../model/flush-boundary.ts';
import type { FolderIdentity } from '../model/folder-identity.ts';
import { quarterOf } from '../model/quarter.ts';
import { drawWriterId } from '../model/writer-id.ts';
import type { WriterId } from '../model/writer-id.ts';
import type { FolderLock } from '../store/embedded/folder-lock.ts';
import type { RegistryChain, WriterRecord } from '../store/registry.ts';
import type { AcceptClock } from './accept-clock.ts';
import type { HostIdentity } from './host-identity.ts';

/** Written beside the segments: who made them, so that death can be proven without the store. */
export interface WriterNote extends HostIdentity {
  readonly writer: WriterId;
  readonly pid: number;
  readonly startedMs: number;
  readonly folder: FolderIdentity;
}

const writerNoteName = 'writer.json';

export interface WriterRunOptions {
  readonly disk: Disk;
  /** `<data>/journal`; the run makes its own folder there. */
  readonly journalFolder: string;
  readonly journalBytesMax: number;
  /** Of all journals of the data folder. */
  readonly space: JournalSpace;
  readonly onJournalError: (error: CounterError) => void;
  readonly onFrameSynced: (seconds: number) => void;
  readonly lock: (folder: string) => Promise<FolderLock>;
  readonly identity: HostIdentity;
  readonly clock: AcceptClock;
  readonly wallMs: () => number;
  /** The store's clock as far as it is known; undefined: never heard. */
  readonly storeNowMs: () => number | undefined;
  readonly cellCountEnd?: number;
  readonly segmentBytes?: number;
}

/** A frame that is synced and counted. */
export interface CountedFrame {
  readonly counts: number;
  /** In the journal. */
  readonly bytes: number;
  /** Of the cells that it added. */
  readonly cellBytes: number;
  readonly acceptMs: number;
}

interface FrameOnItsWay {
  readonly acceptMs: number;
}

export class WriterRun {
  readonly writer: WriterId;
  readonly counters: Counters;
  readonly journal: Journal;
  readonly clock: AcceptClock;
  readonly folder: string;
  readonly note: WriterNote;
  readonly #options: WriterRunOptions;
  readonly #lock: FolderLock;
  /** Set by the registration, once the store is reached. */
  chain: RegistryChain | undefined;
  #registeredMs: number | undefined;
  #registrationAnnounced = false;
  #onItsWay: FrameOnItsWay | undefined;
  #endedBecause: string | undefined;
  #foreign = false;
  #sealed = false;
  /** Last quarter whose table was dropped: its segments may go once that was published. */
  #droppedThrough = 0;

  private constructor(
    note: WriterNote,
    folder: string,
    lock: FolderLock,
    journal: Journal,
    options: WriterRunOptions,
  ) {
    const { cellCountEnd } = options;
    this.writer = note.writer;
    this.note = note;
    this.folder = folder;
    this.#lock = lock;
    this.journal = journal;
    this.clock = options.clock;
    this.#options = options;
    this.counters = new Counters(note.writer, cellCountEnd === undefined ? {} : { cellCountEnd });
  }

  /** A fresh identity with a folder and a lock of its own. Nothing is ever resumed. */
  static async begin(options: WriterRunOptions): Promise<WriterRun> {
    for (let attempt = 1; ; attempt++) {
      try {
        return await WriterRun.#beginOnce(options);
      } catch (thrown) {
        // A recovery looked into the folder between its making and its locking.
        const isLocked = thrown instanceof CounterError && thrown.code === 'FOLDER_LOCKED';
        if (!isLocked || attempt === beginAttemptsMax) throw thrown;
      }
    }
  }

  static async #beginOnce(options: WriterRunOptions): Promise<WriterRun> {
    const writer = drawWriterId();
    const folder = path.join(options.journalFolder, writer);
    await makeWriterFolder({ disk: options.disk, folder });
    const lock = await options.lock(folder);
    try {
      const { device, inode } = await options.disk.status(folder);
      const startedMs = options.wallMs();
      const { identity } = options;
      const note = { ...identity, writer, pid: process.pid, startedMs, folder: { device, inode } };
      const bytes = Buffer.from(JSON.stringify(note));
      await createFully(options.disk, path.join(folder, writerNoteName), bytes);
      const journal = await Journal.create({
        disk: options.disk,
        folder,
        writer,
        maxBytes: options.journalBytesMax,
        ...(options.segmentBytes === undefined ? {} : { segmentBytes: options.segmentBytes }),
        space: options.space,
        onError: options.onJournalError,
      });
      return new WriterRun(note, folder, lock, journal, options);
    } catch (thrown) {
      await lock.release();
      // Nobody used it: an attempt a second must not leave a folder a second.
      await deleteFolder({ disk: options.disk, folder }).catch(() => undefined);
      throw thrown;
    }
  }

  get registered(): boolean {
    return this.#registeredMs !== undefined;
  }

  get registeredMs(): number | undefined {
    return this.#registeredMs;
  }

  get endedBecause(): string | undefined {
    return this.#endedBecause;
  }

  /** Nothing more is to be done for it: sealed, or another one's business. */
  get finished(): boolean {
    if (this.#onItsWay !== undefined) return false;
    return this.#sealed || (this.#foreign && this.counters.dirtyCells === 0);
  }

  get foreign(): boolean {
    return this.#foreign;
  }

  end(reason: string): void {
    this.#endedBecause ??= reason;
  }

  /** Somebody else continued our registry chain: a clone, or a recoverer that took us for dead. */
  disown(): void {
    this.#foreign = true;
    this.end('foreign_link');
  }

  registeredAt(registeredMs: number): void {
    assert(this.#registeredMs === undefined, 'a writer registers once');
    this.#registeredMs = registeredMs;
    this.counters.registered(quarterOf(registeredMs));
  }

  /**
   * Journals the events as one frame and, once it is synced, counts them. Answers what was
   * counted. One frame is on its way at a time. Errors: JOURNAL_FULL (nothing happened); any
   * other has ended the run, and what became of the frame is unknown.
   */
  async count(batches: readonly (readonly AdEvent[])[]): Promise<CountedFrame> {
    assert(this.#onItsWay === undefined, 'one frame is on its way at a time');
    assert(this.#endedBecause === undefined, 'an ended identity writes no more');
    const acceptMs = this.clock.nowMs();
    const acceptanceQuarter = this.registered ? quarterOf(acceptMs) : undefined;
    const bytesBefore = this.counters.bytes;
    const cells: FormedCell[] = this.counters.form(batches, { acceptMs, acceptanceQuarter });
    const cellBytes = this.counters.bytes - bytesBefore;
    this.#onItsWay = { acceptMs };
    // The first frame after the registration carries its moment.
    const registeredMs = this.#registrationAnnounced ? undefined : this.#registeredMs;
    const startedAt = performance.now();
    try {
      const frame = { acceptMs, acceptanceQuarter, registeredMs, cells };
      const { position, bytes } = await this.journal.append(frame);
      this.#options.onFrameSynced((performance.now() - startedAt) / 1000);
      this.#registrationAnnounced ||= registeredMs !== undefined;
      return { counts: this.counters.apply(cells, position), bytes, cellBytes, acceptMs };
    } catch (thrown) {
      this.counters.discard(cells);
      if (!isFull(thrown)) this.end('journal_failed');
      throw thrown;
    } finally {
      this.#onItsWay = undefined;
    }
  }

  boundary(): FlushBoundary {
    const nowMs = this.clock.nowMs();
    const isStill = this.#onItsWay === undefined;
    // Decided here, with the copy: what is counted between the copy and the end is not in it.
    const isLast = isStill && this.#endedBecause !== undefined;
    if (isStill) this.counters.closeBefore(isLast ? Infinity : quarterOf(nowMs));
    const watermarkMs = Math.min(nowMs, this.#onItsWay?.acceptMs ?? nowMs);
    return { watermarkMs, position: this.journal.position, isLast };
  }

  async publish(boundary: FlushBoundary, droppedQuarter: number | undefined): Promise<void> {
    // An identity that another holds is flushed from memory; its record is not ours to change.
    if (this.#foreign || this.chain === undefined) return;
    const seal = boundary.isLast;
    this.#droppedThrough = Math.max(this.#droppedThrough, droppedQuarter ?? 0);
    const trimmed = seal
      ? boundary.position + 1
      : this.journal.firstPositionKept(this.#droppedThrough);
    const outcome = await this.chain.advance((standing) => ({
      ...this.firstRecord(this.#registeredMs ?? null, 0),
      ...standing,
      state: seal ? 'sealed' : 'open',
      sealedBy: seal ? 'itself' : null,
      watermarkMs: Math.max(standing?.watermarkMs ?? 0, this.#capped(boundary.watermarkMs)),
      position: boundary.position,
      trimmed: Math.max(standing?.trimmed ?? 1, trimmed),
    }));
    if (outcome === 'foreign') return this.disown();
    if (seal) this.#sealed = true;
    await this.journal.moveAside(trimmed);
  }

  /** The record as it is, with a fresh nonce: whoever cannot flush must not be taken for dead. */
  async showLife(): Promise<void> {
    const { chain } = this;
    if (this.#foreign || chain?.record === undefined) return;
    const { record } = chain;
    if ((await chain.advance((standing) => standing ?? record)) === 'foreign') this.disown();
  }

  /** What a registration writes first. */
  firstRecord(registeredMs: number | null, watermarkMs: number): WriterRecord {
    const { host, bootId, startedMs, folder } = this.note;
    const state = 'open' as const;
    const chain = { state, sealedBy: null, registeredMs, watermarkMs, position: 0, trimmed: 1 };
    return { ...chain, host, bootId, startedMs, folder };
  }

  async close(): Promise<void> {
    await this.journal.close();
    await this.#lock.release();
  }

  /** Nobody may be told that more is complete than the store's clock allows. */
  #capped(watermarkMs: number): number {
    const storeNowMs = this.#options.storeNowMs();
    return storeNowMs === undefined
      ? 0
      : Math.min(watermarkMs, storeNowMs + watermarkBeyondStoreMs);
  }
}

export function isFull(thrown: unknown): boolean {
  return thrown instanceof CounterError && thrown.code === 'JOURNAL_FULL';
}

/** The note in a dead writer's folder; undefined where none can be read: it then proves nothing. */
export async function readWriterNote(disk: Disk, folder: string): Promise<WriterNote | undefined> {
  try {
    const bytes = await disk.read(path.join(folder, writerNoteName));
    const json: unknown = JSON.parse(bytes.toString('utf8'));
    const note = json as WriterNote;
    const whole = [note.bootId, note.folder.device, note.folder.inode, note.host];
    return whole.every((text) => typeof text === 'string') ? note : undefined;
  } catch {
    return undefined;
  }
}
