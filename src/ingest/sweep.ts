// Ends the life of journal files: what was moved aside is confirmed and only kept in case the
// store loses data; after its time it goes, and with its last file a sealed writer's folder.
// Never touches a segment that is not aside.
import path from 'node:path';
import type { Disk } from '../journal/disk.ts';
import { deleteAside, deleteFolder } from '../journal/writer-folder.ts';
import { parseWriterId } from '../model/writer-id.ts';
import type { WriterId } from '../model/writer-id.ts';
import type { FolderLock } from '../store/embedded/folder-lock.ts';

export interface SweepOptions {
  readonly disk: Disk;
  readonly journalFolder: string;
  readonly isOwn: (writer: WriterId) => boolean;
  /** Sealed, and looked at by this process. */
  readonly isOver: (writer: WriterId) => boolean;
  readonly tryLock: (folder: string) => Promise<FolderLock | undefined>;
  /** What went aside before it is deleted. */
  readonly beforeMs: number;
}

export async function sweepFolders(options: SweepOptions): Promise<void> {
  const { disk, journalFolder, isOwn, isOver, tryLock, beforeMs } = options;
  for (const name of await disk.list(journalFolder)) {
    const writer = parseWriterId(name);
    if (writer === undefined) continue;
    const folder = path.join(journalFolder, name);
    const kept = await deleteAside({ disk, folder }, beforeMs);
    if (kept > 0 || isOwn(writer) || !isOver(writer)) continue;
    const lock = await tryLock(folder);
    await lock?.release();
    if (lock !== undefined) await deleteFolder({ disk, folder });
  }
}
