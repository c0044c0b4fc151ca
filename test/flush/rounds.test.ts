import { beforeEach, expect, test } from '@jest/globals';
import { Counters } from '../../src/counters/counters.ts';
import { FlushRounds } from '../../src/flush/rounds.ts';
import type { FlushedWriter } from '../../src/flush/rounds.ts';
import { flushCellsPerLook, flushSliceMs } from '../../src/limits.ts';
import { assert, AssertionError } from '../../src/model/assert.ts';
import { CounterError } from '../../src/model/errors.ts';
import type { SiteId } from '../../src/model/cell.ts';
import type { FlushBoundary } from '../../src/model/flush-boundary.ts';
import { quarterMs, quarterOf } from '../../src/model/quarter.ts';
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

  count(n: number, ad = 'a', cells = 1): void {
    const stamp = { acceptMs: startMs, acceptanceQuarter: quarterOf(startMs) };
    const events = Array.from({ length: cells }, (_, i) =>
      eventOf(ad, n, { site: `s${i}` as SiteId }),
    );
    this.counters.apply(this.counters.form([events], stamp), ++this.position);
  }

  boundary(): FlushBoundary {
    return { watermarkMs: startMs, position: this.position, isLast: false };
  }

  shownLife = 0;
  showLife(): Promise<void> {
    this.shownLife++;
    return Promise.resolve();
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
const logged: { name: string; fields: Readonly<Record<string, unknown>> }[] = [];
let confirmed = 0;
let nowMs = 0;
let onConfirmed: () => void;

beforeEach(async () => {
  rows = new MemoryRowStore();
  writer = new StubWriter();
  prepare = () => Promise.resolve();
  confirmed = 0;
  broken.length = 0;
  logged.length = 0;
  onConfirmed = () => undefined;
  nowMs = 0;
  const store = await CounterStore.open(rows, { createIfMissing: true }, { timeoutMs: 1000 });
  rounds = new FlushRounds({
    store: () => store,
    writers: () => [writer],
    prepare: () => prepare(),
    metrics: {
      readBackFailed: () => undefined,
      flushDone: () => undefined,
      ledgerConfirmed: (counts) => {
        confirmed += counts;
        onConfirmed();
      },
    },
    log: {
      info: () => undefined,
      warn: () => undefined,
      error: (name, _what, fields = {}) => logged.push({ name, fields }),
    },
    wallMs: () => startMs,
    monotonicMs: () => nowMs,
    retentionDays: 400,
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

test('nothing is published while a single cell is not confirmed, but that it lives', async () => {
  writer.count(1);
  rows.failPut = () => new CounterError('BUSY', 'throttle');
  expect((await rounds.flush()).outcome).toBe('error');
  expect(writer).toMatchObject({ published: [], shownLife: 1 });
  rows.failPut = undefined;
  expect((await rounds.flush()).outcome).toBe('success');
  expect(writer.published).toHaveLength(1);
  expect(writer.shownLife).toBe(1);
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

/** The store refuses the cells of one ad for good, whatever batch they come in. */
function refuse(ad: string): { readonly tried: () => number } {
  let tried = 0;
  const refusal = new CounterError('STORE_REFUSED', 'give-up', { detail: 'too far ahead' });
  const put = rows.put.bind(rows);
  rows.put = (table, batch, options) => {
    rows.failPut = (_, i) => {
      if (!batch.at(i).row.includes(`${ad}\0`)) return undefined;
      tried++;
      return refusal;
    };
    return put(table, batch, options);
  };
  return { tried: () => tried };
}

function refuseNothing(): void {
  rows.put = MemoryRowStore.prototype.put.bind(rows);
  rows.failPut = undefined;
}

test('of 10,000 cells one is refused: 9,999 arrive, it is named and holds the watermark', async () => {
  refuse('poison');
  writer.count(1, 'a', 9_999);
  writer.count(7, 'poison');
  const report = await rounds.flush();
  expect(report).toMatchObject({ outcome: 'partial', cells: 9_999, othersArrived: true });
  expect(rows.cellsIn('counts')).toBe(9_999);
  expect([confirmed, writer.counters.unflushedCounts]).toEqual([9_999, 7]);
  expect(writer.published).toEqual([]);
  const quarter = new Date(quarterOf(startMs) * quarterMs).toISOString();
  const reason = 'STORE_REFUSED: too far ahead';
  const examples = [{ ad: 'poison', site: 's0', quarter, reason }];
  expect(logged).toEqual([{ name: 'flush.set_aside', fields: { cells: 1, newly: 1, examples } }]);
});

test('what is set aside is tried behind the others, less and less often', async () => {
  const poison = refuse('poison');
  writer.count(1, 'poison');
  await rounds.flush();
  const tries: number[] = [];
  for (let i = 0; i < 60; i++) {
    nowMs += 30_000;
    writer.count(1);
    writer.count(1, 'poison');
    const before = poison.tried();
    expect(await rounds.flush()).toMatchObject({ cells: 1, othersArrived: true });
    if (poison.tried() > before) tries.push(i);
  }
  // At once, after half a minute, one, two, four, and then every five minutes.
  expect(tries.slice(0, 7)).toEqual([0, 1, 3, 7, 15, 25, 35]);
  expect(logged).toHaveLength(1);
  expect(writer.published).toEqual([]);
});

test('who asks for it has it tried at once; when the cause is gone the watermark moves', async () => {
  refuse('poison');
  writer.count(1, 'poison');
  await rounds.flush();
  await rounds.flush({ setAside: true });
  await rounds.flush();
  refuseNothing();
  writer.count(2, 'poison');
  expect(await rounds.flush()).toMatchObject({ outcome: 'partial', cells: 0 });
  expect(await rounds.flush({ setAside: true })).toMatchObject({ outcome: 'success', cells: 1 });
  expect([confirmed, writer.counters.asideCells]).toEqual([3, 0]);
  expect(writer.published).toHaveLength(1);
});

test('a put that our own mistake ends leaves every cell dirty, to be sent again', async () => {
  writer.count(3);
  rows.put = () => {
    throw new AssertionError('never');
  };
  expect((await rounds.flush()).outcome).toBe('error');
  expect(broken).toHaveLength(1);
  refuseNothing();
  expect((await rounds.flush()).outcome).toBe('success');
  expect(confirmed).toBe(3);
});

test('in the middle of a round the book balances, and others have their turns', async () => {
  const cells = 4 * flushCellsPerLook;
  // Every step takes as long as a slice may.
  onConfirmed = () => {
    const startedMs = performance.now();
    while (performance.now() - startedMs < flushSliceMs);
  };
  writer.count(1, 'a', cells);
  let running = true;
  let unbalanced = 0;
  let midway = 0;
  const look = (): void => {
    if (confirmed + writer.counters.unflushedCounts !== counted) unbalanced++;
    if (confirmed > 0 && confirmed < cells) midway++;
    writer.count(1, 'b', 10);
    counted += 10;
    if (running) setImmediate(look);
  };
  let counted = cells;
  setImmediate(look);
  expect((await rounds.flush()).cells).toBeGreaterThanOrEqual(cells);
  running = false;
  expect(unbalanced).toBe(0);
  expect(midway).toBeGreaterThanOrEqual(3);
});
