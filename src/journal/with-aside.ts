// A writer's journal as it is in two places: the segments in its folder, and those in `aside/`
// beside them. Reads only; a segment that goes aside meanwhile is found in either.
import path from 'node:path';
import { diskCode } from './disk.ts';
import type { Disk } from './disk.ts';

export type ReadingDisk = Pick<Disk, 'list' | 'read' | 'status'>;

/** The folder looks as if nothing had ever been moved aside. */
export function withAside(disk: ReadingDisk, folder: string): ReadingDisk {
  const aside = path.join(folder, 'aside');
  const either = async <T>(file: string, act: (file: string) => Promise<T>): Promise<T> => {
    try {
      return await act(file);
    } catch (thrown) {
      const isInside = path.dirname(file) === folder && diskCode(thrown) === 'ENOENT';
      if (!isInside) throw thrown;
      return await act(path.join(aside, path.basename(file)));
    }
  };
  return {
    list: async (place) => {
      const names = await disk.list(place);
      if (place !== folder || !names.includes('aside')) return names;
      return [...new Set([...names, ...(await disk.list(aside))])];
    },
    read: (file) => either(file, (place) => disk.read(place)),
    status: (file) => either(file, (place) => disk.status(place)),
  };
}
