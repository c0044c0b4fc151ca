// What a replay makes of a journal that is not as it was written: cut anywhere, flipped anywhere,
// copied, mixed, hostile. LevelDB's log cases, by their names there, as far as they apply.
import { beforeAll, expect, test } from '@jest/globals';
import { replayFolder } from '../../src/journal/replay.ts';
import { MemoryDisk } from './memory-disk.ts';
import { folder, newJournal, replayAll, someSteps, WriterModel } from './workload.ts';
import type { FrameStep, State } from './workload.ts';

/** A journal of one segment, and what is where in it. */
interface Written {
  readonly bytes: Buffer;
  readonly model: WriterModel;
  /** Where frame i (from 0) ends. */
  readonly ends: readonly number[];
}

const name = '00000001.segment';
const oneQuarter = (frames: number, seed: number): FrameStep[] =>
  someSteps(frames, seed).map(({ steps }) => ({ steps, afterMs: 5 }));

async function write(segmentBytes: number, steps: readonly FrameStep[]): Promise<Written> {
  const { disk, journal } = await newJournal({ segmentBytes });
  const model = new WriterModel();
  const ends: number[] = [];
  for (const step of steps) {
    const { frame, synced } = model.form(step);
    const { bytes } = await journal.append(frame);
    if (frame.cells[0]?.keySegment !== 1) break;
    ends.push((ends.at(-1) ?? 0) + bytes);
    synced();
  }
  return { bytes: disk.bytesOf(`${folder}/${name}`), model, ends };
}

function diskWith(files: Readonly<Record<string, Buffer>>): MemoryDisk {
  const disk = new MemoryDisk();
  for (const [file, bytes] of Object.entries(files)) disk.put(`${folder}/${file}`, bytes);
  return disk;
}

/** Every counts that a cell ever had. */
function historyOf(states: readonly State[]): ReadonlySet<string> {
  const lines = states.flatMap((state) => linesOf(state));
  return new Set(lines);
}

const linesOf = (state: State): string[] =>
  [...state].map(([key, counts]) => `${key}: ${String(counts)}`);

let large: Written;
let small: Written;

beforeAll(async () => {
  large = await write(65_536, oneQuarter(2_000, 11));
  small = await write(8_192, oneQuarter(2_000, 12));
});

// All of it takes minutes under the test runner; a sample that moves over the bits and stays at the
// ends of frames takes seconds. EXHAUSTIVE=1 runs all.
const isExhaustive = process.env['EXHAUSTIVE'] === '1';

test('cut at every byte of 64 KiB: the frames before the cut count, without alarm', async () => {
  const { bytes, ends, model } = large;
  expect(bytes.length).toBeGreaterThan(65_000);
  let frames = 0;
  const wrong: unknown[] = [];
  for (let cut = 0; cut <= bytes.length; cut++) {
    while ((ends[frames] ?? Infinity) <= cut) frames++;
    const isClose = cut <= 64 || cut === ends[frames - 1] || cut + 1 === ends[frames];
    if (!isExhaustive && !isClose && cut % 97 !== 0) continue;
    const disk = diskWith({ [name]: bytes.subarray(0, cut) });
    const survey = await replayFolder({ disk, folder });
    const state = cut % 5 === 0 ? (await replayAll(disk)).state : undefined;
    const found = survey.lastPosition ?? 0;
    const begun = ends[frames - 1] ?? (cut >= 64 ? 64 : 0);
    const isTorn = !isZero(bytes.subarray(begun, cut));
    const kinds = survey.problems.map(({ kind }) => kind);
    const right =
      found === frames &&
      survey.alarms === 0 &&
      String(kinds) === (isTorn ? 'torn_tail' : '') &&
      survey.isGapFree(1, frames) &&
      !survey.isGapFree(1, frames + 1) &&
      (state === undefined || same(state, model.states[frames] ?? new Map()));
    if (!right) wrong.push({ cut, frames, found, kinds });
  }
  expect(wrong).toEqual([]);
}, 600_000);

test('every bit of 8 KiB flipped: only real counts, an alarm for damage in mid-file', async () => {
  const { bytes, ends, model } = small;
  const history = historyOf(model.states);
  const last = model.states.at(-1) ?? new Map();
  const lastStart = ends.at(-2) ?? 0;
  const wrong: unknown[] = [];
  for (let bit = 0; bit < bytes.length * 8; bit += isExhaustive ? 1 : 13) {
    const at = bit >> 3;
    const mask = 1 << (bit & 7);
    bytes[at] = (bytes[at] ?? 0) ^ mask;
    const { survey, state, quarters } = await replayAll(diskWith({ [name]: bytes }));
    bytes[at] = (bytes[at] ?? 0) ^ mask;
    const damaged = ends.filter((end) => end <= at).length;
    const lost = at < 64 || damaged >= ends.length ? 0 : 1;
    const frames = survey.segments[0]?.frames ?? 0;
    const alarms = survey.alarms + quarters.reduce((sum, quarter) => sum + quarter.alarms, 0);
    const isInMiddle = at < lastStart;
    const right =
      frames === ends.length - lost &&
      linesOf(state).every((line) => history.has(line)) &&
      alarms > 0 === isInMiddle &&
      survey.problems.length > 0 &&
      (lost > 0 || same(state, last)) &&
      survey.isGapFree(1, ends.length) === (lost === 0);
    if (!right) wrong.push({ at, mask, frames, alarms, problems: survey.problems });
  }
  expect(wrong.slice(0, 10)).toEqual([]);
}, 600_000);

function same(a: State, b: State): boolean {
  return (
    a.size === b.size && [...a].every(([key, counts]) => String(b.get(key)) === String(counts))
  );
}

function isZero(bytes: Buffer): boolean {
  return bytes.every((byte) => byte === 0);
}
