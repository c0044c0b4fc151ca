// A disk as the medium that outlives processes: what was written, what of it was synced, which
// names are durable. A power cut keeps any part of what was not synced; a copy is one instant.
import path from 'node:path';
import type { FileStatus } from '../../src/journal/disk.ts';
import type { Chance } from './chance.ts';

/** A write that no sync has made durable yet. */
interface Unsynced {
  readonly offset: number;
  readonly before: Buffer;
  readonly after: Buffer;
  readonly sizeBefore: number;
  /** A sync of it failed: the kernel calls it clean, and it is on no disk. */
  isLost: boolean;
}

export interface Inode {
  readonly inode: number;
  readonly kind: 'file' | 'folder';
  bytes: Buffer;
  size: number;
  unsynced: Unsynced[];
  changedMs: number;
}

/** A change of a folder that no sync of the folder has made durable yet. */
interface NameChange {
  readonly name: string;
  readonly inode: Inode | undefined;
}

const sectorBytes = 512;
const device = '7';

export class Medium {
  readonly nowMs: () => number;
  #inodes = 100;
  #names = new Map<string, Inode>();
  #durable = new Map<string, Inode>();
  #changes: NameChange[] = [];

  constructor(nowMs: () => number, firstInode = 100) {
    this.nowMs = nowMs;
    this.#inodes = firstInode;
    const root = this.#newInode('folder');
    this.#names.set('/', root);
    this.#durable.set('/', root);
  }

