// The journal on a disk that fails: every call once, short writes, no room, a dying machine.
import { expect, test } from '@jest/globals';
import * as fc from 'fast-check';
import { JournalFailed } from '../../src/journal/journal.ts';
import { CounterError } from '../../src/model/errors.ts';
import { quarterMs } from '../../src/model/quarter.ts';
import type { MemoryDisk } from './memory-disk.ts';
import {
  appendAll,
  firstQuarter,
  folder,
  newDisk,
  newJournal,
  replayAll,
  settled,
} from './workload.ts';
import { someSteps, WriterModel } from './workload.ts';
import type { FrameStep } from './workload.ts';

interface Outcome {
  readonly disk: MemoryDisk;
  readonly model: WriterModel;
  /** One more frame than was acknowledged may be on the disk. */
  readonly unknown: boolean;
  readonly trimmed: number;
  readonly errors: readonly unknown[];
}

/** Appends until the journal fails, and trims now and then. */
async function run(
  steps: readonly FrameStep[],
  prepare: (disk: MemoryDisk) => void,
): Promise<Outcome> {
  const model = new WriterModel();
  const disk = await newDisk();
  prepare(disk);
  const errors: unknown[] = [];
  const caught = (error: unknown): undefined => void errors.push(error);
  let trimmed = 1;
  let unknown = false;
  const journal = await newJournal({ disk }).then((made) => made.journal, caught);
  for (const [i, step] of steps.entries()) {
    if (journal === undefined || errors.length > 0) break;
    const { frame, synced } = model.form(step);
    await journal.append(frame).then(synced, (error: unknown) => {
      errors.push(error);
      unknown = error instanceof JournalFailed && error.outcomeUnknown;
      // The state, should the frame be there all the same.
      if (unknown) synced();
    });
    if (i % 5 !== 4) continue;
    trimmed = journal.firstPositionKept((frame.acceptanceQuarter ?? 0) - 3);
    await journal.moveAside(trimmed).catch(caught);
  }
  await journal?.close();
  return { disk, model, unknown, trimmed, errors };
}

/** What is wrong with what a replay finds; empty: every promise was kept. */
async function brokenPromises({
  disk,
  model,
  unknown,
  trimmed,
  errors,
}: Outcome): Promise<string[]> {
  const broken: string[] = [];
  const promise = (holds: boolean, what: string): void => void (holds || broken.push(what));
  for (const error of errors) promise(error instanceof CounterError, `told by ${String(error)}`);
  const { survey, state } = await replayAll(disk);
  const last = model.states.length - 1;
  const acknowledged = unknown ? last - 1 : last;
  const found = survey.lastPosition ?? 0;
  promise(acknowledged < trimmed || found >= acknowledged, `${found} of ${acknowledged} frames`);
  promise(found <= last, `frame ${found} was never formed`);
  promise(found === 0 || survey.isGapFree(trimmed, found), 'a gap');
  promise(survey.alarms === 0, `an alarm: ${JSON.stringify(survey.problems)}`);
  const real = settled(model.states[found] ?? new Map(), model.registeredMs);
  for (const [key, counts] of state) {
    promise(String(counts) === String(real.get(key)), `${key} is ${String(counts)}`);
  }
  return broken;
}

const quarterly = (frames: number): FrameStep[] =>
  someSteps(frames, 3).map(({ steps }, i) => ({ steps, afterMs: i % 3 === 2 ? quarterMs : 1 }));

test('whichever call to the disk fails, every acknowledged frame is found again', async () => {
  const steps = quarterly(18);
  const clean = await run(steps, () => undefined);
  expect(await brokenPromises(clean)).toEqual([]);
  expect(clean.errors).toEqual([]);
  const calls = clean.disk.calls.length;
  expect(calls).toBeGreaterThan(100);
  for (const code of ['EIO', 'ENOSPC', 'EMFILE']) {
    for (let k = 0; k < calls; k++) {
      // Once only the process ends, once the machine dies with it.
      for (const machineDies of [false, true]) {
        const outcome = await run(steps, (disk) => {
          const first = disk.calls.length;
          disk.fault = ({ index }) => (index === first + k ? code : undefined);
        });
        if (machineDies) outcome.disk.crash();
        outcome.disk.fault = () => undefined;
        expect({ code, k, broken: await brokenPromises(outcome) }).toEqual({ code, k, broken: [] });
      }
    }
  }
}, 60_000);

