// Room for the journal: full disks, its own bound, disks that give no next segment. Nothing that is
// synced is in doubt then, new frames are refused before a byte is written, and room comes back.
import { expect, test } from '@jest/globals';
import { quarterMs } from '../../src/model/quarter.ts';
import { appendAll, firstQuarter, folder, newDisk, newJournal, replayAll } from './workload.ts';
import { quarterly, someSteps, WriterModel } from './workload.ts';

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
  while (journal.reason() === 'ok') await appendAll(journal, model, one);
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

test('a disk that fails while a spare is prepared puts no synced frame in doubt', async () => {
  const { disk, journal, errors } = await newJournal();
  const model = new WriterModel();
  disk.fault = ({ name }) => (name === 'syncFolder' ? 'EIO' : undefined);
  await appendAll(journal, model, quarterly(2));
  await new Promise(setImmediate);
  expect(errors).toMatchObject([{ code: 'JOURNAL_TROUBLE', remedy: 'retry' }]);
  const { frame } = model.form({ afterMs: quarterMs, steps: [] });
  await expect(journal.append(frame)).rejects.toMatchObject({ code: 'JOURNAL_FULL' });
  expect(journal.reason()).toBe('disk_full');
  disk.fault = () => undefined;
  await appendAll(journal, model, quarterly(3));
  expect(journal.reason()).toBe('ok');
  const { survey, state } = await replayAll(disk);
  expect(survey.problems).toEqual([]);
  expect(state).toEqual(model.states.at(-1));
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
