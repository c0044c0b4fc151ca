// What is confirmed is looked at in the store before it is forgotten; what is missing comes back.
import { readdir } from 'node:fs/promises';
import path from 'node:path';
import { afterAll, expect, test } from '@jest/globals';
import { readBackCellsMax } from '../../src/limits.ts';
import { CounterError } from '../../src/model/errors.ts';
import { quarterMs } from '../../src/model/quarter.ts';
import { sampleBelow } from '../../src/model/sample.ts';
import { readinessOf } from '../../src/status.ts';
import { CoreHarness, removeFolders } from '../support/core-harness.ts';
import { Held } from '../support/until.ts';

afterAll(removeFolders, 60_000);

const down = (): Error => new CounterError('STORE_DOWN', 'retry');

/** A quarter with some counts that are confirmed, and the next one has begun. */
async function afterAQuarter(cells = 3): Promise<CoreHarness> {
  const harness = await CoreHarness.start();
  for (let i = 0; i < cells; i++) await harness.count(`a${i}`, 10);
  await harness.core.flush();
  harness.clock.pass(quarterMs);
  return harness;
}

async function storedOf(harness: CoreHarness, cells = 3): Promise<number> {
  let sum = 0;
  for (let i = 0; i < cells; i++) sum += await harness.stored(`a${i}`);
  return sum;
}

async function recordOf(harness: CoreHarness) {
  const { entries } = await harness.core.link.registry.readAll();
  return entries[0]?.record;
}

async function filesOf({ dataDir, core }: CoreHarness): Promise<string[]> {
  const writer = core.ingest.current?.writer ?? '';
  return await readdir(path.join(dataDir, 'journal', writer));
}

function eventsOf({ logged }: CoreHarness, prefix: string): string[] {
  return logged.map(({ event }) => event).filter((event) => event.startsWith(prefix));
}

test('a quarter that the store shows is forgotten in the round that closes it', async () => {
  const harness = await afterAQuarter();
  expect((await harness.core.flush()).outcome).toBe('success');
  expect(harness.core.ingest.current?.counters.openCells).toBe(0);
  expect(await recordOf(harness)).toMatchObject({ position: 3, trimmed: 4 });
  expect(await filesOf(harness)).toContain('aside');
  expect(eventsOf(harness, 'read_back')).toEqual([]);
  await harness.stop();
});

test('a table that lost all its cells gets them back, and only then the segments go', async () => {
  const harness = await afterAQuarter();
  harness.rows.truncate('counts');
  // The put of what is missing is held: nothing is forgotten or completed until it is there.
  const held = new Held();
  harness.rows.delay = async (operation) => {
    if (operation === 'put') await held.passed;
  };
  const before = await recordOf(harness);
  const { outcome } = await harness.core.flush();
  expect(outcome).toBe('error');
  expect(readinessOf(harness.core, 'serving')).toMatchObject({ reasons: ['counts_missing'] });
  expect(harness.core.ingest.current?.counters.openCells).toBe(3);
  expect(await recordOf(harness)).toEqual(before);
  expect(await filesOf(harness)).not.toContain('aside');
  expect(await storedOf(harness)).toBe(0);
  held.letGo();
  harness.rows.delay = undefined;
  expect((await harness.core.flush()).outcome).toBe('success');
  expect(await storedOf(harness)).toBe(30);
  expect(harness.core.ingest.current?.counters.openCells).toBe(0);
  expect(await recordOf(harness)).toMatchObject({ trimmed: 4 });
  expect(eventsOf(harness, 'read_back')).toEqual(['read_back.missing', 'read_back.healed']);
  expect(readinessOf(harness.core, 'serving')).toMatchObject({ state: 'ready' });
  expect(await harness.ledger()).toMatchObject({ journaled: 30, confirmed: 30, unaccounted: 0 });
  expect((await harness.metrics.scrape()).text).toMatch(/^adcounter_read_back_failures_total 1$/m);
  await harness.stop();
});

