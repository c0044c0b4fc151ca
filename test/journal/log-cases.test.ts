// LevelDB's cases for its log (db/log_test.cc), by their names there, as far as they apply to a
// journal of absolute frames.
import { expect, test } from '@jest/globals';
import { MemoryDisk } from './memory-disk.ts';
import { rawFrame, rawHeader, rawSegment } from './raw-frames.ts';
import { frames, replayOf, segment } from './raw-replay.ts';
import { appendAll, firstQuarter, folder, newJournal, replayAll } from './workload.ts';
import { someSteps, writer, WriterModel } from './workload.ts';

const bytesOf = (frame: { position: number }): Buffer => rawFrame(frame);
function changed(bytes: Buffer, at: number, value: number): Buffer {
  const copy = Buffer.from(bytes);
  copy[at] = value;
  return copy;
}

test('Empty: no segment, an empty file and a spare are a journal without frames', async () => {
  for (const segments of [[], [Buffer.alloc(0)], [Buffer.alloc(8_192)]]) {
    const found = await replayOf(...segments);
    expect([found.kinds, found.positions, found.cells]).toEqual([[], '', []]);
    expect(found.survey.writer).toBe(writer);
    expect(found.survey.isGapFree(1, 0)).toBe(true);
    expect(found.survey.isGapFree(1, 1)).toBe(false);
  }
});

test('ReadWrite: frames come back as the format says, without the encoder', async () => {
  const found = await replayOf(rawSegment(frames(1, 2, 3)));
  expect(found).toMatchObject({ kinds: [], positions: '1-3', alarms: 0 });
  expect(found.cells).toEqual([
    { claimed: false, eventQuarter: firstQuarter, ad: 'ad', site: 'site', counts: [1, 3], n: 3 },
  ]);
  expect(found.survey.headerFolder).toEqual({ device: '7', inode: String(2n ** 63n + 9n) });
});

test('ManyBlocks: hundreds of segments', async () => {
  const { disk, journal } = await newJournal({ segmentBytes: 512 });
  const model = new WriterModel();
  await appendAll(journal, model, someSteps(400));
  const { survey, state } = await replayAll(disk);
  expect(survey.segments.length).toBeGreaterThan(100);
  expect(survey.problems).toEqual([]);
  expect(state).toEqual(model.states.at(-1));
});

test('MarginalTrailer, ShortTrailer, AlignedEof: a segment ends close behind a frame', async () => {
  for (let zeroes = 0; zeroes < 64; zeroes++) {
    const found = await replayOf(rawSegment(frames(1, 2), { zeroes }));
    expect(found).toMatchObject({ kinds: [], positions: '1-2' });
  }
  // The same by the writer: segments of every size around the frames.
  for (let segmentBytes = 200; segmentBytes < 300; segmentBytes++) {
    const { disk, journal } = await newJournal({ segmentBytes });
    const model = new WriterModel();
    await appendAll(journal, model, someSteps(6));
    const { survey, state } = await replayAll(disk);
    expect(survey.problems).toEqual([]);
    expect(state).toEqual(model.states.at(-1));
  }
});

test('ReadError: a segment that the disk does not give is named, the others count', async () => {
  const disk = new MemoryDisk();
  disk.put(`${folder}/${segment(1)}`, rawSegment(frames(1, 2)));
  disk.put(`${folder}/${segment(2)}`, rawSegment(frames(3), { firstPosition: 3 }));
  let reads = 0;
  disk.fault = ({ name }) => (name === 'read' && reads++ === 0 ? 'EIO' : undefined);
  const { survey } = await replayAll(disk);
  expect(survey.problems).toMatchObject([{ kind: 'segment_unreadable', segment: segment(1) }]);
  expect(survey.isGapFree(3, 3)).toBe(false);
  expect(survey.lastPosition).toBe(3);
});

