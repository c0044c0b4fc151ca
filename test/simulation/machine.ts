// A machine: its wall clock, its boot, its disk and who holds which lock on it. It may lose power,
// sleep, have its clock set, or be copied; processes on it come and go.
import type { HostIdentity } from '../../src/ingest/host-identity.ts';
import type { Machine as MachinePort } from '../../src/machine.ts';
import { CounterError } from '../../src/model/errors.ts';
import type { FolderLock } from '../../src/store/embedded/folder-lock.ts';
import type { Chance } from './chance.ts';
import { Medium } from './medium.ts';
import { DiskFaults } from './mounted-disk.ts';
import { epochMs } from './take-over.ts';
import type { Owner, VirtualTime } from './virtual-time.ts';

export const dataDir = '/data';
export const journalFolder = `${dataDir}/journal`;

export class Machine {
  readonly name: string;
  readonly disk: Medium;
  readonly diskFaults = new DiskFaults();
  /** What the wall clock is off at the best of times; and what it says beyond that. */
  skewMs = 0;
  wallOffMs = 0;
  isCopy: boolean;
  /** Files that lay aside were deleted to make room: its journals do not say all any more. */
  asideGaveWay = false;
  readonly #time: VirtualTime;
  readonly #locks = new Map<number, Owner>();
  #boots = 1;
  /** Its monotonic clock stood still for so long. */
  #sleptMs = 0;

  constructor(name: string, time: VirtualTime, disk?: Medium) {
    this.name = name;
    this.#time = time;
    this.isCopy = disk !== undefined;
    this.disk = disk ?? new Medium(() => this.wallMs());
    this.disk.makeFolder(dataDir);
    this.disk.syncFolder('/');
  }

  wallMs(): number {
    return Math.floor(epochMs + this.#time.nowMs + this.skewMs + this.wallOffMs);
  }

  monotonicMs(): number {
    return 1000 + this.#time.nowMs - this.#sleptMs;
  }

  slept(ms: number): void {
    this.#sleptMs += ms;
  }

  /** All of its processes are dead by now. */
  cutPower(chance: Chance): void {
    this.#locks.clear();
    this.#boots++;
    this.disk.cutPower(chance);
  }

  killed(owner: Owner): void {
    for (const [inode, holder] of this.#locks) if (holder === owner) this.#locks.delete(inode);
  }

  /** As a process on it sees it. */
  portOf(owner: Owner): MachinePort {
    const identity = (): Promise<HostIdentity> =>
      Promise.resolve({ host: this.name, bootId: `${this.name}-boot-${this.#boots}` });
    const tryLock = (folder: string): Promise<FolderLock | undefined> =>
      this.#takes(1, owner, () => this.#tryLock(folder, owner));
    const lock = async (folder: string): Promise<FolderLock> => {
      const taken = await tryLock(folder);
      if (taken !== undefined) return taken;
      throw new CounterError('FOLDER_LOCKED', 'give-up', { detail: folder });
    };
    return { identity, lock, tryLock };
  }

  #tryLock(folder: string, owner: Owner): FolderLock | undefined {
    const { inode } = this.disk.find(folder);
    if (this.#locks.has(inode)) return undefined;
    this.#locks.set(inode, owner);
    const free = (): void => void this.#locks.delete(inode);
    return { release: () => this.#takes(0.2, owner, free) };
  }

  #takes<T>(ms: number, owner: Owner, work: () => T): Promise<T> {
    return new Promise((resolve, reject) => {
      this.#time.after(ms, owner, () => {
        try {
          resolve(work());
        } catch (thrown) {
          reject(thrown);
        }
      });
    });
  }
}
