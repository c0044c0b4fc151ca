// What several workers are together: numbers added up or compared as each one's meaning asks for,
// totals that outlive a worker, and a channel on which no question stays without an end.
import { expect, test } from '@jest/globals';
import { MetricsTogether } from '../../src/metrics-together.ts';
import { Metrics } from '../../src/metrics.ts';
import { Channel } from '../../src/workers/channel.ts';
import { flushTogether, readinessTogether, statusTogether } from '../../src/workers/sums.ts';

function valueIn(text: string, series: string): number {
  const line = text.split('\n').find((each) => each.startsWith(`adcounter_${series} `));
  return Number(line?.split(' ')[1] ?? Number.NaN);
}

function namesIn(scrape: string): string[] {
  return [...scrape.matchAll(/^# TYPE (\S+) /gm)].map(([, name = '']) => name).toSorted();
}

/** Counts so many, knows this moment of a flush, and has so many cells. */
function metricsOf(counted: number, flushedMs: number, openCells: number): Metrics {
  const metrics = new Metrics({ version: 'test', nowMs: () => flushedMs });
  metrics.events('impressions', 'counted', counted);
  metrics.journalSync(0.001);
  metrics.flushDone({ outcome: 'success', seconds: 0.1, cells: 1 });
  metrics.storeUp(counted !== 5);
  metrics.observe({
    openCells: () => openCells,
    dirtyCells: () => 0,
    memoryBytes: () => 0,
    journalBytes: () => 0,
    dataDirFreeBytes: () => 0,
    cellsSetAside: () => 0,
    quartersInDoubt: () => 0,
    ledgerUnflushed: () => 0,
    completeThroughSeconds: () => 1,
    writersByState: () => ({ open: 3, dead: 0, sealed: 1, lost: 0, unreadable: 0 }),
    writersBegunWithinHour: () => 3,
    clockSkewSeconds: () => 0,
    flushIntervalSeconds: () => 30,
  });
  return metrics;
}

test('each metric is put together as its definition says', async () => {
  const together = new MetricsTogether();
  const primary = new Metrics({ version: 'test' });
  primary.workers({ starting: 0, serving: 2, stopping: 0, waiting: 1 });
  primary.workerCrashed();
  const parts = [await metricsOf(5, 7000, 10).part(), await metricsOf(8, 9000, 20).part()];
  const text = await together.text(await primary.part(), parts);
  expect(valueIn(text, 'events_total{measure="impressions",result="counted"}')).toBe(13);
  expect(valueIn(text, 'journal_sync_duration_seconds_count')).toBe(2);
  expect(valueIn(text, 'flush_last_success_timestamp_seconds')).toBe(7);
  expect(valueIn(text, 'open_cells')).toBe(30);
  expect(valueIn(text, 'store_up')).toBe(0);
  expect(valueIn(text, 'writers{state="open"}')).toBe(3);
  expect(valueIn(text, 'flush_interval_seconds')).toBe(30);
  expect(valueIn(text, 'workers{state="serving"}')).toBe(2);
  expect(valueIn(text, 'worker_crashes_total')).toBe(1);
  expect(text).toContain('adcounter_build_info{');
});

test('a scrape tells every metric that one process tells, but what has no sense together', async () => {
  const metrics = metricsOf(5, 7000, 10);
  metrics.observeProcess();
  const primary = await new Metrics({ version: 'test' }).part();
  const alone = await metrics.scrape();
  const text = await new MetricsTogether().text(primary, [await metrics.part()]);
  expect(namesIn(text)).toEqual(namesIn(alone.text));
  expect(text).toMatch(/^process_start_time_seconds \d+/m);
});

test('totals of a worker that ended stay, its gauges go', async () => {
  const together = new MetricsTogether();
  const primary = await new Metrics({ version: 'test' }).part();
  const [first, second] = [metricsOf(5, 7000, 10), metricsOf(8, 9000, 20)];
  together.retire(await first.part());
  together.retire(await metricsOf(100, 1000, 1000).part());
  const text = await together.text(primary, [await second.part()]);
  expect(valueIn(text, 'events_total{measure="impressions",result="counted"}')).toBe(113);
  expect(valueIn(text, 'journal_sync_duration_seconds_count')).toBe(3);
  expect(valueIn(text, 'journal_sync_duration_seconds_bucket{le="+Inf"}')).toBe(3);
  expect(valueIn(text, 'open_cells')).toBe(20);
  expect(valueIn(text, 'flush_last_success_timestamp_seconds')).toBe(9);
});

test('however many end, and whenever one asks, each is told once', async () => {
  const together = new MetricsTogether();
  const primary = await new Metrics({ version: 'test' }).part();
  const part = await metricsOf(1, 7000, 10).part();
  const texts: Promise<string>[] = [];
  for (let ended = 0; ended < 40; ended++) {
    together.retire(part);
    texts.push(together.text(primary, []));
    if (ended % 3 === 0) await new Promise(setImmediate);
  }
  const series = 'events_total{measure="impressions",result="counted"}';
  const counted = (await Promise.all(texts)).map((text) => valueIn(text, series));
  expect(counted).toEqual(Array.from({ length: 40 }, (_, i) => i + 1));
});

test('together they are as ready as the least of them', () => {
  const ready = { state: 'ready' as const, reasons: [] };
  const degraded = { state: 'degraded' as const, reasons: ['store_unreachable'] };
  const failing = { state: 'failing' as const, reasons: ['disk_full'] };
  expect(readinessTogether([ready, ready], 2)).toEqual({ state: 'ready', reasons: [] });
  expect(readinessTogether([ready], 2)).toEqual({
    state: 'degraded',
    reasons: ['workers_missing'],
  });
  expect(readinessTogether([degraded, degraded], 2)).toEqual(degraded);
  expect(readinessTogether([ready, failing], 2)).toEqual(failing);
  expect(readinessTogether([], 2).state).toBe('starting');
});

test('a flush of all is as good as the worst of them', () => {
  const one = { outcome: 'success' as const, cells: 3, ms: 5, completeThroughMs: 100 };
  expect(flushTogether([one, { ...one, ms: 9, completeThroughMs: 200 }])).toEqual({
    outcome: 'success',
    cells: 6,
    ms: 9,
    completeThroughMs: 200,
  });
  expect(flushTogether([one, { ...one, outcome: 'error', cells: 0 }]).outcome).toBe('partial');
  const nothing = { ...one, outcome: 'error' as const, cells: 0, completeThroughMs: null };
  expect(flushTogether([nothing, nothing])).toMatchObject({
    outcome: 'error',
    completeThroughMs: null,
  });
});

test('a status adds up numbers and keeps the worst of what cannot be added', () => {
  const one = {
    version: '1',
    store: { kind: 'hbase', up: true, refusal: null },
    writer: 'a0',
    writersAsOf: 'last round',
    unflushed: { counts: 3, cells: 2 },
    memory: { bytes: 10, max: 100 },
    setAside: { cells: 1, examples: [{ ad: 'a' }] },
    readBack: { inDoubt: [{ state: 'masked' }] },
    lastFlush: { at: '2026-01-02T00:00:00.000Z' },
    journal: { bytes: 5, refusal: null },
    outageBudgetSeconds: 60,
    clockSkewSeconds: 0.5,
  };
  const other = {
    ...one,
    store: { kind: 'hbase', up: false, refusal: null },
    writersAsOf: 'now',
    lastFlush: { at: '2026-01-01T00:00:00.000Z' },
    journal: { bytes: 6, refusal: 'disk_full' },
    outageBudgetSeconds: 20,
    clockSkewSeconds: -2,
  };
  const together = statusTogether([one, other], [{ worker: 1 }, { worker: 2 }]);
  expect(together).toMatchObject({
    store: { up: false },
    writersAsOf: 'now',
    unflushed: { counts: 6, cells: 4 },
    setAside: { cells: 2, examples: [{ ad: 'a' }, { ad: 'a' }] },
    readBack: { inDoubt: [{ state: 'masked' }, { state: 'masked' }] },
    lastFlush: { at: '2026-01-01T00:00:00.000Z' },
    journal: { bytes: 11, refusal: 'disk_full' },
    outageBudgetSeconds: 20,
    clockSkewSeconds: -2,
    workers: [{ worker: 1 }, { worker: 2 }],
  });
  expect(together).not.toHaveProperty('writer');
});

test('every question has an end: an answer, a failure, silence, or the end of the other', async () => {
  const ends: Channel[] = [];
  const channelTo = (other: number, answers: ConstructorParameters<typeof Channel>[1]): Channel =>
    // As it goes through a pipe between processes.
    new Channel((message) => {
      const sent: unknown = JSON.parse(JSON.stringify(message));
      setImmediate(() => ends[other]?.receive(sent));
    }, answers);
  const asker = channelTo(1, {});
  const answerer = channelTo(0, {
    double: (detail) => Promise.resolve(2 * (detail as number)),
    fail: () => Promise.reject(new Error('no')),
    never: () => new Promise(() => undefined),
  });
  ends.push(asker, answerer);
  expect(await asker.ask('double', 21, 5000)).toBe(42);
  await expect(asker.ask('fail', undefined, 5000)).rejects.toThrow('no');
  await expect(asker.ask('nonsense', undefined, 5000)).rejects.toMatchObject({
    code: 'WORKER_FAILED',
  });
  await expect(asker.ask('never', undefined, 20)).rejects.toMatchObject({ code: 'WORKER_SILENT' });
  const waiting = asker.ask('never', undefined, 60_000);
  asker.close();
  await expect(waiting).rejects.toMatchObject({ code: 'WORKER_GONE' });
  await expect(asker.ask('double', 1, 5000)).rejects.toMatchObject({ code: 'WORKER_GONE' });
  asker.receive('what node sends of its own');
  asker.receive({ cmd: 'NODE_CLUSTER' });
});
