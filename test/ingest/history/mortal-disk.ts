// A disk in memory for histories: keeps what was synced apart from what was only written, leaves
// an image behind when its machine or process dies, and refuses everything from then on.
// Segments are kept without their zeroes. Locks and notes of writers lie in the real folder.
import path from 'node:path';
import type { Disk, DiskFile, FileStatus } from '../../../src/journal/disk.ts';

interface Inode {
  readonly inode: number;
  readonly kind: 'file' | 'folder';
  size: number;
  /** What is not zero: files are only ever appended to. */
  bytes: Buffer;
  end: number;
  syncedSize: number;
  syncedEnd: number;
}

export interface ImagePlace {
  readonly from: string;
  readonly to: string;
  /** A restart finds its own folder; a copy is on other inodes. */
  readonly isCopy: boolean;
  /** How much of its unsynced bytes a file keeps: 1 after a kill, anything after a power cut. */
  readonly keeps: () => number;
  /** A power cut takes names along that no folder sync has made durable. */
  readonly keepsNames: boolean;
}

let inodes = 1000;

export class MortalDisk implements Disk {
  /** Answers an error code to let a call fail. */
  fault: (name: string, file: string) => string | undefined = () => undefined;
  /** Awaited before a call does anything. */
  hold: (name: string) => Promise<void> = () => Promise.resolve();
  /** The same, for as long as its process stands still. */
  frost: () => Promise<void> = () => Promise.resolve();
  isDead = false;
  #names = new Map<string, Inode>([['/', newInode('folder')]]);
  #durable = new Map(this.#names);

  /** What is left for the next one, on a disk of its own; this one goes on unless it is killed. */
  image(place: ImagePlace): MortalDisk {
    const next = new MortalDisk();
    const copies = new Map<Inode, Inode>();
    const copyOf = (inode: Inode): Inode => {
      const known = copies.get(inode);
      if (known !== undefined) return known;
      const end = inode.syncedEnd + Math.floor((inode.end - inode.syncedEnd) * place.keeps());
      const bytes = Buffer.from(inode.bytes.subarray(0, end));
      const number = place.isCopy ? inodes++ : inode.inode;
      const sizes = { size: inode.size, end, syncedSize: inode.size, syncedEnd: end };
      const copy = { ...inode, ...sizes, bytes, inode: number };
      copies.set(inode, copy);
      return copy;
    };
    for (const [name, inode] of place.keepsNames ? this.#names : this.#durable) {
      const moved = name.startsWith(place.from) ? place.to + name.slice(place.from.length) : name;
      next.#names.set(moved, copyOf(inode));
    }
    next.#addFolder(place.to);
    next.#durable = new Map(next.#names);
    return next;
  }

  async create(file: string): Promise<DiskFile> {
    await this.#call('create', file);
    if (this.#names.has(file)) throw errorOf('EEXIST');
    const inode = newInode('file');
    this.#names.set(file, inode);
    return this.#open(inode, file);
  }

  async read(file: string): Promise<Buffer> {
    await this.#call('read', file);
    const { size, bytes, end } = this.#find(file);
    const all = Buffer.alloc(size);
    bytes.copy(all, 0, 0, Math.min(size, end));
    return all;
  }

  async status(file: string): Promise<FileStatus> {
    await this.#call('status', file);
    const { inode, kind, size } = this.#find(file);
    return { kind, bytes: size, changedMs: 0, device: '7', inode: String(inode) };
  }

  async list(folder: string): Promise<string[]> {
    await this.#call('list', folder);
    this.#find(folder);
    return this.#namesIn(folder);
  }

  async rename(from: string, to: string): Promise<void> {
    await this.#call('rename', from);
    const inode = this.#find(from);
    this.#names.delete(from);
    this.#names.set(to, inode);
  }

  async unlink(file: string): Promise<void> {
    await this.#call('unlink', file);
    this.#find(file);
    this.#names.delete(file);
  }

  async makeFolder(folder: string): Promise<void> {
    await this.#call('makeFolder', folder);
    this.#addFolder(folder);
  }

  async removeFolder(folder: string): Promise<void> {
    await this.#call('removeFolder', folder);
    if (this.#namesIn(folder).length > 0) throw errorOf('ENOTEMPTY');
    this.#names.delete(folder);
  }

  async syncFolder(folder: string): Promise<void> {
    await this.#call('syncFolder', folder);
    this.#find(folder);
    for (const name of new Set([...this.#names.keys(), ...this.#durable.keys()])) {
      if (path.dirname(name) !== folder) continue;
      const inode = this.#names.get(name);
      if (inode === undefined) this.#durable.delete(name);
      else this.#durable.set(name, inode);
    }
  }

  async freeBytes(folder: string): Promise<number> {
    await this.#call('freeBytes', folder);
    return 2 ** 40;
  }

  #open(inode: Inode, file: string): DiskFile {
    return {
      write: async (bytes, offset) => {
        await this.#call('write', file);
        inode.size = Math.max(inode.size, offset + bytes.length);
        if (!isZero(bytes)) this.#keep(inode, bytes, offset);
        return bytes.length;
      },
      datasync: async () => {
        await this.#call('datasync', file);
        inode.syncedSize = inode.size;
        inode.syncedEnd = inode.end;
      },
      truncate: async (length) => {
        await this.#call('truncate', file);
        inode.size = length;
      },
      close: () => Promise.resolve(),
    };
  }

  #keep(inode: Inode, bytes: Buffer, offset: number): void {
    const end = offset + bytes.length;
    if (end > inode.bytes.length) {
      const larger = Buffer.alloc(Math.max(end, inode.bytes.length * 2));
      inode.bytes.copy(larger);
      inode.bytes = larger;
    }
    bytes.copy(inode.bytes, offset);
    inode.end = Math.max(inode.end, end);
  }

  async #call(name: string, file: string): Promise<void> {
    // A real disk never answers in the same turn.
    await Promise.resolve();
    await this.hold(name);
    await this.frost();
    const code = this.isDead ? 'EIO' : this.fault(name, file);
    if (code !== undefined) throw errorOf(code);
  }

  #addFolder(folder: string): void {
    for (let at = folder; !this.#names.has(at); at = path.dirname(at)) {
      this.#names.set(at, newInode('folder'));
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

const zeroes = Buffer.alloc(1_048_576);

function isZero(bytes: Buffer): boolean {
  return bytes.length <= zeroes.length && bytes.equals(zeroes.subarray(0, bytes.length));
}

function newInode(kind: 'file' | 'folder'): Inode {
  const bytes = Buffer.alloc(0);
  return { inode: inodes++, kind, size: 0, bytes, end: 0, syncedSize: 0, syncedEnd: 0 };
}

function errorOf(code: string): Error {
  return Object.assign(new Error(`${code}: a fault of the history`), { code });
}
