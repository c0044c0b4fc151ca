// Laws of the journal, for any history: round trip, any cut, any repetition, any trimming.
import { expect, test } from '@jest/globals';
import * as fc from 'fast-check';
import { quarterMs } from '../../src/model/quarter.ts';
import { MemoryDisk } from './memory-disk.ts';
import { appendAll, folder, newJournal, replayAll, settled, WriterModel } from './workload.ts';
import type { FrameStep, State } from './workload.ts';

const byteLength = (text: string): number => Buffer.byteLength(text);
const id = fc.oneof(
  fc.constantFrom('a', 'ab', 'a b', '__proto__', '/', 'ä'.repeat(64), '😀'.repeat(32)),
  fc
    .string({ unit: 'grapheme', minLength: 1, maxLength: 24 })
    .filter(
      (text) => !/\p{Surrogate}/u.test(text) && byteLength(text) > 0 && byteLength(text) <= 128,
    ),
);

const step = fc.record({
  ad: id,
  site: id,
  measure: fc.oneof(fc.constantFrom(1, 2, 16, 67), fc.integer({ min: 1, max: 255 })),
  n: fc.oneof(fc.integer({ min: 1, max: 200 }), fc.integer({ min: 1, max: 2 ** 45 })),
  lag: fc.oneof(fc.constant(0), fc.integer({ min: 0, max: 60_000 })),
  claimed: fc.boolean(),
});

const frame: fc.Arbitrary<FrameStep> = fc.record({
  afterMs: fc.oneof(fc.constantFrom(0, 1, 1_000), fc.integer({ min: 0, max: 3 * quarterMs })),
  steps: fc.array(step, { maxLength: 8 }),
});

const history = fc.record({
  unregistered: fc.array(frame, { maxLength: 5 }),
  registered: fc.array(frame, { maxLength: 30 }),
  segmentBytes: fc.integer({ min: 128, max: 4_096 }),
});

type History = typeof history extends fc.Arbitrary<infer Value> ? Value : never;

async function live({ unregistered, registered, segmentBytes }: History) {
  const { disk, journal, errors } = await newJournal({ segmentBytes });
  const model = new WriterModel({ registered: unregistered.length === 0 });
  await appendAll(journal, model, unregistered);
  if (unregistered.length > 0) model.register();
  await appendAll(journal, model, registered);
  return { disk, journal, errors, model };
}

/** What a replay must find after so many frames: the registration is known from its frame on. */
function expected(model: WriterModel, frames: number, registeredMs: number | undefined): State {
  return settled(model.states[frames] ?? new Map(), registeredMs);
}

test('round trip: append, then replay, equals the model', async () => {
  const law = fc.asyncProperty(history, async (lived) => {
    const { disk, errors, model } = await live(lived);
    const frames = model.states.length - 1;
    const { survey, state, quarters } = await replayAll(disk);
    expect(errors).toEqual([]);
    expect(survey.problems).toEqual([]);
    expect(quarters.flatMap(({ problems }) => problems)).toEqual([]);
    expect(survey.isGapFree(1, frames)).toBe(true);
    expect(state).toEqual(expected(model, frames, survey.registeredMs));
    let counts = 0;
    for (const cell of state.values()) counts += cell.reduce((n, x, i) => n + (i % 2 ? x : 0), 0);
    expect(quarters.reduce((sum, quarter) => sum + quarter.counts, 0)).toBe(counts);
  });
  await fc.assert(law, { numRuns: 150 });
}, 60_000);

test('cut anywhere, what is left is exactly a synced prefix', async () => {
  const law = fc.asyncProperty(
    history,
    fc.double({ min: 0, max: 1, noNaN: true }),
    async (lived, at) => {
      const { disk, model, journal } = await live(lived);
      await journal.close();
      // The end of the world is a byte of the whole journal: later segments never came to be.
      const files = disk.filesOf(folder);
      const total = files.reduce((sum, file) => sum + disk.bytesOf(`${folder}/${file}`).length, 0);
      let left = Math.floor(total * at);
      const rest = new MemoryDisk();
      await rest.makeFolder(folder);
      for (const file of files) {
        const bytes = disk.bytesOf(`${folder}/${file}`);
        if (left > 0) rest.put(`${folder}/${file}`, bytes.subarray(0, left));
        left -= bytes.length;
      }
      const { survey, state } = await replayAll(rest);
      const frames = survey.lastPosition ?? 0;
      expect(survey.alarms).toBe(0);
      expect(survey.isGapFree(1, frames)).toBe(true);
      expect(state).toEqual(expected(model, frames, survey.registeredMs));
    },
  );
  await fc.assert(law, { numRuns: 150 });
}, 60_000);

test('segments lost, doubled and renamed leave only counts that the cells really had', async () => {
  const fates = fc.array(fc.constantFrom('kept', 'lost', 'doubled'), {
    minLength: 1,
    maxLength: 9,
  });
  const law = fc.asyncProperty(history, fates, async (lived, fate) => {
    const { disk, model } = await live(lived);
    const real = new Set<string>();
    const whole = await replayAll(disk);
    for (const state of model.states) {
      for (const [key, counts] of settled(state, whole.survey.registeredMs)) {
        real.add(`${key}: ${String(counts)}`);
      }
    }
    const rest = new MemoryDisk();
    await rest.makeFolder(folder);
    disk.filesOf(folder).forEach((file, i) => {
      const bytes = disk.bytesOf(`${folder}/${file}`);
      const what = fate[i % fate.length];
      if (what !== 'lost') rest.put(`${folder}/${file}`, bytes);
      if (what === 'doubled') rest.put(`${folder}/9${file.slice(1)}`, bytes);
    });
    const { state, survey } = await replayAll(rest, folder, whole.survey.registeredMs);
    const lines = [...state].map(([key, counts]) => `${key}: ${String(counts)}`);
    expect(lines.filter((line) => !real.has(line))).toEqual([]);
    const frames = model.states.length - 1;
    expect(survey.isGapFree(1, frames)).toBe(
      survey.segments.length > 0 ? isWhole(survey, frames) : frames === 0,
    );
  });
  await fc.assert(law, { numRuns: 100 });
}, 60_000);

function isWhole(
  survey: { positions: readonly { first: number; last: number }[] },
  frames: number,
) {
  const [only, ...others] = survey.positions;
  return others.length === 0 && only?.first === 1 && only.last === frames;
}
