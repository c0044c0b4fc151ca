// Says whether a folder's owner is alive: the LOCK of an empty LevelDB in `<folder>/lock/`.
// Promises: one holder at a time; the end of its process frees it, also by kill -9.
// A copy of the folder has a lock of its own, so a free one proves nothing about the original.
import { join } from 'node:path';
import { CounterError } from '../../model/errors.ts';
import { openLevel } from './level.ts';

export interface FolderLock {
  release(): Promise<void>;
}

/** Undefined: it is held. */
export async function tryLock(folder: string): Promise<FolderLock | undefined> {
  const level = await openLevel(join(folder, 'lock'), { cacheBytes: 0, writeBufferBytes: 65_536 });
  return level === undefined ? undefined : { release: () => level.close() };
}

export async function lockFolder(folder: string): Promise<FolderLock> {
  const lock = await tryLock(folder);
  if (lock !== undefined) return lock;
  throw new CounterError('FOLDER_LOCKED', 'give-up', { detail: `${folder} is in use` });
}
