// An acknowledgement that waits for the store: what it promises, what it shares with others, and
// what a client is told when the store does not confirm in time.
import { afterAll, expect, test } from '@jest/globals';
import { expeditedCellsMax } from '../../src/limits.ts';
import { CounterError } from '../../src/model/errors.ts';
import type { AcceptResult } from '../../src/ingest/accept.ts';
import { MemoryRowStore } from '../support/memory-row-store.ts';
import { CoreHarness, eventOf, removeFolders } from '../support/core-harness.ts';
import { Held, until } from '../support/until.ts';

afterAll(removeFolders);

const down = (): Error => new CounterError('STORE_DOWN', 'retry');

function countInStore(harness: CoreHarness, ad: string, n = 1): Promise<AcceptResult> {
  return harness.core.ingest.accept([eventOf(ad, n)], 'store');
}

async function metric(harness: CoreHarness, series: string): Promise<number> {
  const { text } = await harness.metrics.scrape();
  const line = text.split('\n').find((each) => each.startsWith(`adcounter_${series} `));
  return Number(line?.split(' ').at(-1));
}

test('an acknowledgement of the store comes when it has the counts, without a round', async () => {
  const harness = await CoreHarness.start();
  const watermark = harness.core.ingest.current?.chain?.record?.watermarkMs;
  expect((await countInStore(harness, 'a', 3)).acknowledged).toBe('store');
  expect(await harness.stored('a')).toBe(3);
  expect((await countInStore(harness, 'a', 4)).acknowledged).toBe('store');
  expect(await harness.stored('a')).toBe(7);
  expect(await harness.ledger()).toMatchObject({ confirmed: 7, unflushed: 0, unaccounted: 0 });
  expect(harness.core.ingest.current?.chain?.record?.watermarkMs).toBe(watermark);
  expect(await metric(harness, 'dirty_cells')).toBe(0);
  expect((await harness.core.flush()).cells).toBe(0);
  expect(await metric(harness, 'store_acknowledgements_total{result="confirmed"}')).toBe(2);
  await harness.stop();
});

test('only the cells of who waits are put: the others are the business of a round', async () => {
  const harness = await CoreHarness.start();
  await Promise.all(Array.from({ length: 500 }, (_, i) => harness.count(`ad-${i}`)));
  const before = harness.rows.putsReceived;
  await countInStore(harness, 'a');
  expect(harness.rows.putsReceived - before).toBe(1);
  expect((await harness.core.flush()).cells).toBe(500);
  expect(await harness.ledger()).toMatchObject({ confirmed: 501, unaccounted: 0 });
  await harness.stop();
});

test('what comes while one flush is under way goes together in the next', async () => {
  const harness = await CoreHarness.start();
  const held = new Held();
  let puts = 0;
  harness.rows.delay = async (operation) => {
    if (operation === 'put' && puts++ === 0) await held.passed;
  };
  const first = countInStore(harness, 'a');
  await until(() => puts === 1, 5000);
  const others = Array.from({ length: 256 }, (_, i) => countInStore(harness, `ad-${i % 64}`));
  await until(() => harness.core.ingest.runs[0]?.counters.openCells === 65, 5000);
  held.letGo();
  const results = await Promise.all([first, ...others]);
  expect(new Set(results.map(({ acknowledged }) => acknowledged))).toEqual(new Set(['store']));
  expect(puts).toBeLessThanOrEqual(3);
  expect(await metric(harness, 'unaccounted_counts')).toBe(0);
  await harness.stop();
});

test('what is counted while its put is on the way is not confirmed by it', async () => {
  const harness = await CoreHarness.start();
  const held = new Held();
  let puts = 0;
  harness.rows.delay = async (operation) => {
    if (operation === 'put' && puts++ === 0) await held.passed;
  };
  const first = countInStore(harness, 'a', 1);
  await until(() => puts === 1, 5000);
  await harness.count('a', 10);
  held.letGo();
  await first;
  expect(await harness.ledger()).toMatchObject({ confirmed: 1, unflushed: 10, unaccounted: 0 });
  await harness.core.flush();
  expect(await harness.stored('a')).toBe(11);
  await harness.stop();
});

