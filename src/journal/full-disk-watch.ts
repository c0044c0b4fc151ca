// A disk that tells when it is full: whichever call failed for want of room. Changes nothing else,
// and hides no failure.
import { diskCode } from './disk.ts';
import type { Disk, DiskFile } from './disk.ts';

export function watchedDisk(disk: Disk, onFull: () => void): Disk {
  const watch = <T>(call: Promise<T>): Promise<T> => {
    void call.catch((thrown: unknown) => {
      if (isFull(thrown)) onFull();
    });
    return call;
  };
  const watchedFile = (file: DiskFile): DiskFile => ({
    write: (bytes, offset) => watch(file.write(bytes, offset)),
    datasync: () => watch(file.datasync()),
    truncate: (length) => watch(file.truncate(length)),
    close: () => file.close(),
  });
  return {
    create: async (file) => watchedFile(await watch(disk.create(file))),
    read: (file) => disk.read(file),
    status: (file) => disk.status(file),
    list: (folder) => disk.list(folder),
    rename: (from, to) => watch(disk.rename(from, to)),
    unlink: (file) => disk.unlink(file),
    makeFolder: (folder) => watch(disk.makeFolder(folder)),
    removeFolder: (folder) => disk.removeFolder(folder),
    syncFolder: (folder) => watch(disk.syncFolder(folder)),
    freeBytes: (folder) => disk.freeBytes(folder),
  };
}

/** No room, or no more of it for this user. */
export function isFull(thrown: unknown): boolean {
  return ['ENOSPC', 'EDQUOT'].includes(diskCode(thrown));
}
