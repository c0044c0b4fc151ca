// The journal on a disk that fails: every call once, short writes, a dying machine.
import { expect, test } from '@jest/globals';
import * as fc from 'fast-check';
import { JournalFailed } from '../../src/journal/journal.ts';
import { CounterError } from '../../src/model/errors.ts';
import type { MemoryDisk } from './memory-disk.ts';
import { appendAll, newDisk, newJournal, quarterly, replayAll, settled } from './workload.ts';
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
