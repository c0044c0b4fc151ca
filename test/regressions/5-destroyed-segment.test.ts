// A journal of one segment in which nothing could be read any more counted as one torn by a crash:
// its writer was sealed as complete, and what it had acknowledged was gone without a word.
import { readdir, readFile, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { afterAll, expect, test } from '@jest/globals';
import { rawFrame, rawHeader, rawSegment } from '../journal/raw-frames.ts';
import { frames, replayOf } from '../journal/raw-replay.ts';
import { CoreHarness, removeFolders } from '../support/core-harness.ts';

afterAll(removeFolders);

const segmentBytes = 4_096;

/** A segment of one frame, as a crash or rot leaves it. */
function changed(change: (bytes: Buffer) => unknown, frameBytes = 1_000): Buffer {
  const payload = Buffer.alloc(frameBytes, 0x5a);
  const bytes = rawSegment([rawFrame({ position: 1, payload })], { zeroes: segmentBytes });
  change(bytes);
  return bytes;
}

test('what no crash leaves is an alarm, and hides what may have been there', async () => {
  const destroyed: Record<string, Buffer> = {
    'other bytes all over': changed((bytes) => bytes.fill(0xa7)),
    'header and frame rotten': changed((bytes) => {
      bytes[20] = 0xee;
      bytes[500] = 0;
    }),
    'header zeroed, frame rotten': changed((bytes) => bytes.fill(0, 0, 64).fill(1, 500, 600)),
  };
  for (const [name, bytes] of Object.entries(destroyed)) {
    const { kinds, alarms, survey } = await replayOf(bytes);
    expect([name, kinds, alarms]).toEqual([name, ['segment_destroyed'], 1]);
    expect([name, survey.isGapFree(1, 0)]).toEqual([name, false]);
  }
});

test('what a crash in the first write leaves is a torn tail, in whichever sectors', async () => {
  const torn: Record<string, Buffer> = {
    'only later sectors': changed((bytes) => bytes.fill(0, 0, 512)),
    'only the last sector': changed((bytes) => bytes.fill(0, 0, 1_024)),
    'only the first sector': changed((bytes) => bytes.fill(0, 512)),
    'the first 30 bytes': changed((bytes) => bytes.fill(0, 30)),
    'the first 63 bytes': changed((bytes) => bytes.fill(0, 63)),
    'less than a header': rawHeader().subarray(0, 40),
  };
  for (const [name, bytes] of Object.entries(torn)) {
    const { kinds, alarms, survey } = await replayOf(bytes);
    expect([name, kinds, alarms]).toEqual([name, ['torn_tail'], 0]);
    expect([name, survey.isGapFree(1, 0)]).toEqual([name, true]);
  }
});

test('behind whole segments the last one is judged alike', async () => {
  const whole = rawSegment(frames(1, 2));
  const rotten = await replayOf(
    whole,
    changed((bytes) => bytes.fill(0xa7)),
  );
  expect(rotten).toMatchObject({ kinds: ['segment_destroyed'], positions: '1-2', alarms: 1 });
  expect(rotten.survey.isGapFree(1, 2)).toBe(false);
  const torn = await replayOf(
    whole,
    changed((bytes) => bytes.fill(0, 0, 512)),
  );
  expect(torn).toMatchObject({ kinds: ['torn_tail'], positions: '1-2', alarms: 0 });
  expect(torn.survey.isGapFree(1, 2)).toBe(true);
});

test('its writer stays open until an operator decides', async () => {
  const harness = await CoreHarness.start();
  await harness.count('a', 7);
  const writer = harness.core.ingest.current?.writer ?? '';
  const dataDir = await harness.crashed();
  const folder = path.join(dataDir, 'journal', writer);
  const names = (await readdir(folder)).filter((name) => name.endsWith('.segment')).sort();
  const file = path.join(folder, names[0] ?? '');
  await writeFile(file, (await readFile(file)).fill(0xa7));
  const { rows, clock } = harness;
  const next = await CoreHarness.start({ rows, clock, dataDir });
  await next.core.recover();
  const { entries } = await next.core.link.registry.readAll();
  expect(entries.find((entry) => entry.writer === writer)?.record.state).toBe('open');
  const events = next.logged.map(({ event }) => event);
  expect(events).toContain('journal.corrupt');
  expect(events).toContain('recovery.gap');
  expect(await readdir(folder)).not.toContain('aside');
  await next.stop();
  await harness.stop();
});
