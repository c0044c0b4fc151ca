import { readdir } from 'node:fs/promises';
import path from 'node:path';
import { afterAll, expect, test } from '@jest/globals';
import { CounterError } from '../../src/model/errors.ts';
import { quarterMs, quarterOf } from '../../src/model/quarter.ts';
import { MemoryRowStore } from '../support/memory-row-store.ts';
import { CoreHarness, removeFolders, SteeredClock } from '../support/core-harness.ts';

afterAll(removeFolders);

const down = (): Error => new CounterError('STORE_DOWN', 'retry');

test('what was acknowledged is in the store after a flush, once', async () => {
  const harness = await CoreHarness.start();
  await Promise.all([harness.count('a', 3), harness.count('a', 4), harness.count('b')]);
  expect(await harness.stored('a')).toBe(0);
  expect((await harness.core.flush()).outcome).toBe('success');
  expect(await harness.stored('a')).toBe(7);
  expect((await harness.core.flush()).cells).toBe(0);
  await harness.count('a', 5);
  await harness.core.flush();
  expect(await harness.stored('a')).toBe(12);
  expect(await harness.ledger()).toMatchObject({ journaled: 13, confirmed: 13, unaccounted: 0 });
  await harness.stop();
});

test('a stop flushes and seals: the next start has nothing to recover', async () => {
  const harness = await CoreHarness.start();
  await harness.count('a', 3);
  expect(await harness.stop()).toBe(true);
  expect(await harness.stored('a')).toBe(3);
  const {
    entries: [entry],
  } = await harness.core.link.registry.readAll();
  expect(entry?.record).toMatchObject({ state: 'sealed', position: 1, trimmed: 2 });
  const { rows, clock, dataDir } = harness;
  const next = await CoreHarness.start({ rows, clock, dataDir });
  await next.core.recover();
  expect(await next.ledger()).toMatchObject({ journaled: 0, unaccounted: 0 });
  await next.stop();
});

test('after a crash every acknowledged count is found once, however often it is recovered', async () => {
  const harness = await CoreHarness.start();
  await harness.count('a', 3);
  await harness.core.flush();
  await harness.count('a', 4);
  const { rows, clock } = harness;
  for (let round = 0; round < 3; round++) {
    const dataDir = await harness.crashed();
    const next = await CoreHarness.start({ rows, clock, dataDir });
    await next.core.recover();
    expect(await next.stored('a')).toBe(7);
    expect(await next.ledger()).toMatchObject({ journaled: 7, confirmed: 7, unaccounted: 0 });
    await next.stop();
  }
  await harness.stop();
});

test('an old copy of the folder changes nothing', async () => {
  const harness = await CoreHarness.start();
  await harness.count('a', 3);
  const old = await harness.crashed();
  await harness.count('a', 4);
  await harness.stop();
  const { rows, clock } = harness;
  const next = await CoreHarness.start({ rows, clock, dataDir: old });
  await next.core.recover();
  expect(await next.stored('a')).toBe(7);
  await next.stop();
});

test('a killed writer is sealed by the next start, and its files go aside', async () => {
  const harness = await CoreHarness.start();
  await harness.count('a', 3);
  const dataDir = await harness.crashed();
  const { rows, clock } = harness;
  const writer = harness.core.ingest.current?.writer;
  const next = await CoreHarness.start({ rows, clock, dataDir });
  await next.core.recover();
  const { entries } = await next.core.link.registry.readAll();
  expect(entries.find((entry) => entry.writer === writer)?.record.state).toBe('sealed');
  const folder = path.join(dataDir, 'journal', writer ?? '');
  expect(await readdir(path.join(folder, 'aside'))).toContain('00000001.segment');
  await next.core.recovery.sweep(0);
  expect(await readdir(folder)).toContain('aside');
  // After its time in aside, what is confirmed goes, and the folder with it.
  await next.core.recovery.sweep(Date.now() + 60_000);
  expect(await readdir(path.join(dataDir, 'journal'))).not.toContain(writer);
  await next.stop();
  // The first one learns that it was taken for dead, and goes on under another identity.
  await harness.count('a', 2);
  await harness.core.flush();
  await harness.count('a', 10);
  await harness.core.flush();
  expect(harness.core.ingest.current?.writer).not.toBe(writer);
  expect(await harness.stored('a')).toBe(15);
  await harness.stop();
});

