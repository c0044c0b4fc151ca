// The real disk, but for the calls that a test lets fail.
import { nodeDisk } from '../../src/journal/disk.ts';
import type { Disk, DiskFile, FileStatus } from '../../src/journal/disk.ts';

export type DiskCall = 'create' | 'write' | 'datasync' | 'makeFolder';

export class FaultyDisk implements Disk {
  /** Answers an error code to let the call fail. A write that fails may have reached the disk. */
  fault: (call: DiskCall) => string | undefined = () => undefined;
  /** Awaited before a sync: holds a frame on its way. */
  beforeSync: () => Promise<void> = () => Promise.resolve();
  freeBytesLeft: number | undefined;

  read(file: string): Promise<Buffer> {
    return nodeDisk.read(file);
  }

  status(file: string): Promise<FileStatus> {
    return nodeDisk.status(file);
  }

  list(folder: string): Promise<string[]> {
    return nodeDisk.list(folder);
  }

  rename(from: string, to: string): Promise<void> {
    return nodeDisk.rename(from, to);
  }

  unlink(file: string): Promise<void> {
    return nodeDisk.unlink(file);
  }

  removeFolder(folder: string): Promise<void> {
    return nodeDisk.removeFolder(folder);
  }

  syncFolder(folder: string): Promise<void> {
    return nodeDisk.syncFolder(folder);
  }

  async makeFolder(folder: string): Promise<void> {
    this.#failIfTold('makeFolder');
    await nodeDisk.makeFolder(folder);
  }

  async freeBytes(folder: string): Promise<number> {
    return this.freeBytesLeft ?? (await nodeDisk.freeBytes(folder));
  }

  async create(file: string): Promise<DiskFile> {
    this.#failIfTold('create');
    const real = await nodeDisk.create(file);
    return {
      write: async (bytes, offset) => {
        const written = await real.write(bytes, offset);
        this.#failIfTold('write');
        return written;
      },
      datasync: async () => {
        await this.beforeSync();
        this.#failIfTold('datasync');
        await real.datasync();
      },
      truncate: (length) => real.truncate(length),
      close: () => real.close(),
    };
  }

  #failIfTold(call: DiskCall): void {
    const code = this.fault(call);
    if (code !== undefined) throw Object.assign(new Error(`${code}: as told`), { code });
  }
}