test('beside a round that is under way it is neither held up nor counted twice', async () => {
  const harness = await CoreHarness.start();
  const held = new Held();
  let puts = 0;
  harness.rows.delay = async (operation) => {
    if (operation === 'put' && puts++ === 0) await held.passed;
  };
  await harness.count('a', 5);
  const round = harness.core.rounds.flush();
  await until(() => puts === 1, 5000);
  expect((await countInStore(harness, 'a', 2)).acknowledged).toBe('store');
  expect(await harness.stored('a')).toBe(7);
  held.letGo();
  await round;
  expect(await harness.stored('a')).toBe(7);
  expect(await harness.ledger()).toMatchObject({ confirmed: 7, unflushed: 0, unaccounted: 0 });
  await harness.stop();
});

test('the store away: the journal holds it, the answer says so, and it is counted later', async () => {
  const rows = new MemoryRowStore();
  const harness = await CoreHarness.start({ rows });
  rows.failBefore = down;
  const results = [countInStore(harness, 'a', 3), countInStore(harness, 'b', 4)];
  expect((await Promise.all(results)).map(({ acknowledged }) => acknowledged)).toEqual([
    'journal',
    'journal',
  ]);
  expect(await metric(harness, 'store_acknowledgements_total{result="late"}')).toBe(2);
  // It is known to be away: one that waits tries, the others are told at once.
  const trying = countInStore(harness, 'c', 1);
  await until(() => harness.core.ingest.runs[0]?.counters.openCells === 3, 5000);
  const startedMs = performance.now();
  expect((await countInStore(harness, 'd', 1)).acknowledged).toBe('journal');
  expect(performance.now() - startedMs).toBeLessThan(4000);
  rows.failBefore = undefined;
  expect((await trying).acknowledged).toBe('store');
  expect((await harness.core.flush()).outcome).toBe('success');
  expect([await harness.stored('a'), await harness.stored('d')]).toEqual([3, 1]);
  expect(await harness.ledger()).toMatchObject({ confirmed: 9, unaccounted: 0 });
  await harness.stop();
}, 30_000);

test('a lost reply is no confirmation: it is put again, and counts once', async () => {
  const harness = await CoreHarness.start();
  let lost = 0;
  harness.rows.failAfter = (operation) =>
    operation === 'put' && lost++ === 0 ? down() : undefined;
  expect((await countInStore(harness, 'a', 3)).acknowledged).toBe('store');
  expect(lost).toBe(2);
  expect(await harness.stored('a')).toBe(3);
  await harness.stop();
});

test('an identity that the store does not know yet is registered first', async () => {
  const harness = await CoreHarness.start();
  await harness.core.ingest.replaceRun('clock_leapt');
  expect(harness.core.ingest.current?.registered).toBe(false);
  expect((await countInStore(harness, 'a', 3)).acknowledged).toBe('store');
  expect(harness.core.ingest.current?.registered).toBe(true);
  expect(await harness.stored('a')).toBe(3);
  await harness.stop();
});

test('a flush is bounded: a crowd of large requests goes in several', async () => {
  const harness = await CoreHarness.start();
  const requests = Array.from({ length: 5 }, (_, i) =>
    Array.from({ length: 8000 }, (_event, j) => eventOf(`ad-${i}-${j}`)),
  );
  let largest = 0;
  let before = harness.rows.putsReceived;
  harness.rows.delay = async (operation) => {
    if (operation !== 'put') return;
    largest = Math.max(largest, harness.rows.putsReceived - before);
    before = harness.rows.putsReceived;
    await Promise.resolve();
  };
  const answers = requests.map((events) => harness.core.ingest.accept(events, 'store'));
  for (const { acknowledged } of await Promise.all(answers)) expect(acknowledged).toBe('store');
  expect(largest).toBeLessThanOrEqual(expeditedCellsMax);
  expect(await metric(harness, 'expedited_flushes_total{outcome="success"}')).toBeGreaterThan(1);
  expect(await harness.ledger()).toMatchObject({ confirmed: 40_000, unaccounted: 0 });
  await harness.stop();
}, 30_000);
