import { afterAll, expect, test } from '@jest/globals';
import { CounterError } from '../../src/model/errors.ts';
import { quarterMs } from '../../src/model/quarter.ts';
import {
  asHBase,
  CoreHarness,
  entriesIn,
  removeFolders,
  SteeredClock,
} from '../support/core-harness.ts';
import { FaultyDisk } from '../support/faulty-disk.ts';
import { MemoryRowStore } from '../support/memory-row-store.ts';
import { until } from '../support/until.ts';

afterAll(removeFolders);
const dayMs = 86_400_000;
const down = (): Error => new CounterError('STORE_DOWN', 'retry');

test('an identity that follows after a day of uptime is not refused as never registered', async () => {
  const disk = new FaultyDisk();
  const harness = await CoreHarness.start({ disk });
  harness.clock.pass(dayMs + 1);
  disk.fault = (call) => (call === 'datasync' ? 'EIO' : undefined);
  await expect(harness.count('a', 1)).rejects.toThrow('OUTCOME_UNKNOWN');
  disk.fault = () => undefined;
  await harness.count('a', 1);
  await harness.stop();
});

test('without ever reaching the store a process refuses after a day', async () => {
  const clock = new SteeredClock();
  const rows = new MemoryRowStore(clock.wallMs);
  rows.failBefore = down;
  const harness = await CoreHarness.start({ rows, clock });
  await harness.count('a', 1);
  clock.pass(dayMs + 1);
  await expect(harness.count('a', 1)).rejects.toThrow('unregistered');
  await harness.stop();
});

test('a start that is slow to register and the first round register once', async () => {
  const clock = new SteeredClock();
  const rows = new MemoryRowStore(clock.wallMs);
  let slow = true;
  rows.delay = (operation, table) =>
    new Promise((resolve) => {
      setTimeout(resolve, slow && table === 'meta' && operation !== 'nowMs' ? 1400 : 0);
    });
  const harness = await CoreHarness.start({ rows, clock });
  expect(harness.core.ingest.current?.registered).toBe(false);
  await harness.core.flush();
  slow = false;
  expect(harness.core.ingest.current?.registered).toBe(true);
  expect(harness.broken).toEqual([]);
  await harness.stop();
}, 30_000);

test('a writer that was registered behind its back puts its counts by that moment', async () => {
  const clock = new SteeredClock();
  const rows = new MemoryRowStore(clock.wallMs);
  rows.failBefore = down;
  const harness = await CoreHarness.start({ rows, clock });
  await harness.count('a', 3);
  const dataDir = await harness.crashed();
  rows.failBefore = undefined;
  const other = await CoreHarness.start({ rows, clock, dataDir });
  await other.core.recover();
  clock.pass(quarterMs);
  await harness.count('a', 4);
  for (let round = 0; round < 3; round++) await harness.core.flush();
  expect((await harness.core.flush()).outcome).toBe('success');
  expect(await harness.stored('a')).toBe(7);
  await other.stop();
  await harness.stop();
});

test('a wrong date at boot, without the store, ends neither the process nor a count', async () => {
  const storeClock = new SteeredClock();
  const rows = new MemoryRowStore(storeClock.wallMs);
  rows.failBefore = down;
  const harness = await CoreHarness.start({ rows, clock: new SteeredClock(dayMs) });
  await harness.count('a', 3);
  rows.failBefore = undefined;
  expect((await harness.core.flush()).outcome).toBe('success');
  expect(harness.broken).toEqual([]);
  expect(await harness.stored('a')).toBe(3);
  await harness.stop();
});

test('without the time of HBase nobody registers below what was called complete', async () => {
  const storeClock = new SteeredClock();
  const plain = new MemoryRowStore(storeClock.wallMs);
  await entriesIn(plain, 'a'); // creates the tables
  const rows = asHBase(plain);
  const ahead = await CoreHarness.start({ rows, clock: storeClock });
  await ahead.core.flush();
  const completeMs = ahead.core.completeness.completeThroughMs ?? 0;
  await ahead.stop();
  // The master, who tells the time, is away; this machine is two days behind.
  plain.failBefore = (operation) => (operation === 'nowMs' ? down() : undefined);
  const clock = new SteeredClock(storeClock.wallMs() - 2 * dayMs);
  const behind = await CoreHarness.start({ rows, clock });
  await behind.count('a', 5);
  await behind.core.flush();
  expect(behind.core.ingest.current?.registered).toBe(false);
  plain.failBefore = undefined;
  await until(async () => (await behind.core.flush()).outcome === 'success', 2000);
  expect(behind.core.ingest.current?.registeredMs).toBeGreaterThanOrEqual(completeMs);
  const [entry] = await entriesIn(plain, 'a');
  expect(((entry?.eventQuarter ?? 0) + (entry?.lag ?? 0) + 1) * quarterMs).toBeGreaterThan(
    completeMs,
  );
  await behind.stop();
});
