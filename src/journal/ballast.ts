// Owns a file that only takes up room: deleted when the disk is full, it gives a new identity its
// folder and the flush what it needs to empty the journal; made again when there is room.
// Promises: its bytes are really written, of a kind that no file system can compress or leave out.
// Never counted on by anything that can wait for room.
import { randomFillSync } from 'node:crypto';
import path from 'node:path';
import { setTimeout as passes } from 'node:timers/promises';
import { ballastChunkBytes, ballastChunkMs } from '../limits.ts';
import { diskCode, writeFully } from './disk.ts';
import type { Disk } from './disk.ts';

export interface BallastOptions {
  readonly disk: Disk;
  readonly file: string;
  readonly bytes: number;
}

export class Ballast {
  readonly #options: BallastOptions;
  #bytes = 0;
  #stopped = false;
  #work: Promise<unknown> = Promise.resolve();

  constructor(options: BallastOptions) {
    this.#options = options;
  }

  /** What it holds now; 0: it is not there. */
  get bytes(): number {
    return this.#bytes;
  }

  /** Other processes of the machine share it. */
  async look(): Promise<void> {
    const status = await this.#options.disk.status(this.#options.file).catch(() => undefined);
    this.#bytes = status?.bytes ?? 0;
  }

  /**
   * Writes it where it is not there, whole: one that a crash left in part is made anew. In small
   * steps, so that the syncs of the journal do not wait for it. Error: the disk's; no file stays.
   */
  make(): Promise<boolean> {
    return this.#after(() => this.#make());
  }

  /** Gives its room away. True: there was some. */
  release(): Promise<boolean> {
    return this.#after(async () => {
      await this.look();
      const had = this.#bytes > 0;
      await this.#remove();
      return had;
    });
  }

  /** Ends a making that is under way. */
  async stop(): Promise<void> {
    this.#stopped = true;
    await this.#work.catch(() => undefined);
  }

  async #make(): Promise<boolean> {
    const { disk, file, bytes } = this.#options;
    await this.look();
    if (this.#stopped || this.#bytes >= bytes) return false;
    await this.#remove();
    const open = await disk.create(file);
    const noise = randomFillSync(Buffer.alloc(Math.min(bytes, ballastChunkBytes)));
    try {
      for (let at = 0; at < bytes && !this.#stopped; at += noise.length) {
        await writeFully(open, noise.subarray(0, Math.min(noise.length, bytes - at)), at);
        await open.datasync();
        await passes(ballastChunkMs);
      }
      await disk.syncFolder(path.dirname(file));
    } catch (thrown) {
      await this.#remove().catch(() => undefined);
      throw thrown;
    } finally {
      await open.close();
      await this.look();
    }
    return this.#bytes >= bytes;
  }

  async #remove(): Promise<void> {
    try {
      await this.#options.disk.unlink(this.#options.file);
    } catch (thrown) {
      if (diskCode(thrown) !== 'ENOENT') throw thrown;
    }
    this.#bytes = 0;
  }

  #after(task: () => Promise<boolean>): Promise<boolean> {
    const done = this.#work.catch(() => undefined).then(task);
    this.#work = done;
    return done;
  }
}
