// Ends the life of journal files: what was moved aside is confirmed and only kept in case the
// store loses data; after its time it goes, and with its last file a sealed writer's folder.
// Never touches a segment that is not aside.
import path from 'node:path';
import { diskCode } from '../journal/disk.ts';
import type { Disk } from '../journal/disk.ts';
import { deleteAside, deleteFolder } from '../journal/writer-folder.ts';
import type { Log } from '../log.ts';
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
  readonly log: Log;
}

/** One folder's trouble keeps no other waiting; the first is thrown in the end. */
export async function sweepFolders(options: SweepOptions): Promise<void> {
  const { disk, journalFolder, log } = options;
  let failure: unknown;
  for (const name of await disk.list(journalFolder)) {
    const writer = parseWriterId(name);
    if (writer === undefined) continue;
    try {
      await sweepFolder(options, writer, path.join(journalFolder, name));
    } catch (thrown) {
      // It went meanwhile: another sweep was faster.
      if (diskCode(thrown) === 'ENOENT') continue;
      failure ??= thrown;
      const what = 'Files aside of one writer are not deleted yet; the next sweep tries again';
      log.warn('aside.not_swept', what, { writer_id: writer, err: thrown });
    }
  }
  if (failure !== undefined) throw failure;
}

async function sweepFolder(
  { disk, isOwn, isOver, tryLock, beforeMs }: SweepOptions,
  writer: WriterId,
  folder: string,
): Promise<void> {
  const kept = await deleteAside({ disk, folder }, beforeMs);
  if (kept > 0 || isOwn(writer) || !isOver(writer)) return;
  const lock = await tryLock(folder);
  await lock?.release();
  if (lock !== undefined) await deleteFolder({ disk, folder });
}
