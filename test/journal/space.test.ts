// The bound on all journals of a data folder: whoever wrote them, they fill one disk. What was
// moved aside is in the store already and gives way before anything is refused.
import path from 'node:path';
import { expect, test } from '@jest/globals';
import { JournalSpace } from '../../src/journal/journal-space.ts';
import { segmentBytesOf, SegmentSupply } from '../../src/journal/segment-supply.ts';
import { journalRoomRetryMs, journalSegmentBytes, journalSpaceLookMs } from '../../src/limits.ts';
import { MemoryDisk } from './memory-disk.ts';
import { appendAll, folder, newDisk, newJournal, replayAll } from './workload.ts';
import { someSteps, WriterModel } from './workload.ts';

const journalFolder = path.dirname(folder);

interface World {
  readonly disk: MemoryDisk;
  readonly space: JournalSpace;
  readonly gone: { files: number; bytes: number }[];
  readonly put: (file: string, bytes: number) => Promise<void>;
}

async function world(maxBytes: number): Promise<World> {
  const disk = await newDisk();
  const gone: { files: number; bytes: number }[] = [];
  const onGaveWay = (each: { files: number; bytes: number }): void => void gone.push(each);
  const monotonicMs = (): number => disk.nowMs;
  const options = { disk, folder: journalFolder, maxBytes, monotonicMs, onGaveWay };
  const put = async (file: string, bytes: number): Promise<void> => {
    const place = path.join(journalFolder, file);
    await disk.makeFolder(path.dirname(place));
    const open = await disk.create(place);
    await open.write(Buffer.alloc(bytes, 1), 0);
    await open.close();
  };
  return { disk, space: new JournalSpace(options), gone, put };
}

test('files of all writers count, and what is aside gives way, oldest first', async () => {
  const { disk, space, gone, put } = await world(10_000);
  await put('0000000000000002/00000001.segment', 3_000);
  await put('0000000000000004/00000007.segment', 1_000);
  disk.nowMs = 5;
  await put('0000000000000002/aside/00000002.segment', 2_000);
  disk.nowMs = 3;
  await put('0000000000000004/aside/00000003.segment', 2_000);
  disk.nowMs = 4;
  await put('0000000000000006/aside/00000001.segment', 1_500);
  await space.look();
  expect(space).toMatchObject({ keptBytes: 4_000, asideBytes: 5_500 });
  expect(await space.makeRoom(500)).toBe(true);
  expect(gone).toEqual([]);
  expect(await space.makeRoom(3_000)).toBe(true);
  expect(gone).toEqual([{ files: 2, bytes: 3_500 }]);
  expect(disk.filesOf(path.join(journalFolder, '0000000000000002', 'aside'))).toHaveLength(1);
  // Only what is aside: the rest is what is not in the store yet.
  expect(await space.makeRoom(6_001)).toBe(false);
  expect(space).toMatchObject({ keptBytes: 4_000, asideBytes: 0 });
  expect(await space.makeRoom(6_000)).toBe(true);
});

test('what others take and give is seen after a while, and at once where there is no room', async () => {
  const { disk, space, put } = await world(10_000);
  await space.lookNowAndThen();
  await put('0000000000000002/00000001.segment', 9_000);
  await space.lookNowAndThen();
  expect(space.keptBytes).toBe(0);
  disk.nowMs += journalSpaceLookMs;
  await space.lookNowAndThen();
  expect(space.keptBytes).toBe(9_000);
  await disk.unlink(path.join(journalFolder, '0000000000000002', '00000001.segment'));
  expect(await space.makeRoom(9_000)).toBe(true);
});

test('a journal is refused room that dead writers hold, and gets it when they are recovered', async () => {
  let nowMs = 0;
  const { disk, space, put } = await world(40_000);
  await put('0000000000000002/00000001.segment', 38_000);
  const clock = { monotonicMs: () => nowMs };
  const { journal } = await newJournal({ disk, clock, maxBytes: 40_000, space });
  expect(journal.reason()).toBe('full');
  await expect(appendAll(journal, new WriterModel(), someSteps(1))).rejects.toMatchObject({
    code: 'JOURNAL_FULL',
  });
  await disk.makeFolder(path.join(journalFolder, '0000000000000002', 'aside'));
  await disk.rename(
    path.join(journalFolder, '0000000000000002', '00000001.segment'),
    path.join(journalFolder, '0000000000000002', 'aside', '00000001.segment'),
  );
  nowMs += 1_000;
  journal.reason();
  await new Promise(setImmediate);
  expect(journal.reason()).toBe('ok');
  const model = new WriterModel();
  await appendAll(journal, model, someSteps(3));
  expect((await replayAll(disk)).state).toEqual(model.states.at(-1));
});

test('a disk without room gets it from what is aside', async () => {
  const { disk, space, put, gone } = await world(2 ** 30);
  await put('0000000000000002/aside/00000001.segment', 20_000);
  disk.capacityBytes = disk.usedBytes + 1_000;
  const { journal } = await newJournal({ disk, minFreeBytes: 500, space });
  expect(journal.reason()).toBe('ok');
  expect(gone).toEqual([{ files: 1, bytes: 20_000 }]);
});

test('once full, a journal goes on only when there is room beyond the next segment', async () => {
  let nowMs = 0;
  let used = 155_000;
  const clock = { monotonicMs: () => nowMs };
  const options = { disk: await newDisk(), folder, maxBytes: 160_000, segmentBytes: 10_000, clock };
  const supply = new SegmentSupply(options, { usedBytes: () => used, troubled: () => undefined });
  const look = async (): Promise<string> => {
    nowMs += journalRoomRetryMs;
    await supply.prepare();
    return supply.room();
  };
  expect(await look()).toBe('full');
  used = 148_000;
  expect(await look()).toBe('full');
  used = 140_000;
  expect(await look()).toBe('ok');
});

test('a small bound has small segments, so that it holds more than one', () => {
  expect(segmentBytesOf(2 ** 40)).toBe(journalSegmentBytes);
  expect(segmentBytesOf(16 * 2 ** 20)).toBe(2 * 2 ** 20);
  expect(segmentBytesOf(2 ** 20)).toBe(2 ** 17);
});
