import { beforeEach, expect, test } from '@jest/globals';
import { Counters } from '../../src/counters/counters.ts';
import { FlushRounds } from '../../src/flush/rounds.ts';
import type { FlushedWriter } from '../../src/flush/rounds.ts';
import { assert, AssertionError } from '../../src/model/assert.ts';
import { CounterError } from '../../src/model/errors.ts';
import type { FlushBoundary } from '../../src/model/flush-boundary.ts';
import { quarterOf } from '../../src/model/quarter.ts';
import type { WriterId } from '../../src/model/writer-id.ts';
import { CounterStore } from '../../src/store/counter-store.ts';
import { entriesIn, eventOf } from '../support/core-harness.ts';
import { MemoryRowStore } from '../support/memory-row-store.ts';
import { Held, until } from '../support/until.ts';

const startMs = 1_800_000_000_000;

class StubWriter implements FlushedWriter {
  readonly writer = '00000000000000a0' as WriterId;
  readonly counters = new Counters(this.writer);
  readonly published: FlushBoundary[] = [];
  registered = true;
  position = 0;
  publishing: () => Promise<void> = () => Promise.resolve();

  count(n: number): void {
    const stamp = { acceptMs: startMs, acceptanceQuarter: quarterOf(startMs) };
    this.counters.apply(this.counters.form([[eventOf('a', n)]], stamp), ++this.position);
  }

  boundary(): FlushBoundary {
    return { watermarkMs: startMs, position: this.position, isLast: false };
  }

  async publish(boundary: FlushBoundary): Promise<void> {
    await this.publishing();
    this.published.push(boundary);
  }
}

let rows: MemoryRowStore;
let writer: StubWriter;
let rounds: FlushRounds;
let prepare: () => Promise<void>;
const broken: Error[] = [];
let confirmed = 0;
let nowMs = 0;

beforeEach(async () => {
  rows = new MemoryRowStore();
  writer = new StubWriter();
  prepare = () => Promise.resolve();
  confirmed = 0;
  broken.length = 0;
  const store = await CounterStore.open(rows, { createIfMissing: true }, { timeoutMs: 1000 });
  rounds = new FlushRounds({
    store: () => store,
    writers: () => [writer],
    prepare: () => prepare(),
    metrics: {
      flushDone: () => undefined,
      ledgerConfirmed: (counts) => {
        confirmed += counts;
      },
    },
    log: { info: () => undefined, warn: () => undefined, error: () => undefined },
    wallMs: () => startMs,
    monotonicMs: () => nowMs,
    onBroken: (error) => broken.push(error),
  });
});

async function storedCount(): Promise<number> {
  const entries = await entriesIn(rows, 'a');
  return entries.reduce((sum, { counts }) => sum + (counts[1] ?? 0), 0);
}

test('rounds never overlap; whoever asks during one gets one that began after he asked', async () => {
  const held = new Held();
  let running = 0;
  let most = 0;
  let puts = 0;
  rows.delay = async (operation) => {
    if (operation !== 'put') return;
    most = Math.max(most, ++running);
    if (puts++ === 0) await held.passed;
    running--;
  };
  writer.count(1);
  const first = rounds.flush();
  await until(() => puts === 1, 1000);
  writer.count(2);
  const asked = [rounds.flush(), rounds.flush(), rounds.flush()];
  held.letGo();
  expect((await first).cells).toBe(1);
  const reports = await Promise.all(asked);
  expect(new Set(reports).size).toBe(1);
  expect(await storedCount()).toBe(3);
  expect(puts).toBe(2);
  expect(most).toBe(1);
});

test('exactly what was sent is confirmed, not what was counted meanwhile', async () => {
  writer.count(1);
  rows.delay = async (operation) => {
    if (operation === 'put') writer.count(10);
    await Promise.resolve();
  };
  await rounds.flush();
  expect(confirmed).toBe(1);
  expect(writer.counters.unflushedCounts).toBe(10);
  // Position 2 was not in the copy: the boundary is from before it.
  expect(writer.published).toEqual([{ watermarkMs: startMs, position: 1, isLast: false }]);
});

test('nothing is published while a single cell is not confirmed', async () => {
  writer.count(1);
  rows.failPut = () => new CounterError('BUSY', 'throttle');
  expect((await rounds.flush()).outcome).toBe('error');
  expect(writer.published).toEqual([]);
  rows.failPut = undefined;
  expect((await rounds.flush()).outcome).toBe('success');
  expect(writer.published).toHaveLength(1);
});

test('an empty round succeeds and publishes: time goes on without events', async () => {
  expect(await rounds.flush()).toMatchObject({ outcome: 'success', cells: 0 });
  expect(writer.published).toHaveLength(1);
});

test('a writer that is not registered is no success: its cells cannot be put', async () => {
  writer.registered = false;
  writer.count(1);
  expect((await rounds.flush()).outcome).toBe('error');
  expect(await storedCount()).toBe(0);
});

test('a store out of reach is an error, and the next round goes on as if nothing was', async () => {
  writer.count(1);
  prepare = () => Promise.reject(new CounterError('STORE_UNAVAILABLE', 'retry'));
  expect((await rounds.flush()).outcome).toBe('error');
  prepare = () => Promise.resolve();
  expect((await rounds.flush()).outcome).toBe('success');
  expect(await storedCount()).toBe(1);
});

test('a registry that fails after the puts is partial: the cells are confirmed all the same', async () => {
  writer.count(1);
  writer.publishing = () => Promise.reject(new CounterError('REGISTRY_BUSY', 'retry'));
  expect((await rounds.flush()).outcome).toBe('partial');
  expect(confirmed).toBe(1);
  expect(broken).toEqual([]);
});

test('a broken promise of our own is told: the process must stop', async () => {
  writer.publishing = async () => {
    await Promise.resolve();
    assert(false, 'never');
  };
  await rounds.flush();
  expect(broken[0]).toBeInstanceOf(AssertionError);
});
