// What the journals of a data folder still hold heals a store that lost it; nothing else changes.
import { readdir } from 'node:fs/promises';
import path from 'node:path';
import { afterAll, expect, test } from '@jest/globals';
import { Reassertion } from '../../src/ingest/reassertion.ts';
import type { ReassertionOptions } from '../../src/ingest/reassertion.ts';
import { nodeDisk } from '../../src/journal/disk.ts';
import { reassertProbeCellsMax } from '../../src/limits.ts';
import { quarterMs } from '../../src/model/quarter.ts';
import { tryLock } from '../../src/store/embedded/folder-lock.ts';
import { RegistryChain } from '../../src/store/registry.ts';
import { CoreHarness, eventOf, removeFolders } from '../support/core-harness.ts';

afterAll(removeFolders, 60_000);

type Asked = Partial<ReassertionOptions>;

function reassertion(harness: CoreHarness, asked: Asked = {}): Reassertion {
  return new Reassertion({
    disk: nodeDisk,
    journalFolder: path.join(harness.dataDir, 'journal'),
    link: harness.core.link,
    tryLock,
    retentionDays: 400,
    fromMs: undefined,
    toMs: undefined,
    isDry: false,
    evenUnknown: false,
    evenIfMasked: false,
    onProgress: () => undefined,
    ...asked,
  });
}

/** A writer that is over, its files aside, and a living one with a quarter aside and one open. */
async function twoWriters(): Promise<CoreHarness> {
  const first = await CoreHarness.start();
  await first.count('a', 3);
  await first.count('a', 4);
  const { rows, clock, dataDir } = first;
  await first.stop();
  const second = await CoreHarness.start({ rows, clock, dataDir });
  await second.core.recover();
  await second.count('a', 10);
  clock.pass(quarterMs);
  await second.core.flush();
  await second.count('a', 20);
  await second.core.flush();
  return second;
}

async function registryOf({ core }: CoreHarness): Promise<unknown> {
  return (await core.link.registry.readAll()).entries.map(({ bytes }) => bytes.toString());
}

async function segmentsOf({ dataDir }: CoreHarness): Promise<string[]> {
  const names = await readdir(path.join(dataDir, 'journal'), { recursive: true });
  return names.filter((name) => name.endsWith('.segment')).sort();
}

test('a table that was truncated is healed from what is aside and what lives; twice is once', async () => {
  const harness = await twoWriters();
  const segments = await segmentsOf(harness);
  expect(segments.filter((name) => name.includes('/aside/'))).toHaveLength(2);
  harness.rows.truncate('counts');
  const registry = await registryOf(harness);
  const dry = await reassertion(harness, { isDry: true }).run();
  expect(dry.map(({ missing, intact }) => [missing, intact])).toEqual(
    expect.arrayContaining([
      [1, 0],
      [2, 0],
    ]),
  );
  expect(await harness.stored('a')).toBe(0);
  const findings = await reassertion(harness).run();
  expect(findings.map(({ fate }) => fate)).toEqual(['done', 'done']);
  expect(findings.reduce((sum, { healed }) => sum + healed, 0)).toBe(3);
  expect(await harness.stored('a')).toBe(37);
  const again = await reassertion(harness).run();
  expect(again.reduce((sum, { intact, healed }) => sum + intact + 10 * healed, 0)).toBe(3);
  expect(await harness.stored('a')).toBe(37);
  expect(await registryOf(harness)).toEqual(registry);
  expect(await segmentsOf(harness)).toEqual(segments);
  await harness.stop();
});

test('masked puts are found before the bulk of the work, and shown after a compaction', async () => {
  const harness = await CoreHarness.start();
  const cells = reassertProbeCellsMax * 3;
  const events = Array.from({ length: cells }, (_, i) => eventOf(`a${i}`, 2));
  await harness.core.ingest.accept(events, 'journal');
  await harness.core.flush();
  harness.rows.deleteAll('counts');
  const puts = harness.rows.putsReceived;
  const stopped = reassertion(harness);
  expect(await stopped.run()).toMatchObject([
    { fate: 'stopped', missing: cells, masked: reassertProbeCellsMax, healed: 0 },
  ]);
  expect(harness.rows.putsReceived - puts).toBe(reassertProbeCellsMax);
  expect(stopped.maskedExamples).toHaveLength(20);
  const all = await reassertion(harness, { evenIfMasked: true }).run();
  expect(all).toMatchObject([{ fate: 'done', missing: cells, masked: cells, healed: 0 }]);
  harness.rows.compact('counts');
  const healed = await reassertion(harness).run();
  expect(healed).toMatchObject([{ fate: 'done', missing: cells, masked: 0, healed: cells }]);
  expect(await harness.stored('a7')).toBe(2);
  await harness.stop();
});

