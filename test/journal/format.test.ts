// The segment format stands still: bytes written today equal the golden file, and the golden file
// is still read. A difference is a new format version (docs/FORMATS.md), never a new golden file.
import { readFileSync } from 'node:fs';
import { expect, test } from '@jest/globals';
import { quarterMs } from '../../src/model/quarter.ts';
import { MemoryDisk } from './memory-disk.ts';
import { rawCell, rawFrame, rawHeader, rawPayload } from './raw-frames.ts';
import { firstQuarter, folder, newJournal, replayAll, startMs, writer } from './workload.ts';

const names = ['00000001.segment', '00000002.segment'] as const;

function golden(name: string): Buffer {
  const text = readFileSync(new URL(`../golden/journal-1-${name}.hex`, import.meta.url), 'utf8');
  return Buffer.from(text.replaceAll(/#.*$|\s/gm, ''), 'hex');
}

const emoji = '🦊/ad%2F?';
const longest = 'ä'.repeat(64);

/** One unregistered segment and one registered, with every field of the format in use. */
async function writeAgain(): Promise<MemoryDisk> {
  const { disk, journal } = await newJournal();
  const cell = {
    number: 0,
    claimed: false,
    eventQuarter: firstQuarter - 3,
    ad: emoji,
    site: 'news.example',
    counts: [1, 127] as readonly number[],
    keySegment: 0,
  };
  await journal.append({ acceptMs: startMs + 1, acceptanceQuarter: undefined, cells: [cell] });
  const registeredMs = startMs + 2_000;
  await journal.append({
    acceptMs: startMs + 3_000,
    acceptanceQuarter: firstQuarter,
    registeredMs,
    cells: [{ ...cell, counts: [1, 128, 2, 1, 17, 2 ** 40, 66, 3] }],
  });
  const second = { ...cell, number: 300, claimed: true, ad: longest, site: 's', counts: [2, 1] };
  const known = { ...cell, keySegment: 2, counts: [1, 2 ** 51] };
  const acceptMs = startMs + quarterMs - 1;
  await journal.append({ acceptMs, acceptanceQuarter: firstQuarter, cells: [second, known] });
  await journal.close();
  return disk;
}

test('bytes written today are those of the golden file', async () => {
  const disk = await writeAgain();
  expect(disk.filesOf(folder)).toEqual(names);
  for (const name of names) {
    expect(disk.bytesOf(`${folder}/${name}`).toString('hex')).toBe(golden(name).toString('hex'));
  }
});

test('the golden file is read', async () => {
  const disk = new MemoryDisk();
  for (const name of names) disk.put(`${folder}/${name}`, golden(name));
  const { survey, quarters } = await replayAll(disk);
  expect(survey).toMatchObject({ writer, problems: [], registeredMs: startMs + 2_000 });
  expect(survey.lastAcceptMs).toBe(startMs + quarterMs - 1);
  expect(survey.isGapFree(1, 3)).toBe(true);
  expect(quarters).toMatchObject([{ acceptanceQuarter: firstQuarter, frames: 3, alarms: 0 }]);
  const key = { claimed: false, eventQuarter: firstQuarter - 3, ad: emoji, site: 'news.example' };
  expect(quarters[0]?.cells).toEqual([
    { ...key, counts: [1, 2 ** 51], n: 2 ** 51 },
    { ...key, claimed: true, ad: longest, site: 's', counts: [2, 1], n: 1 },
  ]);
});

test('the writer writes what is drawn: the same bytes by hand', async () => {
  const { disk, journal } = await newJournal();
  const cell = { eventQuarter: firstQuarter, claimed: false, keySegment: 0, number: 0 };
  await journal.append({
    acceptMs: startMs,
    acceptanceQuarter: firstQuarter,
    cells: [{ ...cell, ad: 'ad', site: 'site', counts: [1, 300] }],
  });
  await journal.close();
  const header = rawHeader();
  const { device, inode } = journal.folderIdentity;
  header.writeBigUInt64BE(BigInt(device), 16);
  header.writeBigUInt64BE(BigInt(inode), 24);
  const payload = rawPayload([rawCell({ number: 0, count: 300 })]);
  const written = disk.bytesOf(`${folder}/00000001.segment`);
  expect(written.subarray(0, 60)).toEqual(header.subarray(0, 60));
  expect(written.subarray(64)).toEqual(rawFrame({ position: 1, payload }));
});
