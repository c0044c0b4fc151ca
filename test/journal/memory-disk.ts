// A disk in memory for tests: keeps what was synced apart from what was only written, and fails,
// writes short, runs full or crashes on request. Every call is counted, so that a test can fail
// the k-th one.
import path from 'node:path';
import type { Disk, DiskFile, FileStatus } from '../../src/journal/disk.ts';

interface Inode {
  readonly inode: number;
  readonly kind: 'file' | 'folder';
  /** As written; `synced` is what a crash of the machine leaves for sure. */
  written: Buffer;
  synced: Buffer;
  changedMs: number;
}

/** What a call is about to do; answer an error code to let it fail. */
export type Fault = (call: { readonly name: string; readonly index: number }) => string | undefined;

export class MemoryDisk implements Disk {
  /** Answers the bytes to take of a write. */
  short: (bytes: number) => number = (bytes) => bytes;
  fault: Fault = () => undefined;
  capacityBytes = 2 ** 40;
  /** Says that it has synced, and has not. */
  forgetful = false;
  /** Names of all calls so far. */
  calls: string[] = [];
  nowMs = 0;
  #inodes = 100;
  #names = new Map<string, Inode>([['/', this.#inode('folder')]]);
  #syncedNames = new Map(this.#names);

  #inode(kind: 'file' | 'folder'): Inode {
    const empty = Buffer.alloc(0);
    return { inode: this.#inodes++, kind, written: empty, synced: empty, changedMs: this.nowMs };
  }

  get usedBytes(): number {
    let bytes = 0;
    for (const inode of new Set(this.#names.values())) bytes += inode.written.length;
    return bytes;
  }

  /** The machine dies: what was not synced is gone, or partly there, as `keeps` decides. */
  crash(keeps: (block: number) => boolean = () => false): void {
    this.#names = new Map(this.#syncedNames);
    for (const inode of new Set(this.#names.values())) {
      const { written, synced } = inode;
      const left = Buffer.alloc(Math.max(written.length, synced.length));
      synced.copy(left);
      for (let at = 0; at < written.length; at += 512) {
        if (keeps(at / 512)) written.copy(left, at, at, Math.min(at + 512, written.length));
      }
      inode.written = left;
      inode.synced = Buffer.from(left);
    }
    this.fault = () => undefined;
  }

  /** Looks past all faults. */
  bytesOf(file: string): Buffer {
    return Buffer.from(this.#find(file).written);
  }

  filesOf(folder: string): string[] {
    return this.#namesIn(folder).sort();
  }

  /** Puts a file there, synced, and the folders to it. */
  put(file: string, bytes: Buffer): void {
    this.#addFolder(path.dirname(file));
    const inode = this.#inode('file');
    inode.written = Buffer.from(bytes);
    inode.synced = Buffer.from(bytes);
    this.#names.set(file, inode);
    this.#syncedNames.set(file, inode);
  }

  async create(file: string): Promise<DiskFile> {
    await this.#call('create');
    if (this.#names.has(file)) throw errorOf('EEXIST');
    this.#find(path.dirname(file));
    const inode = this.#inode('file');
    this.#names.set(file, inode);
    return this.#open(inode);
  }

  async read(file: string): Promise<Buffer> {
    await this.#call('read');
    return Buffer.from(this.#find(file).written);
  }

  async status(file: string): Promise<FileStatus> {
    await this.#call('status');
    const { inode, kind, written, changedMs } = this.#find(file);
    return { kind, bytes: written.length, changedMs, device: '7', inode: String(inode) };
  }

  async list(folder: string): Promise<string[]> {
    await this.#call('list');
    this.#find(folder);
    return this.#namesIn(folder);
  }

  async rename(from: string, to: string): Promise<void> {
    await this.#call('rename');
    const inode = this.#find(from);
    inode.changedMs = this.nowMs;
    this.#names.delete(from);
    this.#names.set(to, inode);
  }

  async unlink(file: string): Promise<void> {
    await this.#call('unlink');
    this.#find(file);
    this.#names.delete(file);
  }

  async makeFolder(folder: string): Promise<void> {
    await this.#call('makeFolder');
    this.#addFolder(folder);
  }

  async removeFolder(folder: string): Promise<void> {
    await this.#call('removeFolder');
    if (this.#namesIn(folder).length > 0) throw errorOf('ENOTEMPTY');
    this.#names.delete(folder);
  }

  async syncFolder(folder: string): Promise<void> {
    await this.#call('syncFolder');
    this.#find(folder);
    const names = new Set([...this.#names.keys(), ...this.#syncedNames.keys()]);
    for (const name of names) {
      if (path.dirname(name) !== folder || name === '/') continue;
      const inode = this.#names.get(name);
      if (inode === undefined) this.#syncedNames.delete(name);
      else this.#syncedNames.set(name, inode);
    }
  }

  async freeBytes(folder: string): Promise<number> {
    await this.#call('freeBytes');
    this.#find(folder);
    return this.capacityBytes - this.usedBytes;
  }

  #open(inode: Inode): DiskFile {
    return {
      write: async (bytes, offset) => {
        await this.#call('write');
        const end = (length: number): number => Math.max(inode.written.length, offset + length);
        const room = this.capacityBytes - this.usedBytes + inode.written.length;
        const wanted = Math.max(1, Math.min(bytes.length, this.short(bytes.length)));
        const taken = Math.min(wanted, Math.max(0, room - offset));
        if (taken === 0) throw errorOf('ENOSPC');
        if (end(taken) > inode.written.length) {
          const longer = Buffer.alloc(end(taken));
          inode.written.copy(longer);
          inode.written = longer;
        }
        bytes.copy(inode.written, offset, 0, taken);
        return taken;
      },
      datasync: async () => {
        await this.#call('datasync');
        if (!this.forgetful) inode.synced = Buffer.from(inode.written);
      },
      truncate: async (length) => {
        await this.#call('truncate');
        inode.written = Buffer.from(inode.written.subarray(0, length));
      },
      close: () => this.#call('close'),
    };
  }

  async #call(name: string): Promise<void> {
    this.calls.push(name);
    const code = this.fault({ name, index: this.calls.length - 1 });
    // A real disk never answers in the same turn.
    await Promise.resolve();
    if (code !== undefined) throw errorOf(code);
  }

  #addFolder(folder: string): void {
    for (let at = folder; !this.#names.has(at); at = path.dirname(at)) {
      this.#names.set(at, this.#inode('folder'));
    }
  }

  #namesIn(folder: string): string[] {
    const inside = (name: string): boolean => name !== '/' && path.dirname(name) === folder;
    return [...this.#names.keys()].filter(inside).map((name) => path.basename(name));
  }

  #find(file: string): Inode {
    const inode = this.#names.get(file);
    if (inode === undefined) throw errorOf('ENOENT');
    return inode;
  }
}

function errorOf(code: string): Error {
  return Object.assign(new Error(`${code}: a fault of the test`), { code });
}
