// How long counting goes on without the store, as the status tells it.
import { afterAll, expect, test } from '@jest/globals';
import { memoryBytesMaxOf } from '../src/ingest/memory-bound.ts';
import { journalDiskFreeBytesMin } from '../src/limits.ts';
import { CounterError } from '../src/model/errors.ts';
import { StatusReport } from '../src/status.ts';
import { CoreHarness, eventOf, removeFolders } from './support/core-harness.ts';
import type { HarnessOptions } from './support/core-harness.ts';
import { FaultyDisk } from './support/faulty-disk.ts';
import { readmeText } from './support/readme.ts';

afterAll(removeFolders);

const away = (): Error => new CounterError('STORE_UNAVAILABLE', 'retry');
const minuteMs = 60_000;

async function world(options: HarnessOptions, share = 1) {
  const harness = await CoreHarness.start(options);
  const report = new StatusReport({
    core: harness.core,
    version: 'test',
    flushSeconds: 30,
    journalBytesMax: options.journalBytesMax ?? 2 ** 30,
    share,
    monotonicMs: harness.clock.monotonicMs,
  });
  const budget = async (): Promise<unknown> => (await report.document())['outageBudgetSeconds'];
  let ads = 0;
  /** A minute with so many new cells, or without any. */
  const minute = async (cells: number): Promise<void> => {
    const events = Array.from({ length: cells }, () => eventOf(`ad-${ads++}`));
    if (cells > 0) await harness.core.ingest.accept(events, 'journal');
    harness.clock.pass(minuteMs);
    report.sampleRate();
  };
  return { harness, budget, minute };
}

test('nothing that grows is no end; new cells are one, by the memory that is left', async () => {
  const { harness, budget, minute } = await world({ memoryBytesMax: 2_000_000 });
  expect(await budget()).toBeNull();
  await minute(0);
  expect(await budget()).toBeNull();
  for (let i = 0; i < 3; i++) await minute(100);
  const { memory, ingest } = harness.core;
  const rate = ingest.cellBytes / (4 * 60);
  const left = memory.maxBytes - ingest.cellBytes;
  expect(await budget()).toBe(Math.floor(left / rate));
  // It comes true: at this rate so many minutes go well.
  const minutes = Math.floor(left / rate / 60 / (4 / 3));
  for (let i = 0; i < minutes - 2; i++) await minute(100);
  expect(await budget()).toBeGreaterThan(0);
  await expect(overAndOver(() => minute(100))).rejects.toThrow('memory_full');
  expect(await budget()).toBe(0);
  await harness.stop();
});

test('where the journal ends sooner it is the journal', async () => {
  const journalBytesMax = 2 ** 21;
  const { harness, budget, minute } = await world({ journalBytesMax });
  for (let i = 0; i < 3; i++) await minute(100);
  const { ingest, folder } = harness.core;
  const rate = ingest.grown.journalBytes / (3 * 60);
  const kept = Math.max(folder.journals.keptBytes, ingest.current?.journal.bytes ?? 0);
  expect(await budget()).toBe(Math.floor((journalBytesMax - kept) / rate));
  await harness.stop();
});

test('a disk that several processes fill lasts each of them a part', async () => {
  const disk = new FaultyDisk();
  disk.freeBytesLeft = journalDiskFreeBytesMin + 64 * 2 ** 20;
  const { harness, budget, minute } = await world({ disk }, 4);
  for (let i = 0; i < 3; i++) await minute(100);
  const rate = harness.core.ingest.grown.journalBytes / (3 * 60);
  expect(await budget()).toBe(Math.floor((64 * 2 ** 20) / 4 / rate));
  await harness.stop();
});

test('a process that never reached the store accepts for a day', async () => {
  const first = await CoreHarness.start();
  first.rows.failBefore = away;
  const { rows, clock } = first;
  const { harness, budget, minute } = await world({ rows, clock });
  await minute(0);
  expect(await budget()).toBe(24 * 3600 - 60);
  rows.failBefore = undefined;
  await harness.core.flush();
  expect(await budget()).toBeNull();
  await harness.stop();
  await first.stop();
}, 20_000);

test('what cells and frames take is what the README tells an operator to reckon with', async () => {
  const harness = await CoreHarness.start();
  const { ingest } = harness.core;
  const readme = readmeText();
  const grownBy = async (work: () => Promise<unknown>): Promise<typeof ingest.grown> => {
    const before = ingest.grown;
    await work();
    const { journalBytes, cellBytes } = ingest.grown;
    return {
      journalBytes: journalBytes - before.journalBytes,
      cellBytes: cellBytes - before.cellBytes,
    };
  };
  // The site has nine letters: an ad of fifteen makes a pair of 24 bytes.
  const ads = Array.from({ length: 1_000 }, (_, i) => `ad-${String(i).padStart(12, '0')}`);
  const all = ads.map((ad) => eventOf(ad));
  await ingest.accept([eventOf('first')], 'journal');
  const fresh = await grownBy(() => ingest.accept(all, 'journal'));
  const cell = fresh.cellBytes / 1_000;
  expect(Math.abs(cell - (700 + 2 * 24))).toBeLessThan(10);
  expect((cell * 100_000 * 4) / 1e6).toBeCloseTo(300, -1);
  expect(fresh.journalBytes).toBeLessThanOrEqual(29 + 1_000 * (9 + 24 + 6));
  const again = await grownBy(() => ingest.accept(all, 'journal'));
  expect(again.journalBytes).toBeGreaterThan(29 + 1_000 * 4);
  expect(again.journalBytes).toBeLessThanOrEqual(29 + 1_000 * 9);
  const one = await grownBy(() => ingest.accept([eventOf('first')], 'journal'));
  expect(one.journalBytes).toBeLessThanOrEqual(29 + 9);
  expect(((29 + 9) * 1_000 * 86_400) / 1e9).toBeCloseTo(3.3, 1);
  const heapBytes = 4 * 2 ** 30;
  const memoryBytes = memoryBytesMaxOf(Infinity, heapBytes);
  expect(memoryBytes / 2 ** 30).toBeCloseTo(2.6, 1);
  expect(memoryBytes / (cell * 400_000)).toBeGreaterThan(9);
  for (const told of ['29 bytes', '300 MB', '3.3 GB', '2.6 GiB', 'nine hours']) {
    expect(readme).toContain(told);
  }
  await harness.stop();
});

async function overAndOver(task: () => Promise<void>): Promise<never> {
  for (let i = 0; i < 1_000; i++) await task();
  throw new Error('it never failed');
}