test('this check is not blind: it sees a disk that forgets what was synced', async () => {
  const outcome = await run(quarterly(18), (disk) => {
    disk.forgetful = true;
  });
  outcome.disk.crash();
  expect(await brokenPromises(outcome)).not.toEqual([]);
});

test('short writes are gone on with', async () => {
  const lengths = fc.array(fc.integer({ min: 1, max: 700 }), { minLength: 1, maxLength: 40 });
  const law = fc.asyncProperty(lengths, async (taken) => {
    let i = 0;
    const outcome = await run(quarterly(12), (disk) => {
      disk.short = () => taken[i++ % taken.length] ?? 1;
    });
    expect(outcome.model.states.length).toBe(13);
    expect(await brokenPromises(outcome)).toEqual([]);
  });
  await fc.assert(law, { numRuns: 20 });
});

test('of an unsynced frame a dying machine keeps what it likes: a prefix is replayed', async () => {
  const failing = fc.integer({ min: 0, max: 40 });
  const law = fc.asyncProperty(failing, fc.infiniteStream(fc.boolean()), async (k, keeps) => {
    const outcome = await run(quarterly(18), (disk) => {
      let syncs = 0;
      disk.fault = ({ name }) => (name === 'datasync' && syncs++ === k ? 'EIO' : undefined);
    });
    outcome.disk.crash(() => keeps.next().value === true);
    expect(await brokenPromises(outcome)).toEqual([]);
  });
  await fc.assert(law, { numRuns: 200 });
});

test('EIO of a sync: nobody knows about the frame, and the sync is never tried again', async () => {
  const { disk, journal } = await newJournal();
  const model = new WriterModel();
  await appendAll(journal, model, someSteps(2));
  let syncs = 0;
  disk.fault = ({ name }) => (name === 'datasync' && syncs++ === 0 ? 'EIO' : undefined);
  const { frame } = model.form(someSteps(1)[0] ?? { afterMs: 0, steps: [] });
  await expect(journal.append(frame)).rejects.toMatchObject({ outcomeUnknown: true });
  await expect(journal.append(frame)).rejects.toMatchObject({ code: 'JOURNAL_FAILED' });
  expect(syncs).toBe(1);
});

test('a write that fails after a part of the frame leaves a torn tail', async () => {
  const { disk, journal } = await newJournal();
  const model = new WriterModel();
  await appendAll(journal, model, someSteps(3));
  let writes = 0;
  disk.short = () => 30;
  disk.fault = ({ name }) => (name === 'write' && writes++ === 1 ? 'ENOSPC' : undefined);
  const { frame } = model.form(someSteps(1)[0] ?? { afterMs: 0, steps: [] });
  await expect(journal.append(frame)).rejects.toMatchObject({ outcomeUnknown: true });
  await journal.close();
  const { survey, state } = await replayAll(disk);
  expect(survey.problems.map(({ kind }) => kind)).toEqual(['torn_tail']);
  expect(survey.alarms).toBe(0);
  expect(survey.isGapFree(1, 3)).toBe(true);
  expect(state).toEqual(model.states.at(-1));
});

test('a full disk fails no journal: it goes on, says so in time, and recovers', async () => {
  let nowMs = 0;
  const clock = { monotonicMs: () => nowMs };
  const { disk, journal, errors } = await newJournal({ clock, minFreeBytes: 10_000 });
  const model = new WriterModel();
  const one = someSteps(1, 5).map(({ steps }) => ({ steps, afterMs: 1 }));
  await appendAll(journal, model, one);
  disk.capacityBytes = disk.usedBytes + 10_000;
  await new Promise(setImmediate);
  await appendAll(journal, model, [{ ...(one[0] ?? { steps: [] }), afterMs: quarterMs }]);
  await new Promise(setImmediate);
  // The spare is used up and there is no other; the segment has room.
  expect(journal.reason()).toBe('ok');
  while (journal.canAppend()) await appendAll(journal, model, one);
  expect(journal.reason()).toBe('disk_full');
  // Whoever appends all the same still finds room for a while, then is refused before a byte.
  let refusal: unknown;
  while (refusal === undefined) {
    const { frame, synced } = model.form(one[0] ?? { afterMs: 1, steps: [] });
    refusal = await journal.append(frame).then(synced, (error: unknown) => error);
    if (journal.position > 5_000) throw new Error('the segment is endless');
  }
  expect(refusal).toMatchObject({ code: 'JOURNAL_FULL', remedy: 'throttle' });
  expect(errors).toEqual([]);
  expect((await replayAll(disk)).state).toEqual(model.states.at(-1));

  disk.capacityBytes += 100_000;
  expect(journal.reason()).toBe('disk_full');
  nowMs += 1_000;
  expect(journal.reason()).toBe('disk_full');
  await new Promise(setImmediate);
  expect(journal.reason()).toBe('ok');
  await appendAll(journal, model, someSteps(30));
  const { survey, state } = await replayAll(disk);
  expect(survey.problems).toEqual([]);
  expect(state).toEqual(model.states.at(-1));
});

