// Owns the data folder's disk: how much is free, what the journals occupy, and the ballast that
// makes room when the disk is full. Looked at once a second, and at once where a call fails for
// want of room. Never writes a count.
import path from 'node:path';
import { Ballast } from './journal/ballast.ts';
import type { Disk } from './journal/disk.ts';
import { watchedDisk } from './journal/full-disk-watch.ts';
import { JournalSpace } from './journal/journal-space.ts';
import {
  ballastAgainMs,
  ballastBytesMax,
  ballastBytesMin,
  ballastDiskShare,
  ballastReleaseBytes,
  journalDiskFreeBytesMin,
} from './limits.ts';
import type { Log } from './log.ts';
import type { Clock } from './model/clock.ts';

export interface DataFolderOptions {
  readonly disk: Disk;
  readonly dataDir: string;
  /** Bound of all journals of this folder. */
  readonly journalBytesMax: number;
  /** Of the ballast; 0: none. */
  readonly ballastBytesMax?: number;
  readonly clock: Clock;
  readonly log: Log;
}

export class DataFolder {
  readonly disk: Disk;
  readonly journals: JournalSpace;
  readonly #options: DataFolderOptions;
  #freeBytes = 0;
  #ballast: Ballast | undefined;
  /** When this process gave it away; it is back once it holds bytes again. */
  #usedAtMs: number | undefined;
  #releasing: Promise<void> | undefined;
  #making = false;
  #madeAtMs = -Infinity;

  constructor(options: DataFolderOptions) {
    this.#options = options;
    this.disk = watchedDisk(options.disk, () => void this.#release());
    this.journals = new JournalSpace({
      disk: options.disk,
      folder: this.journalFolder,
      maxBytes: options.journalBytesMax,
      monotonicMs: () => options.clock.monotonicMs(),
      onGaveWay: ({ files, bytes }) => {
        const what = 'Confirmed journal files were deleted before their time: counting needs room';
        options.log.warn('journal.aside_gave_way', what, { files, bytes });
      },
    });
  }

  get journalFolder(): string {
    return path.join(this.#options.dataDir, 'journal');
  }

  get freeBytes(): number {
    return this.#freeBytes;
  }

  get ballastBytes(): number {
    return this.#ballast?.bytes ?? 0;
  }

  /** Wall clock; undefined: it is there, or there was never room for one. */
  get ballastUsedAtMs(): number | undefined {
    return this.ballastBytes > 0 ? undefined : this.#usedAtMs;
  }

  async start(): Promise<void> {
    await this.disk.makeFolder(this.journalFolder);
    await this.look();
    const { disk, dataDir, ballastBytesMax: most = ballastBytesMax } = this.#options;
    const wanted = Math.floor(Math.min(most, this.#freeBytes * ballastDiskShare));
    if (wanted < ballastBytesMin) return;
    this.#ballast = new Ballast({ disk, file: path.join(dataDir, 'ballast'), bytes: wanted });
    await this.#lookAtBallast(this.#ballast);
  }

  async stop(): Promise<void> {
    await this.#ballast?.stop();
  }

  /** Never throws. */
  async look(): Promise<void> {
    const { disk, dataDir, log } = this.#options;
    try {
      this.#freeBytes = await disk.freeBytes(dataDir);
      await this.journals.lookNowAndThen();
      if (this.#ballast !== undefined) await this.#lookAtBallast(this.#ballast);
    } catch (err) {
      log.warn('disk.unknown', 'What is on the disk is unknown', { err });
    }
  }

  async #lookAtBallast(ballast: Ballast): Promise<void> {
    if (this.#making) return;
    await ballast.look();
    // The embedded store fails by itself; what it is told by the disk, we see by what is left.
    if (this.#freeBytes < ballastReleaseBytes) await this.#release();
    else if (ballast.bytes === 0 || this.#madeAtMs === -Infinity) void this.#make(ballast);
  }

  async #make(ballast: Ballast): Promise<void> {
    const { clock, log } = this.#options;
    const nowMs = clock.monotonicMs();
    const rest = this.#freeBytes - 2 * ballastBytesMax;
    const hasRoom = rest > journalDiskFreeBytesMin || ballast.bytes > 0;
    if (!hasRoom || nowMs - this.#madeAtMs < ballastAgainMs) return;
    this.#making = true;
    this.#madeAtMs = nowMs;
    try {
      if (await ballast.make())
        log.info('disk.ballast_made', 'A ballast file lies ready', { bytes: ballast.bytes });
    } catch (err) {
      log.warn('disk.ballast_failed', 'No ballast file could be made', { err });
    } finally {
      this.#making = false;
    }
  }

  /** One at a time: many calls fail at once on a full disk. */
  #release(): Promise<void> {
    this.#releasing ??= this.#releaseOnce().finally(() => {
      this.#releasing = undefined;
    });
    return this.#releasing;
  }

  async #releaseOnce(): Promise<void> {
    const { clock, log } = this.#options;
    try {
      if ((await this.#ballast?.release()) !== true) return;
      this.#usedAtMs = clock.wallMs();
      this.#madeAtMs = clock.monotonicMs();
      const what = 'The disk is full: the ballast file was deleted to make room';
      log.error('disk.ballast_used', what, { free_bytes: this.#freeBytes });
    } catch (err) {
      log.error('disk.ballast_failed', 'The ballast file could not be deleted', { err });
    }
  }
}
