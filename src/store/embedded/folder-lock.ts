// Says whether a folder's owner is alive: the LOCK of an empty LevelDB in `<folder>/lock/`.
// Promises: one holder at a time; the end of its process frees it, also by kill -9.
// A copy of the folder has a lock of its own, so a free one proves nothing about the original.
import { readdir, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { CounterError } from '../../model/errors.ts';
import { openLevel } from './level.ts';

export interface FolderLock {
  release(): Promise<void>;
}

/** Undefined: it is held. */
export async function tryLock(folder: string): Promise<FolderLock | undefined> {
  const place = join(folder, 'lock');
  const level = await openLock(place).catch(async (thrown: unknown) => {
    if (!(await emptied(place))) throw thrown;
    return openLock(place);
  });
  return level === undefined ? undefined : { release: () => level.close() };
}

function openLock(place: string): ReturnType<typeof openLevel> {
  return openLevel(place, { cacheBytes: 0, writeBufferBytes: 65_536 });
}

/**
 * A power cut can spoil the store that was only made for its lock. What is in it is worth
 * nothing; its LOCK file stays, since that is what others hold.
 */
async function emptied(place: string): Promise<boolean> {
  try {
    const names = (await readdir(place)).filter((name) => name !== 'LOCK');
    for (const name of names) await rm(join(place, name), { recursive: true });
    return names.length > 0;
  } catch {
    return false;
  }
}

export async function lockFolder(folder: string): Promise<FolderLock> {
  const lock = await tryLock(folder);
  if (lock !== undefined) return lock;
  throw new CounterError('FOLDER_LOCKED', 'give-up', { detail: `${folder} is in use` });
}
