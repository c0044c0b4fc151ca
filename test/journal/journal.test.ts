import { expect, test } from '@jest/globals';
import type { FrameCell } from '../../src/journal/frame.ts';
import { JournalFailed } from '../../src/journal/journal.ts';
import { AssertionError } from '../../src/model/assert.ts';
import { quarterMs } from '../../src/model/quarter.ts';
import {
  appendAll,
  firstQuarter,
  folder,
  newJournal,
  replayAll,
  settled,
  someSteps,
  startMs,
  writer,
  WriterModel,
} from './workload.ts';

const cell = (overrides: Partial<FrameCell> = {}): FrameCell => ({
  number: 0,
  claimed: false,
  eventQuarter: firstQuarter,
  ad: 'ad',
  site: 'site',
  counts: [1, 5],
  keySegment: 0,
  ...overrides,
});

const frame = (quarter: number, cells: readonly FrameCell[] = [cell()]) => ({
  acceptMs: quarter * quarterMs,
  acceptanceQuarter: quarter,
  cells,
});

test('a replay finds exactly what was appended', async () => {
  const { disk, journal, errors } = await newJournal();
  const model = new WriterModel();
  await appendAll(journal, model, someSteps(300));
  await journal.close();
  const { survey, state, quarters } = await replayAll(disk);
  expect(errors).toEqual([]);
  expect(state).toEqual(model.states.at(-1));
  expect(survey.problems).toEqual([]);
  expect(survey.writer).toBe(writer);
  expect(survey.headerFolder).toEqual(journal.folderIdentity);
  expect([survey.firstPosition, survey.lastPosition]).toEqual([1, 300]);
  expect(survey.lastAcceptMs).toBe(model.acceptMs);
  expect(survey.isGapFree(1, 300)).toBe(true);
  expect(survey.isGapFree(1, 301)).toBe(false);
  expect(quarters.length).toBeGreaterThan(3);
});

test('an append resolves only after its write and a sync', async () => {
  const { disk, journal } = await newJournal();
  const before = disk.calls.length;
  await journal.append(frame(firstQuarter));
  expect(disk.calls.slice(before, before + 2)).toEqual(['write', 'datasync']);
  disk.crash();
  expect((await replayAll(disk)).state.size).toBe(1);
});

test('what came before the registration belongs to its quarter, for any replay', async () => {
  const { disk, journal } = await newJournal();
  const model = new WriterModel({ registered: false });
  await appendAll(journal, model, someSteps(40));
  const unregistered = await replayAll(disk);
  expect(unregistered.survey.registeredMs).toBeUndefined();
  expect(unregistered.survey.quarters().map((q) => q.acceptanceQuarter)).toEqual([undefined]);
  expect(unregistered.state).toEqual(settled(model.states.at(-1) ?? new Map(), undefined));
  // The registry's word counts as the journal's own would.
  const told = await replayAll(disk, folder, startMs + 90 * quarterMs);
  expect(told.state).toEqual(settled(model.states.at(-1) ?? new Map(), startMs + 90 * quarterMs));

  model.register();
  await appendAll(journal, model, someSteps(40, 7));
  const { survey, state } = await replayAll(disk);
  expect(survey.registeredMs).toBe(model.registeredMs);
  expect(state).toEqual(settled(model.states.at(-1) ?? new Map(), model.registeredMs));
});

test('a segment holds frames of one acceptance quarter', async () => {
  const { disk, journal } = await newJournal();
  for (const quarter of [0, 0, 1, 1, 1, 5]) await journal.append(frame(firstQuarter + quarter));
  const { survey } = await replayAll(disk);
  expect(survey.segments).toMatchObject([
    { acceptanceQuarter: firstQuarter, firstPosition: 1, lastPosition: 2 },
    { acceptanceQuarter: firstQuarter + 1, firstPosition: 3, lastPosition: 5 },
    { acceptanceQuarter: firstQuarter + 5, firstPosition: 6, lastPosition: 6 },
  ]);
});

test('a key is written once a segment, and again in the next', async () => {
  const { journal } = await newJournal();
  const known = cell();
  const first = await journal.append(frame(firstQuarter, [known]));
  const second = await journal.append(frame(firstQuarter, [known]));
  expect(second.bytes).toBeLessThan(first.bytes - 64);
  expect(known.keySegment).toBe(1);
  const third = await journal.append(frame(firstQuarter + 1, [known]));
  expect(third.bytes).toBe(first.bytes);
  expect(known.keySegment).toBe(2);
});

test('a frame larger than a segment gets one of its own', async () => {
  const { disk, journal } = await newJournal({ segmentBytes: 4_096 });
  await journal.append(frame(firstQuarter, [cell({ number: 0 })]));
  const cells = Array.from({ length: 500 }, (_, number) =>
    cell({ number, ad: `ad-${number}`, counts: [1, 1000 + number] }),
  );
  await journal.append(frame(firstQuarter, cells));
  await journal.append(frame(firstQuarter, [cell({ number: 500, ad: 'last' })]));
  await journal.close();
  const { survey, state } = await replayAll(disk);
  expect(survey.problems).toEqual([]);
  expect(survey.isGapFree(1, 3)).toBe(true);
  expect(state.size).toBe(502);
});

test('the frame of most cells, with the longest ids, fits', async () => {
  const { disk, journal } = await newJournal({ segmentBytes: 1_048_576 });
  const counts = Array.from({ length: 2 * 8 }, (_, i) => (i % 2 === 0 ? 1 + i / 2 : 2 ** 40));
  const cells = Array.from({ length: 20_000 }, (_, number) =>
    cell({ number, ad: `${number}`.padStart(128, 'a'), site: 's'.repeat(128), counts }),
  );
  await journal.append(frame(firstQuarter, cells));
  const { survey, quarters } = await replayAll(disk);
  expect(survey.problems).toEqual([]);
  expect(quarters[0]?.cells.length).toBe(20_000);
  expect(quarters[0]?.cells.at(-1)?.counts).toEqual(counts);
});

