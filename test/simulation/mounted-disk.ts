// The Disk port of one process on a machine's medium: each call takes its time, and meets the
// faults that its machine has now. A call under way when its process is killed may have happened.
import type { Disk, DiskFile, FileStatus } from '../../src/journal/disk.ts';
import type { Chance } from './chance.ts';
import type { Inode, Medium } from './medium.ts';
import { codeError } from './medium.ts';
import type { Owner, VirtualTime } from './virtual-time.ts';

export const diskCalls = [
  'write',
  'datasync',
  'create',
  'rename',
  'syncFolder',
  'list',
  'read',
  'status',
  'unlink',
  'makeFolder',
  'removeFolder',
  'freeBytes',
  'truncate',
] as const;
export type DiskCall = (typeof diskCalls)[number];

/** What is wrong with a machine's disk at the moment. */
export class DiskFaults {
  /** Calls of this kind fail, so many of them. */
  failing: { readonly call: DiskCall; left: number } | undefined;
  isFull = false;
  /** Times as slow. */
  slowness = 1;
  takesPartsOnly = false;
  /** How often a call met one of them. */
  hits = 0;

  heal(): void {
    this.failing = undefined;
    this.isFull = false;
    this.slowness = 1;
    this.takesPartsOnly = false;
  }
}

const roomBytes = 2 ** 34;

export class MountedDisk implements Disk {
  readonly #medium: Medium;
  readonly #faults: DiskFaults;
  readonly #time: VirtualTime;
  readonly #chance: Chance;
  readonly #owner: Owner;
  readonly #underWay = new Set<() => void>();

  constructor(
    medium: Medium,
    faults: DiskFaults,
    world: { readonly time: VirtualTime; readonly chance: Chance; readonly owner: Owner },
  ) {
    this.#medium = medium;
    this.#faults = faults;
    this.#time = world.time;
    this.#chance = world.chance;
    this.#owner = world.owner;
  }

  /** Its process dies: of the calls under way some have reached the medium. */
  abandon(): void {
    for (const effect of this.#underWay) {
      if (!this.#chance.is(0.5)) continue;
      try {
        effect();
      } catch {
        // It would have failed, and nobody is left to hear of it.
      }
    }
    this.#underWay.clear();
  }

  async create(file: string): Promise<DiskFile> {
    return this.#open(await this.#call('create', () => this.#medium.create(file)));
  }

  read(file: string): Promise<Buffer> {
    return this.#call('read', () => this.#medium.read(file));
  }

  status(file: string): Promise<FileStatus> {
    return this.#call('status', () => this.#medium.status(file));
  }

  list(folder: string): Promise<string[]> {
    return this.#call('list', () => this.#medium.list(folder));
  }

  rename(from: string, to: string): Promise<void> {
    return this.#call('rename', () => this.#medium.rename(from, to));
  }

  unlink(file: string): Promise<void> {
    return this.#call('unlink', () => this.#medium.unlink(file));
  }

  makeFolder(folder: string): Promise<void> {
    return this.#call('makeFolder', () => this.#medium.makeFolder(folder));
  }

  removeFolder(folder: string): Promise<void> {
    return this.#call('removeFolder', () => this.#medium.removeFolder(folder));
  }

  syncFolder(folder: string): Promise<void> {
    return this.#call('syncFolder', () => this.#medium.syncFolder(folder));
  }

  freeBytes(folder: string): Promise<number> {
    return this.#call('freeBytes', () => {
      this.#medium.find(folder);
      return this.#faults.isFull ? 4096 : roomBytes;
    });
  }

  #open(inode: Inode): DiskFile {
    return {
      write: (bytes, offset) =>
        this.#call('write', () => {
          const isPart = this.#faults.takesPartsOnly && bytes.length > 1 && this.#chance.is(0.5);
          if (isPart) this.#faults.hits++;
          const taken = isPart ? 1 + this.#chance.below(bytes.length - 1) : bytes.length;
          this.#medium.write(inode, bytes.subarray(0, taken), offset);
          return taken;
        }),
      datasync: () =>
        this.#call(
          'datasync',
          () => this.#medium.sync(inode),
          () => this.#medium.failSync(inode),
        ),
      truncate: (length) => this.#call('truncate', () => this.#medium.truncate(inode, length)),
      close: () => Promise.resolve(),
    };
  }

  #call<T>(call: DiskCall, effect: () => T, onFailure?: () => void): Promise<T> {
    const isSync = call === 'datasync' || call === 'syncFolder';
    const ms = this.#chance.around(isSync ? 1.5 : 0.1) * this.#faults.slowness;
    return new Promise((resolve, reject) => {
      const act = (): T => {
        const code = this.#faultOf(call);
        if (code === undefined) return effect();
        onFailure?.();
        throw codeError(code);
      };
      this.#underWay.add(act);
      this.#time.after(ms, this.#owner, () => {
        this.#underWay.delete(act);
        try {
          resolve(act());
        } catch (thrown) {
          reject(thrown);
        }
      });
    });
  }

  #faultOf(call: DiskCall): string | undefined {
    const { failing, isFull } = this.#faults;
    if (failing?.call === call && failing.left > 0) {
      failing.left--;
      this.#faults.hits++;
      return 'EIO';
    }
    if (isFull && (call === 'create' || call === 'makeFolder' || call === 'write')) {
      if (call === 'write' && this.#chance.is(0.5)) return undefined;
      this.#faults.hits++;
      return 'ENOSPC';
    }
    return undefined;
  }
}