  /** Of the medium as it stands: unsynced parts too, as whoever reads it sees them. */
  copy(options: { readonly keepsInodes: boolean }): Medium {
    const next = new Medium(this.nowMs, this.#inodes + (options.keepsInodes ? 0 : 10_000));
    const copies = new Map<Inode, Inode>();
    for (const [name, inode] of this.#names) {
      const known = copies.get(inode);
      const copy = known ?? {
        ...inode,
        inode: options.keepsInodes ? inode.inode : next.#inodes++,
        bytes: Buffer.from(inode.bytes.subarray(0, inode.size)),
        unsynced: [],
      };
      copies.set(inode, copy);
      next.#names.set(name, copy);
    }
    next.#durable = new Map(next.#names);
    return next;
  }

  /** What was synced stays; of the rest anything may. */
  cutPower(chance: Chance): void {
    const kept = chance.below(this.#changes.length + 1);
    for (const change of this.#changes.splice(0).slice(0, kept)) apply(this.#durable, change);
    this.#names = new Map(this.#durable);
    for (const name of this.#names.keys()) {
      if (name !== '/' && !this.#names.has(path.dirname(name))) this.#names.delete(name);
    }
    this.#durable = new Map(this.#names);
    for (const inode of new Set(this.#names.values())) tear(inode, chance);
  }

  create(file: string): Inode {
    if (this.#names.has(file)) throw codeError('EEXIST');
    this.#folder(path.dirname(file));
    const inode = this.#newInode('file');
    this.#change(file, inode);
    return inode;
  }

  read(file: string): Buffer {
    const { bytes, size } = this.find(file);
    return Buffer.from(bytes.subarray(0, size));
  }

  status(file: string): FileStatus {
    const { inode, kind, size, changedMs } = this.find(file);
    return { kind, bytes: size, changedMs, device, inode: String(inode) };
  }

  list(folder: string): string[] {
    this.#folder(folder);
    const inside = (name: string): boolean => name !== '/' && path.dirname(name) === folder;
    return [...this.#names.keys()].filter(inside).map((name) => path.basename(name));
  }

  rename(from: string, to: string): void {
    const inode = this.find(from);
    this.#folder(path.dirname(to));
    inode.changedMs = this.nowMs();
    // A crash in between may leave it in both places, never in neither.
    this.#change(to, inode);
    this.#change(from, undefined);
  }

  unlink(file: string): void {
    this.find(file);
    this.#change(file, undefined);
  }

  makeFolder(folder: string): void {
    if (this.#names.has(folder)) return;
    this.makeFolder(path.dirname(folder));
    this.#change(folder, this.#newInode('folder'));
  }

  removeFolder(folder: string): void {
    if (this.list(folder).length > 0) throw codeError('ENOTEMPTY');
    this.#change(folder, undefined);
  }

  syncFolder(folder: string): void {
    this.#folder(folder);
    const isInside = ({ name }: NameChange): boolean => path.dirname(name) === folder;
    for (const change of this.#changes) if (isInside(change)) apply(this.#durable, change);
    this.#changes = this.#changes.filter((change) => !isInside(change));
  }

  write(inode: Inode, bytes: Buffer, offset: number): void {
    const end = offset + bytes.length;
    if (end > inode.bytes.length) {
      const larger = Buffer.alloc(Math.max(end, inode.bytes.length * 2));
      inode.bytes.copy(larger);
      inode.bytes = larger;
    }
    const before = Buffer.from(inode.bytes.subarray(offset, end));
    const after = Buffer.from(bytes);
    inode.unsynced.push({ offset, before, after, sizeBefore: inode.size, isLost: false });
    after.copy(inode.bytes, offset);
    inode.size = Math.max(inode.size, end);
    inode.changedMs = this.nowMs();
  }

  sync(inode: Inode): void {
    inode.unsynced = inode.unsynced.filter(({ isLost }) => isLost);
  }

  /** The kernel reports it once, and forgets that these pages were dirty. */
  failSync(inode: Inode): void {
    for (const write of inode.unsynced) write.isLost = true;
  }

  /** Behind everybody's back. */
  damage(file: string, offset: number): void {
    const { bytes } = this.find(file);
    bytes.writeUInt8(bytes.readUInt8(offset) ^ 0xff, offset);
  }

  truncate(inode: Inode, length: number): void {
    inode.bytes.fill(0, Math.min(length, inode.size));
    inode.size = length;
  }

  has(file: string): boolean {
    return this.#names.has(file);
  }

  find(file: string): Inode {
    const inode = this.#names.get(file);
    if (inode === undefined) throw codeError('ENOENT');
    return inode;
  }

  #folder(folder: string): void {
    if (this.find(folder).kind !== 'folder') throw codeError('ENOTDIR');
  }

  #change(name: string, inode: Inode | undefined): void {
    const change = { name, inode };
    apply(this.#names, change);
    this.#changes.push(change);
  }

  #newInode(kind: 'file' | 'folder'): Inode {
    const bytes = Buffer.alloc(0);
    const changedMs = this.nowMs();
    return { inode: this.#inodes++, kind, bytes, size: 0, unsynced: [], changedMs };
  }
}

function apply(names: Map<string, Inode>, { name, inode }: NameChange): void {
  if (inode === undefined) names.delete(name);
  else names.set(name, inode);
}

/** Back to what was synced; then each later write is there, or not, or in part. */
function tear(inode: Inode, chance: Chance): void {
  const writes = inode.unsynced;
  inode.unsynced = [];
  for (const { offset, before, sizeBefore } of writes.toReversed()) {
    before.copy(inode.bytes, offset);
    inode.size = Math.min(inode.size, sizeBefore);
  }
  const behind = new Set<number>();
  for (const { offset, after, isLost } of writes) {
    const fate = isLost ? 'gone' : chance.one(['gone', 'whole', 'torn', 'cut']);
    const cutAt = fate === 'cut' ? chance.below(after.length) : after.length;
    for (let at = 0; at < after.length;) {
      // A sector is written or not; it begins where the disk says, not the write.
      const sector = Math.floor((offset + at) / sectorBytes);
      const end = Math.min(after.length, (sector + 1) * sectorBytes - offset);
      const keptEnd = Math.min(end, cutAt);
      const isKept = fate !== 'gone' && (fate !== 'torn' || chance.is(0.5)) && keptEnd > at;
      if (isKept && !behind.has(sector)) {
        after.copy(inode.bytes, offset + at, at, keptEnd);
        inode.size = Math.max(inode.size, offset + keptEnd);
      }
      // What comes later into a sector is written with what was there before, or not at all.
      if (!isLost && (!isKept || keptEnd < end)) behind.add(sector);
      at = end;
    }
  }
}

export function codeError(code: string): Error {
  return Object.assign(new Error(`${code}: a fault of the simulation`), { code });
}