test('one frame at a time: a second append before the first has ended is our mistake', async () => {
  const { journal } = await newJournal();
  const first = journal.append(frame(firstQuarter));
  await expect(journal.append(frame(firstQuarter))).rejects.toThrow('one frame on its way');
  await first;
});

test('a journal is never resumed', async () => {
  const { disk, journal } = await newJournal();
  await journal.append(frame(firstQuarter));
  await journal.close();
  await expect(newJournal({ disk })).rejects.toThrow('never resumed');
});

test('trimming takes whole quarters from the head, after the caller has published it', async () => {
  const { disk, journal } = await newJournal();
  for (const quarter of [0, 0, 1, 2, 2]) await journal.append(frame(firstQuarter + quarter));
  expect(journal.firstPositionKept(firstQuarter - 1)).toBe(1);
  expect(journal.firstPositionKept(firstQuarter)).toBe(3);
  expect(journal.firstPositionKept(firstQuarter + 1)).toBe(4);
  expect(await journal.moveAside(4)).toBe(2);
  expect(disk.filesOf(`${folder}/aside`)).toEqual(['00000001.segment', '00000002.segment']);
  disk.crash();
  const kept = await replayAll(disk);
  expect([kept.survey.firstPosition, kept.survey.lastPosition]).toEqual([4, 5]);
  expect(kept.survey.isGapFree(4, 5)).toBe(true);
  const aside = await replayAll(disk, `${folder}/aside`);
  expect(aside.survey.writer).toBe(writer);
  expect(aside.survey.isGapFree(1, 3)).toBe(true);
});

test('an idle journal is trimmed to nothing and goes on', async () => {
  const { disk, journal } = await newJournal();
  const known = cell();
  await journal.append(frame(firstQuarter, [known]));
  expect(journal.firstPositionKept(firstQuarter)).toBe(2);
  expect(await journal.moveAside(2)).toBe(1);
  expect((await replayAll(disk)).survey.isGapFree(2, 1)).toBe(true);
  await journal.append(frame(firstQuarter + 1, [known]));
  const { survey, quarters } = await replayAll(disk);
  expect(survey.firstPosition).toBe(2);
  expect(quarters[0]?.counts).toBe(5);
});

test('unregistered segments stay until the journal was told their quarter', async () => {
  const { journal } = await newJournal();
  await journal.append({ ...frame(firstQuarter), acceptanceQuarter: undefined });
  expect(journal.firstPositionKept(firstQuarter + 9)).toBe(1);
  const registeredMs = (firstQuarter + 1) * quarterMs;
  await journal.append({ ...frame(firstQuarter + 2), registeredMs });
  expect(journal.firstPositionKept(firstQuarter)).toBe(1);
  expect(journal.firstPositionKept(firstQuarter + 1)).toBe(2);
});

test('closing gives back what was not used: the spare goes, the last segment is cut', async () => {
  const { disk, journal } = await newJournal();
  const { bytes } = await journal.append(frame(firstQuarter));
  await journal.close();
  expect(disk.filesOf(folder)).toEqual(['00000001.segment']);
  expect(disk.bytesOf(`${folder}/00000001.segment`).length).toBe(bytes);
});

test('a rollover finds its next segment prepared', async () => {
  const { disk, journal } = await newJournal();
  await journal.append(frame(firstQuarter));
  await new Promise(setImmediate);
  const before = disk.calls.length;
  await journal.append(frame(firstQuarter + 1));
  expect(disk.calls.slice(before, before + 1)).toEqual(['truncate']);
  expect(disk.calls.slice(before).indexOf('datasync')).toBeLessThan(4);
  expect(disk.calls.slice(before).indexOf('create')).toBe(-1);
});

test('a frame that breaks our own rules is refused as our mistake', async () => {
  const { journal } = await newJournal();
  const wrong = { ...frame(firstQuarter), acceptanceQuarter: firstQuarter + 1 };
  await expect(journal.append(wrong)).rejects.toThrow('acceptance quarter');
  for (const counts of [[], [1, 0], [2, 1, 1, 1], [1, 2 ** 52]]) {
    await expect(journal.append(frame(firstQuarter, [cell({ counts })]))).rejects.toThrow(
      AssertionError,
    );
  }
  await journal.append(frame(firstQuarter));
  expect(journal.position).toBe(1);
});

test('a failed journal says so, once, and takes nothing more', async () => {
  const { disk, journal, errors } = await newJournal();
  await journal.append(frame(firstQuarter));
  disk.fault = ({ name }) => (name === 'datasync' ? 'EIO' : undefined);
  const failure = await journal.append(frame(firstQuarter)).catch((error: unknown) => error);
  expect(failure).toBeInstanceOf(JournalFailed);
  expect(failure).toMatchObject({ code: 'JOURNAL_FAILED', outcomeUnknown: true });
  disk.fault = () => undefined;
  const writes = disk.calls.length;
  const later = await journal.append(frame(firstQuarter)).catch((error: unknown) => error);
  expect(later).toMatchObject({ code: 'JOURNAL_FAILED', outcomeUnknown: false });
  expect(journal.reason()).toBe('failed');
  expect(journal.position).toBe(1);
  await journal.close();
  expect(disk.calls.slice(writes)).not.toContain('write');
  expect(disk.calls.slice(writes)).not.toContain('truncate');
  const failures = errors.filter((error) => error instanceof JournalFailed);
  expect(failures).toHaveLength(1);
});
