// Owns a writer's folder around its journal: made before, its files set aside and deleted after.
// Promises: what it makes, moves or deletes, it syncs; after an error it can be called again.
// Never asks whether it may: the caller has proven that the writer is dead and sealed.
import path from 'node:path';
import { diskCode, makeFolderDurably } from './disk.ts';
import type { Disk } from './disk.ts';
import { segmentNamesOf } from './segment.ts';

export interface WriterFolder {
  readonly disk: Disk;
  /** `journal/<writer>/`. */
  readonly folder: string;
}

/** Makes `journal/` and `journal/<writer>/`, so that they survive a crash of the machine. */
export async function makeWriterFolder({ disk, folder }: WriterFolder): Promise<void> {
  await makeFolderDurably(disk, path.dirname(folder));
  await makeFolderDurably(disk, folder);
}

/** All segments of a sealed writer go to `aside/`, oldest first. Answers how many. */
export async function moveSegmentsAside({ disk, folder }: WriterFolder): Promise<number> {
  const names = segmentNamesOf(await disk.list(folder));
  await moveAside({ disk, folder }, names);
  return names.length;
}

/** Moves the named segments, in this order, and makes that durable. */
export async function moveAside(
  { disk, folder }: WriterFolder,
  names: readonly string[],
): Promise<void> {
  if (names.length === 0) return;
  const aside = path.join(folder, 'aside');
  await makeFolderDurably(disk, aside);
  for (const name of names) {
    try {
      await disk.rename(path.join(folder, name), path.join(aside, name));
    } catch (thrown) {
      // It went in an earlier call, which then failed.
      if (diskCode(thrown) !== 'ENOENT') throw thrown;
    }
  }
  // Where they came to first: a crash in between may leave a file in both, never in neither.
  await disk.syncFolder(aside);
  await disk.syncFolder(folder);
}

/** Deletes what was moved aside before the moment (by the disk's own time). Answers what stays. */
export async function deleteAside(
  { disk, folder }: WriterFolder,
  beforeMs: number,
): Promise<number> {
  if (!(await disk.list(folder)).includes('aside')) return 0;
  const aside = path.join(folder, 'aside');
  let kept = 0;
  for (const name of segmentNamesOf(await disk.list(aside))) {
    const file = path.join(aside, name);
    try {
      if ((await disk.status(file)).changedMs < beforeMs) await disk.unlink(file);
      else kept++;
    } catch (thrown) {
      // It gave way to counting meanwhile.
      if (diskCode(thrown) !== 'ENOENT') throw thrown;
    }
  }
  await disk.syncFolder(aside);
  return kept;
}

/** Deletes a sealed writer's folder with all that is in it, its lock too. */
export async function deleteFolder({ disk, folder }: WriterFolder): Promise<void> {
  // Segments first: whoever finds the rest finds a writer without a journal.
  const names = await disk.list(folder);
  const segments = segmentNamesOf(names);
  for (const name of [...segments, ...names.filter((other) => !segments.includes(other))]) {
    const file = path.join(folder, name);
    if ((await disk.status(file)).kind === 'folder') await deleteFolder({ disk, folder: file });
    else await disk.unlink(file);
  }
  await disk.removeFolder(folder);
  await disk.syncFolder(path.dirname(folder));
}
