// Journals that no crash leaves: of later releases, with content that cannot be put, copied, mixed
// up, hostile. None stops a replay; what is left out is reported.
import { expect, test } from '@jest/globals';
import { quarterEnd } from '../../src/model/quarter.ts';
import { quarterMs } from '../../src/model/quarter.ts';
import { MemoryDisk } from './memory-disk.ts';
import { rawCell, rawPayload, rawSegment, uvarint } from './raw-frames.ts';
import { frames, replayOf, segment } from './raw-replay.ts';
import { appendAll, firstQuarter, folder, newJournal, replayAll } from './workload.ts';
import { someSteps, startMs, writer, WriterModel } from './workload.ts';

test('a header of a later format is refused by name, the other segments count', async () => {
  const found = await replayOf(
    rawSegment(frames(1), { format: 2 }),
    rawSegment(frames(2), { firstPosition: 2 }),
  );
  expect(found).toMatchObject({ kinds: ['segment_refused'], positions: '2-2' });
  expect(found.survey.isGapFree(2, 2)).toBe(false);
});

test('a number without its key belongs to the gap; the rest of the frame counts', async () => {
  const payload = rawPayload([
    rawCell({ number: 4, count: 9, hasKey: false }),
    rawCell({ number: 5, count: 7 }),
  ]);
  const found = await replayOf(rawSegment([{ position: 2, payload }], { firstPosition: 2 }));
  expect(found.kinds).toEqual(['key_missing']);
  expect(found.cells).toMatchObject([{ n: 7 }]);
});

test('no cell stops the replay: what cannot be put is rejected by itself', async () => {
  const strange = [
    rawCell({ number: 0, count: 2n ** 52n }),
    rawCell({ number: 1, count: 1, ad: '' }),
    rawCell({ number: 2, count: 1, ad: 'a'.repeat(129) }),
    rawCell({ number: 3, count: 1, ad: Buffer.from([0xff, 0xfe]) }),
    rawCell({ number: 4, count: 1, eventQuarter: quarterEnd }),
    rawCell({ number: 5, count: 1, eventQuarter: 2 ** 50 }),
  ];
  for (const cell of strange) {
    const payload = rawPayload([cell, rawCell({ number: 9, count: 3, ad: 'good' })]);
    const found = await replayOf(rawSegment([{ position: 1, payload }]));
    expect(found.kinds).toEqual(['cell_rejected']);
    expect(found.cells).toMatchObject([{ ad: 'good', n: 3 }]);
  }
});

test('a strange frame with a right CRC is rejected, the frames around it count', async () => {
  const good = rawCell({ number: 0, count: 5 });
  const strange = [
    Buffer.concat([rawPayload([good]), Buffer.from([0])]),
    Buffer.concat([Buffer.from([0, 0, 0]), uvarint(2n ** 40n), good]),
    rawPayload([rawCell({ number: 1, count: 1, owner: 2 })]),
    rawPayload([rawCell({ number: 1, count: 0 })]),
    Buffer.concat([Buffer.from([1]), Buffer.alloc(8, 0xff), Buffer.from([0, 0, 0])]),
    Buffer.concat([Buffer.from([0, 0, 0]), Buffer.alloc(20, 0x80)]),
  ];
  for (const payload of strange) {
    const found = await replayOf(
      rawSegment([{ position: 1 }, { position: 2, payload }, { position: 3 }]),
    );
    expect(found.kinds).toContain('frame_rejected');
    expect(found.alarms).toBeGreaterThan(0);
    expect(found.cells.at(0)?.n).toBeGreaterThanOrEqual(3);
  }
});

test('entries and unknown flags are of a later release: refused, never skipped', async () => {
  for (const options of [{ entries: 1 }, { flags: 2 }]) {
    const payload = rawPayload([rawCell({ number: 0, count: 1 })], options);
    const found = await replayOf(rawSegment([{ position: 1 }, { position: 2, payload }]));
    expect(found).toMatchObject({ kinds: ['segment_refused'], positions: '', cells: [] });
    expect(found.survey.isGapFree(1, 0)).toBe(false);
  }
});

test('a frame of another quarter than its segment is rejected', async () => {
  const acceptMs = (firstQuarter + 1) * quarterMs;
  const found = await replayOf(
    rawSegment([{ position: 1 }, { position: 2, acceptMs }, { position: 3 }]),
  );
  expect(found.kinds).toEqual(['frame_rejected', 'positions_missing']);
});

test('copies of segments, under any name, change nothing', async () => {
  const { disk, journal } = await newJournal({ segmentBytes: 1_024 });
  const model = new WriterModel({ registered: false });
  await appendAll(journal, model, someSteps(30));
  model.register();
  await appendAll(journal, model, someSteps(60, 4));
  const once = await replayAll(disk);
  const names = once.survey.segments.map(({ name }) => name);
  names.forEach((name, i) => {
    const bytes = disk.bytesOf(`${folder}/${name}`);
    if (i % 2 === 0) disk.put(`${folder}/${segment(900 - i)}`, bytes);
  });
  const twice = await replayAll(disk);
  expect(twice.state).toEqual(once.state);
  expect(twice.survey.problems).toEqual([]);
  expect(twice.survey.positions).toEqual(once.survey.positions);
});

test("another writer's segment is refused by name", async () => {
  const other = 'ffffffffffffff00';
  const found = await replayOf(rawSegment(frames(1), { writer: other }), rawSegment(frames(1)));
  expect(found).toMatchObject({ kinds: ['segment_refused'], positions: '1-1' });
  expect(found.survey.writer).toBe(writer);
  expect(found.cells).toHaveLength(1);
});

test('a file beyond all bounds, a folder and a foreign name are passed over', async () => {
  const disk = new MemoryDisk();
  disk.put(`${folder}/${segment(1)}`, rawSegment(frames(1)));
  await disk.makeFolder(`${folder}/${segment(2)}`);
  disk.put(`${folder}/notes.txt`, Buffer.from('mine'));
  disk.put(`${folder}/${segment(3)}`, Buffer.alloc(33 * 1_048_576));
  const { survey } = await replayAll(disk);
  expect(survey.problems.map(({ kind }) => kind)).toEqual(['segment_refused', 'segment_refused']);
  expect(survey.lastPosition).toBe(1);
  expect(disk.calls.filter((name) => name === 'read')).toHaveLength(2);
});

test('8 MiB of what looks like frames ends in seconds, with an alarm', async () => {
  // At every 16th byte a plausible length and type, and no right CRC anywhere.
  const hostile = Buffer.alloc(8 * 1_048_576);
  for (let at = 0; at + 32 < hostile.length; at += 32) {
    hostile.writeUInt32BE(Math.min(6 * 1_048_576, hostile.length - at - 4), at);
    hostile[at + 4] = 1;
    hostile.writeUInt32BE(7, at + 9);
    hostile.writeUInt32BE(Math.floor(startMs / 2 ** 32), at + 13);
    hostile.writeUInt32BE(startMs % 2 ** 32, at + 17);
  }
  hostile.fill(0x77, 0, 64);
  const before = performance.now();
  const found = await replayOf(hostile);
  expect(performance.now() - before).toBeLessThan(10_000);
  expect(found.kinds).toEqual(['header_damaged', 'search_ended']);
  expect(found.survey.isGapFree(1, 0)).toBe(false);
});
