// Owns what all journals of a data folder occupy together: those in use, those of writers that
// ended, and what was moved aside. What is aside is in the store already, so it gives way, oldest
// first, where counting would have to stop. Never touches a segment that is not aside.
import path from 'node:path';
import { journalSpaceLookMs } from '../limits.ts';
import { diskCode } from './disk.ts';
import type { Disk } from './disk.ts';
import { segmentNamesOf } from './segment.ts';

interface AsideFile {
  readonly file: string;
  readonly bytes: number;
  readonly changedMs: number;
}

/** What stands under `journal/`. */
export interface JournalOccupancy {
  /** Of segments that are not aside, spares included. */
  readonly keptBytes: number;
  readonly aside: readonly AsideFile[];
}

export interface JournalSpaceOptions {
  readonly disk: Disk;
  /** `<data>/journal`. */
  readonly folder: string;
  /** Bound of all that is kept in it, by all processes of this machine. */
  readonly maxBytes: number;
  readonly monotonicMs: () => number;
  readonly onGaveWay: (gone: { readonly files: number; readonly bytes: number }) => void;
}

export class JournalSpace {
  readonly maxBytes: number;
  readonly #options: JournalSpaceOptions;
  #keptBytes = 0;
  #asideBytes = 0;
  #lookedAtMs = -Infinity;
  #looking: Promise<JournalOccupancy> | undefined;

  constructor(options: JournalSpaceOptions) {
    this.#options = options;
    this.maxBytes = options.maxBytes;
  }

  /** As it was seen last, and made since by this process. */
  get keptBytes(): number {
    return this.#keptBytes;
  }

  get asideBytes(): number {
    return this.#asideBytes;
  }

  /** A segment was made. */
  took(bytes: number): void {
    this.#keptBytes += bytes;
  }

  /** Now and then: other processes take and give here, too. */
  async lookNowAndThen(): Promise<void> {
    if (this.#options.monotonicMs() - this.#lookedAtMs >= journalSpaceLookMs) await this.look();
  }

  look(): Promise<JournalOccupancy> {
    this.#looking ??= this.#look().finally(() => {
      this.#looking = undefined;
    });
    return this.#looking;
  }

  /** Whether so many bytes more keep the bound; what is aside gives way to them. */
  async makeRoom(bytes: number): Promise<boolean> {
    const missing = (): number => this.#keptBytes + this.#asideBytes + bytes - this.maxBytes;
    const isKnown = this.#lookedAtMs !== -Infinity;
    if (isKnown && missing() <= 0) return true;
    const { aside } = await this.look();
    if (missing() > 0) await this.#giveWay(aside, missing());
    return missing() <= 0;
  }

  /** Deletes what is aside, oldest first, until so many bytes are free. Answers how many are. */
  async freeAside(bytes: number): Promise<number> {
    const { aside } = await this.look();
    return this.#giveWay(aside, bytes);
  }

  async #look(): Promise<JournalOccupancy> {
    this.#lookedAtMs = this.#options.monotonicMs();
    const occupancy = await measureJournals(this.#options);
    this.#keptBytes = occupancy.keptBytes;
    this.#asideBytes = occupancy.aside.reduce((sum, { bytes }) => sum + bytes, 0);
    return occupancy;
  }

  async #giveWay(aside: readonly AsideFile[], bytes: number): Promise<number> {
    let freed = 0;
    let files = 0;
    let failure: unknown;
    for (const each of aside.toSorted((a, b) => a.changedMs - b.changedMs)) {
      if (freed >= bytes) break;
      try {
        await this.#options.disk.unlink(each.file);
      } catch (thrown) {
        // Another process was faster: the room is there all the same.
        if (diskCode(thrown) !== 'ENOENT') {
          failure ??= thrown;
          continue;
        }
      }
      freed += each.bytes;
      files++;
    }
    this.#asideBytes -= freed;
    if (files > 0) this.#options.onGaveWay({ files, bytes: freed });
    if (freed < bytes && failure !== undefined) throw failure;
    return freed;
  }
}

/**
 * Looks at every file. What goes meanwhile is passed over, and so is what cannot be read: one
 * writer's broken folder, which the recovery names, must not hide what the others occupy.
 */
export async function measureJournals(place: {
  readonly disk: Disk;
  readonly folder: string;
}): Promise<JournalOccupancy> {
  const { disk, folder } = place;
  let keptBytes = 0;
  const aside: AsideFile[] = [];
  for (const writer of await writersIn(disk, folder)) {
    const own = path.join(folder, writer);
    const names = await namesIn(disk, own);
    for (const { bytes } of await segmentsIn(disk, own, names)) keptBytes += bytes;
    if (!names.includes('aside')) continue;
    const gone = path.join(own, 'aside');
    aside.push(...(await segmentsIn(disk, gone, await namesIn(disk, gone))));
  }
  return { keptBytes, aside };
}

async function writersIn(disk: Disk, folder: string): Promise<readonly string[]> {
  try {
    return await disk.list(folder);
  } catch (thrown) {
    // Nobody has counted here yet.
    if (diskCode(thrown) === 'ENOENT') return [];
    throw thrown;
  }
}

async function segmentsIn(
  disk: Disk,
  folder: string,
  names: readonly string[],
): Promise<AsideFile[]> {
  const found: AsideFile[] = [];
  for (const name of segmentNamesOf(names)) {
    const file = path.join(folder, name);
    const status = await orNothing(disk.status(file));
    if (status !== undefined) found.push({ file, ...status });
  }
  return found;
}

async function namesIn(disk: Disk, folder: string): Promise<readonly string[]> {
  return (await orNothing(disk.list(folder))) ?? [];
}

async function orNothing<T>(call: Promise<T>): Promise<T | undefined> {
  try {
    return await call;
  } catch (thrown) {
    if (diskCode(thrown) === '') throw thrown;
    return undefined;
  }
}
