// Owns every file operation that the journal needs, as a port, and its real implementation.
// Promises: a failure is an Error with its `code`; a write may be short and says so.
// Never retries, never syncs on its own and never knows what the bytes mean.
import fs from 'node:fs';
import path from 'node:path';
import type { FolderIdentity } from '../model/folder-identity.ts';

export interface Disk {
  /** Creates a file that must not exist yet; mode 0600. */
  create(file: string): Promise<DiskFile>;
  /** The whole file. */
  read(file: string): Promise<Buffer>;
  status(file: string): Promise<FileStatus>;
  /** Names in the folder, in no order. */
  list(folder: string): Promise<string[]>;
  rename(from: string, to: string): Promise<void>;
  unlink(file: string): Promise<void>;
  /** Parents too, mode 0700; fine if it exists already. */
  makeFolder(folder: string): Promise<void>;
  /** The folder must be empty. */
  removeFolder(folder: string): Promise<void>;
  /** Makes durable what was created, renamed or unlinked in the folder. */
  syncFolder(folder: string): Promise<void>;
  /** What an unprivileged process may still write on the folder's disk. */
  freeBytes(folder: string): Promise<number>;
}

export interface DiskFile {
  /** Answers how many of the bytes were written: perhaps fewer than were given. */
  write(bytes: Buffer, offset: number): Promise<number>;
  /** Makes the written bytes, and the size needed to read them, durable. */
  datasync(): Promise<void>;
  truncate(length: number): Promise<void>;
  close(): Promise<void>;
}

export interface FileStatus extends FolderIdentity {
  readonly kind: 'file' | 'folder' | 'other';
  readonly bytes: number;
  /** When the file was last written, renamed or linked; ms since 1970 UTC. */
  readonly changedMs: number;
}

/** The code that the operating system gave, or ''. */
export function diskCode(thrown: unknown): string {
  const isObject = typeof thrown === 'object' && thrown !== null;
  return isObject && 'code' in thrown && typeof thrown.code === 'string' ? thrown.code : '';
}

// node:fs by its callbacks and raw descriptors: a frame's write and sync are on the way of every
// acknowledgement, and a FileHandle costs more per call and closes itself behind our back.
export const nodeDisk: Disk = {
  async create(file) {
    return new NodeFile(await call<number>((done) => fs.open(file, 'wx', 0o600, done)));
  },
  read: (file) => call<Buffer>((done) => fs.readFile(file, done)),
  async status(file) {
    const stats = await call<fs.BigIntStats>((done) => fs.lstat(file, { bigint: true }, done));
    return {
      kind: stats.isFile() ? 'file' : stats.isDirectory() ? 'folder' : 'other',
      bytes: Number(stats.size),
      changedMs: Number(stats.ctimeMs),
      device: BigInt.asUintN(64, stats.dev).toString(),
      inode: BigInt.asUintN(64, stats.ino).toString(),
    };
  },
  list: (folder) => call<string[]>((done) => fs.readdir(folder, done)),
  rename: (from, to) => callVoid((done) => fs.rename(from, to, done)),
  unlink: (file) => callVoid((done) => fs.unlink(file, done)),
  makeFolder: (folder) =>
    callVoid((done) => fs.mkdir(folder, { recursive: true, mode: 0o700 }, (error) => done(error))),
  removeFolder: (folder) => callVoid((done) => fs.rmdir(folder, done)),
  async syncFolder(folder) {
    const fd = await call<number>((done) => fs.open(folder, 'r', done));
    try {
      await callVoid((done) => fs.fsync(fd, done));
    } finally {
      await callVoid((done) => fs.close(fd, done));
    }
  },
  async freeBytes(folder) {
    const stats = await call<fs.StatsFs>((done) => fs.statfs(folder, done));
    return stats.bavail * stats.bsize;
  },
};

class NodeFile implements DiskFile {
  readonly #fd: number;

  constructor(fd: number) {
    this.#fd = fd;
  }

  write(bytes: Buffer, offset: number): Promise<number> {
    return call<number>((done) => fs.write(this.#fd, bytes, 0, bytes.length, offset, done));
  }

  datasync(): Promise<void> {
    return callVoid((done) => fs.fdatasync(this.#fd, done));
  }

  truncate(length: number): Promise<void> {
    return callVoid((done) => fs.ftruncate(this.#fd, length, done));
  }

  close(): Promise<void> {
    return callVoid((done) => fs.close(this.#fd, done));
  }
}

/** Writes all of it, however often the disk takes only a part. */
export async function writeFully(file: DiskFile, bytes: Buffer, offset: number): Promise<void> {
  let written = 0;
  while (written < bytes.length) {
    const taken = await file.write(bytes.subarray(written), offset + written);
    if (taken <= 0) throw Object.assign(new Error('the disk takes nothing'), { code: 'EIO' });
    written += taken;
  }
}

/** A whole small file; durable only once somebody syncs it. */
export async function createFully(disk: Disk, name: string, bytes: Buffer): Promise<void> {
  const file = await disk.create(name);
  try {
    await writeFully(file, bytes, 0);
  } finally {
    await file.close();
  }
}

/** Creates a folder so that it survives a crash of the machine. */
export async function makeFolderDurably(disk: Disk, folder: string): Promise<void> {
  await disk.makeFolder(folder);
  await disk.syncFolder(path.dirname(folder));
}

/**
 * The same for each folder above it that is missing, the uppermost first: a folder whose name a
 * power cut takes away takes all that was synced inside. Asks nothing of a parent that was there.
 */
export async function makePathDurably(disk: Disk, folder: string): Promise<void> {
  const above = path.dirname(folder);
  // Whatever stands in the way, making it says so.
  const isThere = await disk.status(folder).then(
    () => true,
    () => false,
  );
  if (isThere || above === folder) return;
  await makePathDurably(disk, above);
  await makeFolderDurably(disk, folder);
}

type Done<T> = (error: Error | null, result: T) => void;

function call<T>(start: (done: Done<T>) => void): Promise<T> {
  return new Promise((resolve, reject) => {
    start((error, result) => (error === null ? resolve(result) : reject(error)));
  });
}

function callVoid(start: (done: (error: Error | null) => void) => void): Promise<void> {
  return new Promise((resolve, reject) => {
    start((error) => (error === null ? resolve() : reject(error)));
  });
}
