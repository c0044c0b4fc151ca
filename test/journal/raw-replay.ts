// Replays of segments that were written by hand, for the tests of damage and of hostile files.
import { MemoryDisk } from './memory-disk.ts';
import { folder, replayAll } from './workload.ts';

/** Name of a segment file. */
export const segment = (ordinal: number): string => `${String(ordinal).padStart(8, '0')}.segment`;

export async function replayOf(...segments: readonly Buffer[]) {
  const disk = new MemoryDisk();
  await disk.makeFolder(folder);
  segments.forEach((bytes, i) => disk.put(`${folder}/${segment(i + 1)}`, bytes));
  const { survey, quarters } = await replayAll(disk);
  const problems = [...survey.problems, ...quarters.flatMap((quarter) => quarter.problems)];
  return {
    survey,
    cells: quarters.flatMap((quarter) => quarter.cells),
    kinds: problems.map(({ kind }) => kind),
    positions: survey.positions.map(({ first, last }) => `${first}-${last}`).join(' '),
    alarms: survey.alarms + quarters.reduce((sum, quarter) => sum + quarter.alarms, 0),
  };
}

export const frames = (...positions: readonly number[]): { position: number }[] =>
  positions.map((position) => ({ position }));
