// The real disk, but for the calls that a test lets fail or wait.
import { nodeDisk } from '../../src/journal/disk.ts';
import type { Disk, DiskFile, FileStatus } from '../../src/journal/disk.ts';

export type DiskCall =
  'create' | 'write' | 'datasync' | 'makeFolder' | 'status' | 'list' | 'unlink';

export class FaultyDisk implements Disk {
  /** Answers an error code to let the call fail. A write that fails has reached the disk. */
  fault: (call: DiskCall, file: string) => string | undefined = () => undefined;
  /** The same, for what depends on the disk. */
  faultLater: (call: DiskCall, file: string) => Promise<string | undefined> = () =>
    Promise.resolve(undefined);
  /** Awaited before the call. */
  before: (call: DiskCall, file: string) => Promise<void> = () => Promise.resolve();
  freeBytesLeft: number | undefined;

  read(file: string): Promise<Buffer> {
    return nodeDisk.read(file);
  }

  async status(file: string): Promise<FileStatus> {
    await this.#pass('status', file);
    return nodeDisk.status(file);
  }

  async list(folder: string): Promise<string[]> {
    await this.#pass('list', folder);
    return nodeDisk.list(folder);
  }

  rename(from: string, to: string): Promise<void> {
    return nodeDisk.rename(from, to);
  }

  async unlink(file: string): Promise<void> {
    await this.#pass('unlink', file);
    await nodeDisk.unlink(file);
  }

  removeFolder(folder: string): Promise<void> {
    return nodeDisk.removeFolder(folder);
  }

  syncFolder(folder: string): Promise<void> {
    return nodeDisk.syncFolder(folder);
  }

  async makeFolder(folder: string): Promise<void> {
    await this.#pass('makeFolder', folder);
    await nodeDisk.makeFolder(folder);
  }

  async freeBytes(folder: string): Promise<number> {
    return this.freeBytesLeft ?? (await nodeDisk.freeBytes(folder));
  }

  async create(file: string): Promise<DiskFile> {
    await this.#pass('create', file);
    const real = await nodeDisk.create(file);
    return {
      write: async (bytes, offset) => {
        const written = await real.write(bytes, offset);
        await this.#pass('write', file);
        return written;
      },
      datasync: async () => {
        await this.#pass('datasync', file);
        await real.datasync();
      },
      truncate: (length) => real.truncate(length),
      close: () => real.close(),
    };
  }

  async #pass(call: DiskCall, file: string): Promise<void> {
    await this.before(call, file);
    const code = this.fault(call, file) ?? (await this.faultLater(call, file));
    if (code !== undefined) throw Object.assign(new Error(`${code}: as told`), { code });
  }
}
