// Memory with the store down: requests are refused in time, as a whole, and go on by themselves.
import { afterAll, expect, test } from '@jest/globals';
import { HeapWatch } from '../../src/ingest/heap-watch.ts';
import { IngestRefused } from '../../src/ingest/accept.ts';
import { MemoryBound, memoryBytesMaxOf } from '../../src/ingest/memory-bound.ts';
import { heapShortMs, waitingEventBytes } from '../../src/limits.ts';
import { CounterError } from '../../src/model/errors.ts';
import { quarterMs } from '../../src/model/quarter.ts';
import { readinessOf } from '../../src/status.ts';
import { CoreHarness, eventOf, removeFolders } from '../support/core-harness.ts';

afterAll(removeFolders);

const maxBytes = 500_000;
const away = (): Error => new CounterError('STORE_UNAVAILABLE', 'retry');

/** Counts new ads until one is refused. Answers how many were counted. */
async function fill({ core }: CoreHarness, prefix: string): Promise<number> {
  for (let ads = 0; ads < 10_000; ads += 10) {
    const events = Array.from({ length: 10 }, (_, i) => eventOf(`${prefix}-${ads + i}`));
    const refusal = await core.ingest.accept(events, 'journal').then(
      () => undefined,
      (thrown: unknown) => thrown,
    );
    if (refusal === undefined) continue;
    expect(refusal).toMatchObject({ code: 'INGEST_REFUSED', reason: 'memory_full' });
    return ads;
  }
  throw new Error('memory has no end');
}

test('with the store down a full memory refuses new cells, counts on in known ones, loses none', async () => {
  const harness = await CoreHarness.start({ memoryBytesMax: maxBytes });
  const { core, clock, rows } = harness;
  rows.failBefore = away;
  const counted = await fill(harness, 'a');
  expect(counted).toBeGreaterThan(300);
  expect(core.memory.heldBytes(core.ingest.cellBytes)).toBeLessThanOrEqual(maxBytes);
  expect(core.memory.heldBytes(core.ingest.cellBytes)).toBeGreaterThan(
    maxBytes - 20 * waitingEventBytes,
  );

  await core.ingest.accept([eventOf('a-0', 5), eventOf('a-1', 7)], 'journal');
  // One new cell among known ones: nothing of the request counts.
  const mixed = core.ingest.accept([eventOf('a-0', 100), ...news(20)], 'journal');
  await expect(mixed).rejects.toBeInstanceOf(IngestRefused);
  // In the next quarter every cell is a new one.
  clock.pass(quarterMs);
  await expect(core.ingest.accept(news(20), 'journal')).rejects.toBeInstanceOf(IngestRefused);
  await core.flush();
  expect(core.ingest.cellBytes).toBeGreaterThan(maxBytes - 20 * waitingEventBytes);

  rows.failBefore = undefined;
  await core.flush();
  expect(core.ingest.cellBytes).toBe(0);
  await core.ingest.accept(news(20), 'journal');
  await core.flush();
  expect(await harness.stored('a-0')).toBe(6);
  expect(await harness.stored('a-1')).toBe(8);
  expect(await harness.stored(`a-${counted - 1}`)).toBe(1);
  expect(await harness.stored(`a-${counted}`)).toBe(0);
  expect(await harness.ledger()).toMatchObject({
    journaled: counted + 12 + 20,
    unflushed: 0,
    unaccounted: 0,
  });
  await harness.stop();
});

test('a short heap lets nothing in, says so, and asks for a flush now and then only', async () => {
  let isShort = false;
  const harness = await CoreHarness.start({ heapIsShort: () => isShort });
  const { core, clock } = harness;
  await harness.count('a', 1);
  isShort = true;
  const flushes = await flushesOf(harness);
  for (let i = 0; i < 50; i++) await expect(harness.count('a', 1)).rejects.toThrow('memory_full');
  expect(readinessOf(core, 'serving')).toEqual({ state: 'failing', reasons: ['memory_full'] });
  await core.rounds.flush();
  expect((await flushesOf(harness)) - flushes).toBeLessThanOrEqual(2);
  isShort = false;
  clock.pass(1);
  await harness.count('a', 10);
  await core.flush();
  expect(await harness.stored('a')).toBe(11);
  await harness.stop();
});

test('once full, there is room again only when an eighth of the bound is free', () => {
  const bound = new MemoryBound({ maxBytes: 800 });
  expect(bound.room(800)).toBe('ok');
  expect(bound.room(801)).toBe('full');
  expect(bound.room(701)).toBe('full');
  expect(bound.room(700)).toBe('ok');
  expect(bound.room(800)).toBe('ok');
});

test('what waits and what others hold is reckoned in', () => {
  let otherBytes = 0;
  const bound = new MemoryBound({ maxBytes: 100_000, otherBytes: () => otherBytes });
  const waiting = Math.floor(50_000 / waitingEventBytes);
  expect(bound.mayHold({ cellBytes: 50_000, waiting })).toBe(true);
  expect(bound.mayHold({ cellBytes: 50_000, waiting: waiting + 1 })).toBe(false);
  expect(bound.room(50_000)).toBe('ok');
  expect(bound.mayHold({ cellBytes: 95_000, waiting })).toBe(false);
  expect(bound.room(95_000)).toBe('full');
  expect(bound.room(50_000)).toBe('ok');
  otherBytes = 50_001;
  expect(bound.room(50_000)).toBe('full');
});

test('the bound never lies beyond what the heap of this process can hold', () => {
  const gib = 2 ** 30;
  expect(memoryBytesMaxOf(gib, 16 * gib)).toBe(gib);
  expect(memoryBytesMaxOf(6 * gib, 4 * gib)).toBeLessThan(3 * gib);
  expect(memoryBytesMaxOf(6 * gib, 200 * 2 ** 20)).toBeLessThan(100 * 2 ** 20);
  expect(memoryBytesMaxOf(6 * gib, 32 * 2 ** 20)).toBe(8 * 2 ** 20);
});

test('a heap is short when a full collection left little, for as long as that says something', () => {
  let nowMs = 0;
  const watch = new HeapWatch(() => nowMs);
  watch.collected(watch.limitBytes * 0.5);
  expect(watch.isShort).toBe(false);
  watch.collected(watch.limitBytes * 0.9);
  expect(watch.isShort).toBe(true);
  nowMs = heapShortMs + 1;
  expect(watch.isShort).toBe(false);
  watch.close();
});

function news(count: number): ReturnType<typeof eventOf>[] {
  return Array.from({ length: count }, (_, i) => eventOf(`new-${i}`));
}

async function flushesOf({ metrics }: CoreHarness): Promise<number> {
  const { text } = await metrics.scrape();
  const lines = text.matchAll(/^adcounter_flushes_total\{outcome="(?!skipped)\w+"\} (\d+)$/gm);
  return [...lines].reduce((sum, [, flushes]) => sum + Number(flushes), 0);
}