test('ENOSPC while a spare is filled fails no journal and leaves no file behind', async () => {
  const { disk, journal, errors } = await newJournal({ minFreeBytes: 0 });
  const model = new WriterModel();
  disk.short = (bytes) => Math.min(bytes, 1_000);
  // statfs promises room that is not there: another process was faster.
  disk.freeBytes = () => Promise.resolve(2 ** 30);
  disk.capacityBytes = disk.usedBytes + 3_000;
  await appendAll(journal, model, someSteps(1));
  await new Promise(setImmediate);
  expect(disk.filesOf(folder)).toEqual(['00000001.segment']);
  expect(journal.failure).toBeUndefined();
  expect(errors).toMatchObject([{ code: 'JOURNAL_TROUBLE' }]);
  await appendAll(
    journal,
    model,
    someSteps(3).map(({ steps }) => ({ steps, afterMs: 1 })),
  );
  expect((await replayAll(disk)).state).toEqual(model.states.at(-1));
});

test('a refused frame leaves no cell that claims to have brought its key', async () => {
  const { journal, disk } = await newJournal({ maxBytes: 8_192 });
  const cells = Array.from({ length: 600 }, (_, number) => ({
    number,
    claimed: false,
    eventQuarter: firstQuarter,
    ad: `ad-${number}`,
    site: 'site',
    counts: [1, 1],
    keySegment: 0,
  }));
  const stamp = { acceptMs: firstQuarter * quarterMs, acceptanceQuarter: firstQuarter };
  await journal.append({ ...stamp, cells: cells.slice(0, 200) });
  const refused = journal.append({ ...stamp, cells });
  await expect(refused).rejects.toMatchObject({ code: 'JOURNAL_FULL' });
  expect(cells[250]?.keySegment).toBe(0);
  await journal.append({ ...stamp, cells: cells.slice(250, 260) });
  const { survey, quarters } = await replayAll(disk);
  expect([...survey.problems, ...(quarters[0]?.problems ?? [])]).toEqual([]);
  expect(quarters[0]?.cells.length).toBe(210);
});

test('the bound on all segments is kept, and trimming makes room', async () => {
  const { journal, disk } = await newJournal({ maxBytes: 24_576 });
  const model = new WriterModel();
  const next = { ...(someSteps(1, 9)[0] ?? { steps: [] }), afterMs: quarterMs };
  let refusal: unknown;
  for (let quarters = 0; refusal === undefined && quarters < 1_000; quarters++) {
    refusal = await appendAll(journal, model, [next]).catch((error: unknown) => error);
    await new Promise(setImmediate);
    expect(journal.bytes).toBeLessThanOrEqual(24_576);
  }
  expect(refusal).toMatchObject({ code: 'JOURNAL_FULL' });
  expect(journal.reason()).toBe('full');
  await journal.moveAside(journal.firstPositionKept(firstQuarter + 100));
  await new Promise(setImmediate);
  expect(journal.reason()).toBe('ok');
  await appendAll(journal, model, [next]);
  expect((await replayAll(disk)).survey.problems).toEqual([]);
});

test('a journal that begins on a full disk waits for room', async () => {
  const disk = await newDisk();
  disk.capacityBytes = 5_000;
  let nowMs = 0;
  const { journal } = await newJournal({
    disk,
    minFreeBytes: 0,
    clock: { monotonicMs: () => nowMs },
  });
  expect(journal.reason()).toBe('disk_full');
  disk.capacityBytes = 50_000;
  nowMs = 1_000;
  journal.reason();
  await new Promise(setImmediate);
  expect(journal.reason()).toBe('ok');
  await appendAll(journal, new WriterModel(), someSteps(3));
});