test('BadRecordType: an unknown type is damage, or with a right CRC a later release', async () => {
  const first = bytesOf({ position: 1 });
  const damaged = await replayOf(rawSegment([changed(first, 4, 9), ...frames(2)]));
  expect(damaged).toMatchObject({ kinds: ['damaged'], positions: '2-2' });
  const later = await replayOf(
    rawSegment([{ position: 1 }, { position: 2, type: 3 }]),
    rawSegment(frames(3), { firstPosition: 3 }),
  );
  expect(later).toMatchObject({ kinds: ['segment_refused'], positions: '3-3' });
  expect(later.survey.problems[0]?.detail).toContain('later release');
  expect(later.survey.isGapFree(3, 3)).toBe(false);
});

test('TruncatedTrailingRecordIsIgnored: a torn tail is no alarm', async () => {
  const whole = Buffer.concat([rawHeader(), ...frames(1, 2, 3).map(bytesOf)]);
  const found = await replayOf(whole.subarray(0, -4));
  expect(found).toMatchObject({ kinds: ['torn_tail'], positions: '1-2', alarms: 0 });
});

test('BadLength: in the middle it is a gap', async () => {
  for (const [at, value] of [
    [0, 0xff],
    [1, 1],
    [2, 2],
    [3, 0],
    [3, 255],
  ] as const) {
    const found = await replayOf(
      rawSegment([changed(bytesOf({ position: 1 }), at, value), ...frames(2, 3)]),
    );
    expect(found).toMatchObject({ kinds: ['damaged'], positions: '2-3' });
    expect(found.survey.isGapFree(1, 3)).toBe(false);
    expect(found.survey.isGapFree(2, 3)).toBe(true);
  }
});

test('BadLengthAtEndIsIgnored, ChecksumMismatch at the end: a torn tail', async () => {
  const last = bytesOf({ position: 2 });
  for (const torn of [
    changed(last, 0, 1),
    changed(last, last.length - 1, last.at(-1) === 0 ? 1 : 0),
  ]) {
    const found = await replayOf(rawSegment([{ position: 1 }, torn]));
    expect(found).toMatchObject({ kinds: ['torn_tail'], positions: '1-1', alarms: 0 });
  }
});

test('ChecksumMismatch: in a closed segment also its end is a gap', async () => {
  const found = await replayOf(
    rawSegment([{ position: 1 }, changed(bytesOf({ position: 2 }), 20, 1)]),
    rawSegment(frames(3), { firstPosition: 3 }),
  );
  expect(found.kinds).toEqual(['damaged', 'positions_missing']);
  expect(found.positions).toBe('1-1 3-3');
});

test('ErrorJoinsRecords: damage over two frames never makes one of them', async () => {
  const [one, two, three, four] = frames(1, 2, 3, 4).map(bytesOf);
  const middle = Buffer.concat([two ?? one, three ?? one].map((bytes) => bytes ?? Buffer.alloc(0)));
  middle.fill(0x5a, 10, middle.length - 10);
  const found = await replayOf(
    rawSegment([one, middle, four].filter((part) => part !== undefined)),
  );
  expect(found).toMatchObject({ kinds: ['damaged', 'positions_missing'], positions: '1-1 4-4' });
  expect(found.cells).toMatchObject([{ n: 4 }]);
});

test('a length that spans the next frame by accident does not hide it', async () => {
  const one = bytesOf({ position: 1 });
  const wrong = Buffer.from(one);
  wrong.writeUInt32BE(one.length * 2 - 4, 0);
  const found = await replayOf(rawSegment([wrong, ...frames(2, 3)]));
  expect(found).toMatchObject({ kinds: ['damaged'], positions: '2-3' });
});

test('a damaged header loses nothing: the frames know their quarter', async () => {
  const bytes = rawSegment(frames(1, 2));
  for (const at of [0, 4, 9, 33, 41, 50, 61]) {
    const found = await replayOf(changed(bytes, at, 0xee));
    expect(found).toMatchObject({ kinds: ['header_damaged'], positions: '1-2' });
    expect(found.survey.segments).toMatchObject([{ acceptanceQuarter: firstQuarter }]);
    expect(found.survey.isGapFree(1, 2)).toBe(true);
    expect(found.cells).toMatchObject([{ n: 2 }]);
  }
  const zeroed = Buffer.from(bytes).fill(0, 0, 64);
  expect(await replayOf(zeroed)).toMatchObject({ kinds: ['header_damaged'], positions: '1-2' });
});
