// Owns the life of a writer's journal folder around its journal: made before, emptied after.
// Promises: what it moves or deletes, it syncs. The caller has proven that it may: the writer is
// dead and sealed, and whoever held its lock (a store of its own in `lock/`) has closed it.
import path from 'node:path';
import { makeFolderDurably } from './disk.ts';
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
  if (names.length === 0) return 0;
  const aside = path.join(folder, 'aside');
  await makeFolderDurably(disk, aside);
  for (const name of names) await disk.rename(path.join(folder, name), path.join(aside, name));
  await disk.syncFolder(aside);
  await disk.syncFolder(folder);
  return names.length;
}

/** Deletes what was moved aside before the moment (by the disk's own time). Answers what stays. */
export async function deleteAside(
  { disk, folder }: WriterFolder,
  beforeMs: number,
): Promise<number> {
  const aside = path.join(folder, 'aside');
  if (!(await disk.list(folder)).includes('aside')) return 0;
  let kept = 0;
  for (const name of segmentNamesOf(await disk.list(aside))) {
    const file = path.join(aside, name);
    if ((await disk.status(file)).changedMs < beforeMs) await disk.unlink(file);
    else kept++;
  }
  await disk.syncFolder(aside);
  return kept;
}

/** Deletes all segments of a sealed writer at once, and `aside/`; other files stay. */
export async function deleteSegments({ disk, folder }: WriterFolder): Promise<void> {
  for (const name of segmentNamesOf(await disk.list(folder))) {
    await disk.unlink(path.join(folder, name));
  }
  if ((await deleteAside({ disk, folder }, Infinity)) === 0) {
    const names = await disk.list(folder);
    if (names.includes('aside')) await disk.removeFolder(path.join(folder, 'aside'));
  }
  await disk.syncFolder(folder);
}
