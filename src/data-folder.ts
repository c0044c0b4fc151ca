// Owns what is known of the data folder's disk: how much is free, looked up once a second.
// Never writes a count.
import type { Disk } from './journal/disk.ts';
import type { Log } from './log.ts';

export interface DataFolderOptions {
  readonly disk: Disk;
  readonly dataDir: string;
  readonly log: Log;
}

export class DataFolder {
  readonly #options: DataFolderOptions;
  #freeBytes = 0;

  constructor(options: DataFolderOptions) {
    this.#options = options;
  }

  get freeBytes(): number {
    return this.#freeBytes;
  }

  /** Never throws. */
  async look(): Promise<void> {
    const { disk, dataDir, log } = this.#options;
    try {
      this.#freeBytes = await disk.freeBytes(dataDir);
    } catch (err) {
      log.warn('disk.unknown', 'The free bytes of the disk are unknown', { err });
    }
  }
}