test('without the store it counts on, and catches up when the store answers', async () => {
  const clock = new SteeredClock();
  const rows = new MemoryRowStore(clock.wallMs);
  rows.failBefore = down;
  const harness = await CoreHarness.start({ rows, clock });
  const acceptedQuarter = quarterOf(clock.wallMs());
  await harness.count('a', 3);
  expect((await harness.core.flush()).outcome).toBe('error');
  clock.pass(5 * quarterMs);
  await harness.count('a', 4);
  rows.failBefore = undefined;
  expect((await harness.core.flush()).outcome).toBe('success');
  await harness.count('a', 5);
  await harness.core.flush();
  const seen = (await harness.entries('a')).map(({ eventQuarter, lag, counts }) => ({
    quarter: eventQuarter - acceptedQuarter,
    lag,
    n: counts[1],
  }));
  // What was accepted before the registration was accepted when it was registered.
  expect(seen.sort((a, b) => a.quarter - b.quarter)).toEqual([
    { quarter: 0, lag: 5, n: 3 },
    { quarter: 5, lag: 0, n: 9 },
  ]);
  expect(await harness.ledger()).toMatchObject({ journaled: 12, confirmed: 12, unaccounted: 0 });
  await harness.stop();
});

test('frames of a writer that never reached the store are recovered, registered and sealed', async () => {
  const clock = new SteeredClock();
  const rows = new MemoryRowStore(clock.wallMs);
  rows.failBefore = down;
  const harness = await CoreHarness.start({ rows, clock });
  await harness.count('a', 3);
  const dataDir = await harness.crashed();
  rows.failBefore = undefined;
  clock.pass(3 * quarterMs);
  const next = await CoreHarness.start({ rows, clock, dataDir });
  await next.core.recover();
  expect(await next.stored('a')).toBe(3);
  const { entries } = await next.core.link.registry.readAll();
  expect(entries.map(({ record }) => record.state).sort()).toEqual(['open', 'sealed']);
  await next.stop();
  await harness.stop();
  expect(await harness.stored('a')).toBe(3);
});

test('a table of another shape is refused by name, and the journal is kept', async () => {
  const clock = new SteeredClock();
  const rows = new MemoryRowStore(clock.wallMs);
  await (await CoreHarness.start({ rows, clock })).stop();
  rows.failBefore = down;
  const harness = await CoreHarness.start({ rows, clock });
  await harness.count('a', 3);
  rows.failBefore = undefined;
  rows.differences = ['counts keeps 3 versions, not 1'];
  await harness.core.flush();
  expect(harness.core.ingest.refusal).toBe('schema_mismatch');
  await expect(harness.count('a')).rejects.toThrow('schema_mismatch');
  rows.differences = [];
  await harness.core.flush();
  expect(harness.core.ingest.refusal).toBeUndefined();
  expect(await harness.stored('a')).toBe(3);
  await harness.stop();
});

test('cells that the store refuses hold the watermark; the others arrive', async () => {
  const harness = await CoreHarness.start();
  await harness.core.flush();
  const before = harness.core.completeness.completeThroughMs;
  harness.clock.pass(10_000);
  await Promise.all([harness.count('a', 3), harness.count('b', 4)]);
  harness.rows.failPut = (_, i) => (i === 0 ? new CounterError('REFUSED', 'give-up') : undefined);
  expect((await harness.core.flush()).outcome).toBe('partial');
  expect(harness.core.completeness.completeThroughMs).toBe(before);
  expect(harness.core.ingest.current?.counters.asideCells).toBe(1);
  expect((await harness.stored('a')) + (await harness.stored('b'))).toBe(4);
  harness.rows.failPut = undefined;
  await harness.core.flush({ setAside: true });
  expect((await harness.stored('a')) + (await harness.stored('b'))).toBe(7);
  expect(harness.core.completeness.completeThroughMs).toBe(harness.clock.wallMs());
  await harness.stop();
});