test('one cell that went back to an older count is noticed', async () => {
  const harness = await CoreHarness.start();
  await harness.count('a0', 4);
  await harness.core.flush();
  const older = harness.rows.snapshot('counts');
  await harness.count('a0', 6);
  await harness.core.flush();
  harness.clock.pass(quarterMs);
  harness.rows.restore('counts', older);
  expect(await harness.stored('a0')).toBe(4);
  await harness.core.flush();
  expect(eventsOf(harness, 'read_back')).toEqual(['read_back.missing', 'read_back.healed']);
  expect(await harness.stored('a0')).toBe(10);
  await harness.stop();
});

test('masked puts are named, keep segment and watermark, and are not tried in each round', async () => {
  const harness = await afterAQuarter();
  harness.rows.deleteAll('counts');
  expect((await harness.core.flush()).outcome).toBe('error');
  expect(eventsOf(harness, 'read_back')).toEqual(['read_back.missing', 'read_back.masked']);
  expect(harness.core.rounds.inDoubt).toMatchObject([{ state: 'masked', looked: 3 }]);
  expect((await harness.metrics.scrape()).text).toMatch(/^adcounter_quarters_in_doubt 1$/m);
  const watermarkMs = (await recordOf(harness))?.watermarkMs;
  const puts = harness.rows.putsReceived;
  for (let i = 0; i < 5; i++) {
    harness.clock.pass(1_000);
    await harness.core.flush();
  }
  expect(harness.rows.putsReceived).toBe(puts);
  expect((await recordOf(harness))?.watermarkMs).toBe(watermarkMs);
  expect(eventsOf(harness, 'read_back')).toHaveLength(2);
  // Counting goes on, and later quarters are forgotten though this one stays.
  await harness.count('b', 5);
  harness.clock.pass(quarterMs);
  await harness.core.flush();
  expect(await harness.stored('b')).toBe(5);
  expect(harness.core.ingest.current?.counters.openCells).toBe(3);
  expect(await filesOf(harness)).not.toContain('aside');
  harness.rows.compact('counts');
  expect((await harness.core.flush({ setAside: true })).outcome).toBe('success');
  expect(await storedOf(harness)).toBe(30);
  expect(harness.core.rounds.inDoubt).toEqual([]);
  expect(await filesOf(harness)).toContain('aside');
  await harness.stop();
});

test('a store that cannot be read holds up no watermark; the segments stay', async () => {
  const harness = await afterAQuarter();
  harness.rows.failBefore = (operation, table) =>
    operation === 'scan' && table === 'counts' ? down() : undefined;
  expect((await harness.core.flush()).outcome).toBe('success');
  expect(await recordOf(harness)).toMatchObject({
    trimmed: 1,
    watermarkMs: harness.clock.wallMs(),
  });
  expect(await filesOf(harness)).not.toContain('aside');
  expect(eventsOf(harness, 'read_back')).toEqual(['read_back.unfinished']);
  expect(harness.core.rounds.inDoubt).toEqual([]);
  harness.rows.failBefore = undefined;
  harness.clock.pass(60_000);
  await harness.core.flush();
  expect(await recordOf(harness)).toMatchObject({ trimmed: 4 });
  await harness.stop();
});

test('a slow store holds up a round for a moment only', async () => {
  const harness = await afterAQuarter();
  const held = new Held();
  harness.rows.delay = async (operation, table) => {
    if (operation === 'scan' && table === 'counts') await held.passed;
  };
  const startedAt = performance.now();
  expect((await harness.core.flush()).outcome).toBe('success');
  expect(performance.now() - startedAt).toBeLessThan(2_500);
  expect(await recordOf(harness)).toMatchObject({ trimmed: 1 });
  held.letGo();
  harness.rows.delay = undefined;
  await harness.core.flush();
  expect(await recordOf(harness)).toMatchObject({ trimmed: 4 });
  await harness.stop();
});

