// A core that counts into a real HBase while that goes away and comes back, until its memory is
// full: what an outage may last, and how much is asked of HBase afterwards.
import { expect } from '@jest/globals';
import { Core } from '../../src/core.ts';
import { silentObserver } from '../../src/hbase/observer.ts';
import { nodeDisk } from '../../src/journal/disk.ts';
import { hbaseMultiPutsMax } from '../../src/limits.ts';
import { Metrics } from '../../src/metrics.ts';
import { quarterMs, quarterOf, quarterStartMs } from '../../src/model/quarter.ts';
import { OutageBudget } from '../../src/outage-budget.ts';
import { StatusReport } from '../../src/status.ts';
import { CounterStore } from '../../src/store/counter-store.ts';
import { HBaseRowStore } from '../../src/store/hbase/hbase-row-store.ts';
import { eventOf, freshFolder, SteeredClock } from '../support/core-harness.ts';
import { until } from '../support/until.ts';
import { clientOptions, inTime } from './client-options.ts';

const memoryBytesMax = 24 * 2 ** 20;
const requestCells = 2_000;
const stepMs = 10_000;
const countingMs = 240_000;
const salts = 4;
const journalBytesMax = 2 ** 30;

export interface Counting {
  readonly core: Core;
  readonly rows: HBaseRowStore;
  readonly clock: SteeredClock;
  readonly report: StatusReport;
  /** That were answered or failed, since the outage began. */
  multis: number;
  /** Accepted, each of its own. */
  cells: number;
}

export async function countBefore(zookeeper: string): Promise<Counting> {
  const onCall = (method: string): void => {
    if (method === 'Multi') counting.multis++;
  };
  const rows = new HBaseRowStore({
    ...clientOptions(zookeeper),
    tablePrefix: 'through_',
    salts,
    retentionDays: 400,
    observer: { ...silentObserver, request: onCall },
  });
  await rows.createTables({ timeoutMs: 60_000 });
  await CounterStore.open(rows, { createIfMissing: true, salts }, { timeoutMs: 60_000 });
  const clock = new SteeredClock(quietMs());
  const core = await Core.start({
    rows,
    dataDir: await freshFolder(),
    disk: nodeDisk,
    clock,
    log: { info: () => undefined, warn: () => undefined, error: () => undefined },
    metrics: new Metrics({ version: 'test' }),
    memoryBytesMax,
    ballastBytesMax: 0,
    journalBytesMax,
    salts,
    retentionDays: 400,
    onBroken: (error) => {
      throw error;
    },
  });
  const { monotonicMs } = clock;
  const options = { core, version: 'test', flushSeconds: 30, journalBytesMax, monotonicMs };
  const report = new StatusReport(options);
  const counting: Counting = { core, rows, clock, report, multis: 0, cells: 0 };
  expect(core.ingest.current?.registered).toBe(true);
  await count(counting);
  expect((await core.flush()).outcome).toBe('success');
  return counting;
}

/** Near HBase's clock. No quarter ends while it counts: else no cell is there for the last one. */
function quietMs(): number {
  const nowMs = Date.now();
  return Math.min(nowMs, quarterStartMs(quarterOf(nowMs) + 1) - countingMs);
}

/** Until no new cell is let in: so long the budget falls, and then it is 0. */
export async function countWhileDown(counting: Counting): Promise<void> {
  const { core, clock } = counting;
  counting.multis = 0;
  const { monotonicMs } = clock;
  const budget = new OutageBudget({ core, journalBytesMax, share: 1, monotonicMs });
  const budgets: (number | null)[] = [];
  let refused: unknown;
  while (refused === undefined && counting.cells < 100_000) {
    clock.pass(stepMs);
    budget.sample();
    budgets.push(budget.seconds);
    refused = await count(counting).catch((thrown: unknown) => thrown);
  }
  expect(refused).toMatchObject({ reason: 'memory_full' });
  // The first one knows no rate yet.
  const known = budgets.slice(1);
  expect(known.length).toBeGreaterThan(5);
  expect(known).toEqual(known.toSorted((a, b) => (b ?? 0) - (a ?? 0)));
  expect(known[0]).toBeGreaterThan(2 * (stepMs / 1_000));
  expect(budget.seconds).toBe(0);
  // What counts in cells that are there goes on.
  await core.ingest.accept([eventOf('ad-0')], 'journal');
}

/** One round after the other until all is there; then memory is given back with the quarter. */
export async function countAfterwards(counting: Counting): Promise<void> {
  const { core, rows, clock, report } = counting;
  await until(async () => (await core.flush()).outcome === 'success', 60_000);
  expect(core.ingest.runs.map(({ counters }) => counters.unflushedCounts)).toEqual([0]);
  // From the kill on. Full memory asked for a round before HBase was back: it waits and tries
  // again, and each put arrives about once.
  expect(counting.multis).toBeGreaterThan(0);
  const needed = counting.cells / hbaseMultiPutsMax + salts;
  expect(counting.multis).toBeLessThanOrEqual(5 * needed);
  const all = { start: Buffer.alloc(0), stop: Buffer.from([0xff]) };
  const { cells } = await rows.scan('counts', all, () => undefined, inTime);
  expect(cells).toBe(counting.cells);
  clock.pass(quarterMs);
  await until(async () => {
    await core.flush();
    return core.ingest.cellBytes === 0;
  }, 60_000);
  expect(core.ingest.refusal).toBeUndefined();
  await count(counting);
  expect((await report.document())['outageBudgetSeconds']).not.toBe(0);
  expect(await core.stop(20_000)).toBe(true);
}

async function count(counting: Counting): Promise<undefined> {
  const from = counting.cells;
  const events = Array.from({ length: requestCells }, (_, i) => eventOf(`ad-${from + i}`));
  await counting.core.ingest.accept(events, 'journal');
  counting.cells += requestCells;
  return undefined;
}