test('nothing behind the seal of a writer, or behind what a living one published, is put', async () => {
  const harness = await CoreHarness.start();
  await harness.count('a', 3);
  await harness.core.flush();
  await harness.count('a', 4);
  harness.rows.truncate('counts');
  // It lives: what it has not published is in its memory, and perhaps not on its disk.
  expect(await reassertion(harness).run()).toMatchObject([{ fate: 'done', healed: 1 }]);
  expect(await harness.stored('a')).toBe(3);
  // A copy of its folder, and its record as of one whose second frame failed.
  const dataDir = await harness.crashed();
  const { registry } = harness.core.link;
  const { entries } = await registry.readAll();
  const [entry] = entries;
  if (entry === undefined) throw new Error('no record');
  const chain = new RegistryChain(registry, entry.writer, entry);
  const sealed = { ...entry.record, state: 'sealed', sealedBy: 'itself', position: 1 } as const;
  await chain.advance(() => sealed);
  harness.rows.truncate('counts');
  const journalFolder = path.join(dataDir, 'journal');
  expect(await reassertion(harness, { journalFolder }).run()).toMatchObject([{ healed: 1 }]);
  expect(await harness.stored('a')).toBe(3);
  // As of one that a recoverer sealed: whatever turns up is put.
  await chain.advance(() => ({ ...sealed, sealedBy: 'recoverer' }));
  await reassertion(harness, { journalFolder }).run();
  expect(await harness.stored('a')).toBe(7);
  await harness.stop();
});

test('writers that the store does not know are left alone, unless the registry was restored', async () => {
  const harness = await twoWriters();
  const dataDir = await harness.crashed();
  harness.rows.truncate('counts');
  const meta = harness.rows.snapshot('meta');
  const layout = new Map([...meta].filter(([row]) => row === 'layout'));
  harness.rows.restore('meta', layout);
  const journalFolder = path.join(dataDir, 'journal');
  const left = await reassertion(harness, { journalFolder }).run();
  expect(left.map(({ fate, cells }) => [fate, cells])).toEqual([
    ['unknown', 0],
    ['unknown', 0],
  ]);
  await reassertion(harness, { journalFolder, evenUnknown: true }).run();
  expect(await harness.stored('a')).toBe(37);
  expect(harness.rows.snapshot('meta')).toEqual(layout);
  harness.rows.restore('meta', meta);
  await harness.stop();
});

test('only what was accepted in the asked time is looked at', async () => {
  const harness = await twoWriters();
  harness.rows.truncate('counts');
  const secondMs = harness.clock.wallMs();
  const none = await reassertion(harness, { toMs: secondMs - 2 * quarterMs }).run();
  expect(none.map(({ fate, cells }) => [fate, cells])).toEqual([
    ['nothing', 0],
    ['nothing', 0],
  ]);
  // A moment within a quarter means all of it.
  await reassertion(harness, { fromMs: secondMs }).run();
  expect(await harness.stored('a')).toBe(20);
  await reassertion(harness, {
    fromMs: secondMs - quarterMs,
    toMs: secondMs - quarterMs + 1,
  }).run();
  expect(await harness.stored('a')).toBe(37);
  await harness.stop();
});

test('what is older than the retention is neither looked at nor put', async () => {
  const harness = await twoWriters();
  harness.rows.truncate('counts');
  harness.clock.pass(3 * 24 * 3_600_000);
  await harness.core.link.reach();
  const findings = await reassertion(harness, { retentionDays: 1 }).run();
  expect(findings.reduce((sum, { tooOld, cells }) => sum + tooOld + 10 * cells, 0)).toBe(33);
  expect(await harness.stored('a')).toBe(0);
  await harness.stop();
});

test('a segment that is damaged is named, and the others are put', async () => {
  const harness = await twoWriters();
  harness.rows.truncate('counts');
  const disk: Asked['disk'] = {
    ...nodeDisk,
    read: async (file) => {
      const bytes = await nodeDisk.read(file);
      return file.includes('aside') ? Buffer.alloc(bytes.length, 7) : bytes;
    },
  };
  const findings = await reassertion(harness, { disk }).run();
  expect(findings.find(({ fate }) => fate === 'damaged')).toMatchObject({ healed: 1 });
  expect(await harness.stored('a')).toBe(20);
  await harness.stop();
});