test('a stop seals only what the store shows; the rest is put again by the next start', async () => {
  const harness = await CoreHarness.start();
  await harness.count('a0', 10);
  await harness.core.flush();
  harness.rows.truncate('counts');
  // Nothing is put any more: the process ends in the middle of it.
  harness.rows.failPut = () => down();
  expect(await harness.stop()).toBe(false);
  expect(await recordOf(harness)).toMatchObject({ state: 'open', trimmed: 1 });
  harness.rows.failPut = undefined;
  const { rows, clock, dataDir } = harness;
  const next = await CoreHarness.start({ rows, clock, dataDir });
  await next.core.recover();
  expect(await next.stored('a0')).toBe(10);
  const { entries } = await next.core.link.registry.readAll();
  const states = entries.map(({ record }) => record.state);
  expect(states.sort()).toEqual(['open', 'sealed']);
  await next.stop();
});

test('a stop heals what it finds missing, and seals', async () => {
  const harness = await CoreHarness.start();
  await harness.count('a0', 10);
  await harness.core.flush();
  harness.rows.truncate('counts');
  expect(await harness.stop()).toBe(true);
  expect(await harness.stored('a0')).toBe(10);
  expect(await recordOf(harness)).toMatchObject({ state: 'sealed' });
});

test('a look at a large quarter is bounded', async () => {
  const harness = await afterAQuarter(readBackCellsMax * 2);
  const scans = harness.rows.calls.scan;
  await harness.core.flush();
  const looked = harness.rows.calls.scan - scans;
  // Beside it a round reads the registry.
  expect(looked).toBeGreaterThanOrEqual(readBackCellsMax);
  expect(looked).toBeLessThan(readBackCellsMax + 10);
  await harness.stop();
});

test('a sample has the size that was asked, no number twice, and leaves none out for ever', () => {
  const seen = new Set<number>();
  for (let i = 0; i < 400; i++) {
    const sample = sampleBelow(20, 5);
    expect(new Set(sample).size).toBe(5);
    for (const number of sample) seen.add(number);
  }
  expect([...seen].sort((a, b) => a - b)).toEqual(Array.from({ length: 20 }, (_, i) => i));
  expect(sampleBelow(3, 5)).toEqual([0, 1, 2]);
});

test('of a dead writer nothing goes aside that the store confirms and does not show', async () => {
  const harness = await afterAQuarter();
  const dataDir = await harness.crashed();
  const { rows, clock } = harness;
  rows.deleteAll('counts');
  const next = await CoreHarness.start({ rows, clock, dataDir });
  expect(await next.core.recover()).toBe(false);
  const writer = harness.core.ingest.current?.writer ?? '';
  const finding = next.core.recovery.book.findings.find((each) => each.writer === writer);
  expect(finding).toMatchObject({ fate: 'masked', putCounts: 30 });
  expect(await readdir(path.join(dataDir, 'journal', writer))).not.toContain('aside');
  expect(readinessOf(next.core, 'serving').reasons).toEqual(['counts_missing']);
  // Reading its whole journal each round would cost others.
  const puts = rows.putsReceived;
  await next.core.recover();
  expect(rows.putsReceived).toBe(puts);
  rows.compact('counts');
  clock.pass(60_000);
  expect(await next.core.recover()).toBe(true);
  expect(await storedOf(next)).toBe(30);
  expect(await readdir(path.join(dataDir, 'journal', writer))).toContain('aside');
  expect(eventsOf(next, 'recovery.masked')).toHaveLength(1);
  expect(readinessOf(next.core, 'serving').state).toBe('ready');
  await next.stop();
});

test('a stop that cannot read back leaves its writer open', async () => {
  const harness = await CoreHarness.start();
  await harness.count('a0', 10);
  await harness.core.flush();
  harness.rows.failBefore = (operation, table) =>
    operation === 'scan' && table === 'counts' ? down() : undefined;
  expect(await harness.stop()).toBe(false);
  expect(await recordOf(harness)).toMatchObject({ state: 'open', position: 1, trimmed: 1 });
});