test('a put whose reply was lost is put again and counts once', async () => {
  const harness = await CoreHarness.start();
  await harness.count('a', 3);
  harness.rows.failAfter = (operation) => (operation === 'put' ? down() : undefined);
  await harness.core.flush();
  await harness.count('a', 4);
  await harness.core.flush();
  harness.rows.failAfter = undefined;
  await harness.core.flush();
  expect(await harness.stored('a')).toBe(7);
  expect(await harness.ledger()).toMatchObject({ journaled: 7, confirmed: 7, unaccounted: 0 });
  await harness.stop();
});

test('a new writer never accepts before what others have called complete', async () => {
  const clock = new SteeredClock();
  const rows = new MemoryRowStore(clock.wallMs);
  const ahead = await CoreHarness.start({ rows, clock });
  clock.pass(240_000);
  await ahead.core.flush();
  const completeThroughMs = ahead.core.completeness.completeThroughMs ?? 0;
  clock.leap(-240_000);
  const behind = await CoreHarness.start({ rows, clock });
  expect(behind.core.ingest.current?.registeredMs).toBeGreaterThanOrEqual(completeThroughMs);
  await ahead.stop();
  await behind.stop();
});

test('a wall clock that leapt is not followed; once steady, another identity follows it', async () => {
  const harness = await CoreHarness.start();
  const first = harness.core.ingest.current?.writer;
  await harness.count('a', 1);
  harness.clock.leap(3_600_000);
  await harness.count('a', 2);
  await harness.core.flush();
  expect(harness.core.ingest.current?.writer).toBe(first);
  expect(harness.core.ingest.current?.clock.degraded).toBe(true);
  harness.clock.pass(300_000);
  await harness.core.flush();
  expect(harness.core.ingest.current?.writer).not.toBe(first);
  expect(harness.core.ingest.current?.clock.degraded).toBe(false);
  await harness.count('a', 4);
  await harness.core.flush();
  const quarters = (await harness.entries('a')).map((entry) => entry.eventQuarter);
  expect(Math.max(...quarters) - Math.min(...quarters)).toBe(4);
  expect(await harness.stored('a')).toBe(7);
  await harness.stop();
});

test('a cell that would reach its bound is refused by name; the others count', async () => {
  const harness = await CoreHarness.start({ cellCountEnd: 100 });
  await harness.count('a', 90);
  const events = [
    { measure: 1, ad: 'a', site: 's.example', n: 10, tsMs: undefined },
    { measure: 1, ad: 'b', site: 's.example', n: 10, tsMs: undefined },
  ] as unknown as Parameters<typeof harness.core.ingest.accept>[0];
  const result = await harness.core.ingest.accept(events, 'journal');
  expect(result).toMatchObject({ countedEvents: 1, refused: [{ index: 0, reason: 'cell_full' }] });
  await harness.core.flush();
  expect([await harness.stored('a'), await harness.stored('b')]).toEqual([90, 10]);
  await harness.stop();
});

test('tables and segments of closed quarters are forgotten once they are confirmed', async () => {
  const harness = await CoreHarness.start();
  for (let quarter = 0; quarter < 4; quarter++) {
    await harness.count('a', 1);
    harness.clock.pass(quarterMs);
  }
  const { ingest } = harness.core;
  expect(ingest.current?.counters.openCells).toBe(4);
  await harness.core.flush();
  expect(ingest.current?.counters.openCells).toBe(0);
  const {
    entries: [entry],
  } = await harness.core.link.registry.readAll();
  expect(entry?.record).toMatchObject({ position: 4, trimmed: 5 });
  expect(await harness.stored('a')).toBe(4);
  await harness.stop();
});
