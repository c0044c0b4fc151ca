// LevelDB's cases for its log (db/log_test.cc), by their names there, as far as they apply to a
// journal of absolute frames; then what is our own: copies, gaps, other releases, hostile files.
import { expect, test } from '@jest/globals';
import { MemoryDisk } from './memory-disk.ts';
import { quarterMs } from '../../src/model/quarter.ts';
import { rawCell, rawFrame, rawHeader, rawPayload, rawSegment, uvarint } from './raw-frames.ts';
import { appendAll, firstQuarter, folder, newJournal, replayAll } from './workload.ts';
import { someSteps, startMs, writer, WriterModel } from './workload.ts';

const segment = (ordinal: number): string => `${String(ordinal).padStart(8, '0')}.segment`;

async function replayOf(...segments: readonly Buffer[]) {
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

const frames = (...positions: readonly number[]) => positions.map((position) => ({ position }));
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

test('MarginalTrailer, ShortTrailer, AlignedEof: a segment that ends close behind a frame', async () => {
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
    rawCell({ number: 4, count: 1, eventQuarter: firstQuarter + 1 }),
    rawCell({ number: 5, count: 1, eventQuarter: firstQuarter - 65_536 }),
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

test('entries and unknown flags are of a later release: the segment is refused, never skipped', async () => {
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
