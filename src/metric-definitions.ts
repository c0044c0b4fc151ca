// Owns the names, kinds, help texts and label values of all metrics, as data for metrics.ts.
// Promises that every gauge says what the workers of one machine are together (`aggregator`).
// Never counts anything itself.
import { Counter, Gauge, Histogram, type Aggregator, type Registry } from 'prom-client';

export const eventResults = ['counted', 'filtered', 'duplicate', 'rejected', 'pending'] as const;
export const rejectReasons = [
  'ad_missing',
  'ad_invalid',
  'site_missing',
  'site_invalid',
  'n_invalid',
  'ts_invalid',
  'stale',
  'future',
  'id_invalid',
  'id_reused',
  'not_json',
  'cell_full',
] as const;
export const flushOutcomes = ['success', 'partial', 'error', 'skipped'] as const;
export const expeditedOutcomes = ['success', 'partial', 'error'] as const;
export const storeAckResults = ['confirmed', 'late'] as const;
export const journalErrorKinds = ['write', 'sync', 'torn', 'corrupt'] as const;
/** The calls that every service makes; others appear with their first. */
export const storeOperations = ['multi', 'mutate', 'scan', 'get'] as const;
export const storeOutcomes = ['success', 'error'] as const;
/** `dead`: open for the registry, and silent for minutes; `unreadable`: nobody can tell. */
export const writerStates = ['open', 'dead', 'sealed', 'lost', 'unreadable'] as const;
export const workerStates = ['starting', 'serving', 'stopping', 'waiting'] as const;
export const jobNames = ['aside', 'recover'] as const;
export const ledgerStates = [
  'journaled',
  'confirmed',
  'unflushed',
  'waiting',
  'duplicate',
] as const;

export type EventResult = (typeof eventResults)[number];
export type FlushOutcome = (typeof flushOutcomes)[number];
export type ExpeditedOutcome = (typeof expeditedOutcomes)[number];
export type StoreAckResult = (typeof storeAckResults)[number];
export type JournalErrorKind = (typeof journalErrorKinds)[number];
export type StoreOutcome = (typeof storeOutcomes)[number];
export type WriterState = (typeof writerStates)[number];
export type WorkerState = (typeof workerStates)[number];
export type JobName = (typeof jobNames)[number];

/** What every service answers sooner or later; other codes appear with their first answer. */
export const requestsForeseen = [
  ...['/v1/impressions', '/v1/clicks'].flatMap((route) =>
    ['202', '400', '413', '422', '429', '503'].map((code) => ({ method: 'POST', route, code })),
  ),
  ...['200', '400', '503'].map((code) => ({ method: 'GET', route: '/v1/pixel.gif', code })),
  ...['/v1/ads', '/v1/ads/{ad}', '/v1/ads/{ad}/sites', '/v1/ads/{ad}/sites/{site}'].flatMap(
    (route) => ['200', '400', '503'].map((code) => ({ method: 'GET', route, code })),
  ),
  { method: 'POST', route: '/v1/flush', code: '200' },
  ...['/v1/status', '/livez', '/readyz', '/metrics'].map((route) => ({
    method: 'GET',
    route,
    code: '200',
  })),
] as const;

const flushSecondsBuckets = [0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30];
const flushCellsBuckets = [1, 10, 100, 1_000, 10_000, 100_000, 1_000_000];
const syncSecondsBuckets = [0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.5, 1, 5];
const storeSecondsBuckets = [0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.5, 1, 5, 10];
const httpSecondsBuckets = [0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.5, 1, 5, 10];

/** Every metric that is ours, by the name that metrics.ts gives it. */
export function registerMetrics(registry: Registry) {
  const make = makerOf(registry);
  return { ...countingMetrics(make), ...flushingMetrics(make), ...servingMetrics(make) };
}

type Make = ReturnType<typeof makerOf>;

function makerOf(registry: Registry) {
  const named = <Label extends string>(name: string, help: string, labelNames: Label[]) => ({
    name: `adcounter_${name}`,
    help,
    labelNames,
    registers: [registry],
  });
  return {
    counter: <Label extends string = never>(name: string, help: string, labels: Label[] = []) =>
      new Counter(named(name, help, labels)),
    histogram: <Label extends string = never>(
      name: string,
      buckets: number[],
      help: string,
      labels: Label[] = [],
    ) => new Histogram({ ...named(name, help, labels), buckets }),
    /** Moments are the least of all workers, so that one that hangs is seen. */
    gauge: <Label extends string = never>(
      name: string,
      aggregator: Aggregator,
      help: string,
      labels: Label[] = [],
    ) => new Gauge({ ...named(name, help, labels), aggregator }),
  };
}

function countingMetrics({ counter, gauge }: Make) {
  return {
    events: counter('events_total', 'Events by what became of them', ['measure', 'result']),
    filtered: counter(
      'events_filtered_total',
      'Events kept apart from the counted ones, by reason',
      ['measure', 'reason'],
    ),
    rejected: counter('events_rejected_total', 'Events that were refused, by reason', ['reason']),
    unknownFields: counter('unknown_fields_total', 'Fields of events that nobody knows; ignored'),
    newCellsRefused: counter(
      'new_cells_refused_total',
      'Events refused because their key opened too many new cells',
    ),
    ledger: gauge(
      'ledger_counts',
      'sum',
      'Counts by where they are, each state added up at its own place since the start',
      ['state'],
    ),
    unaccounted: gauge(
      'unaccounted_counts',
      'sum',
      'journaled - confirmed - unflushed - waiting - duplicate; anything but 0 is a defect',
    ),
    openCells: gauge('open_cells', 'sum', 'Cells in memory'),
    dirtyCells: gauge('dirty_cells', 'sum', 'Cells with counts that the store has not confirmed'),
    memoryBytes: gauge('memory_bytes', 'sum', 'Estimated memory of the cells'),
  };
}

function flushingMetrics({ counter, gauge, histogram }: Make) {
  return {
    flushes: counter('flushes_total', 'Flush rounds; skipped: the previous one still ran', [
      'outcome',
    ]),
    flushSeconds: histogram(
      'flush_duration_seconds',
      flushSecondsBuckets,
      'How long a flush round took',
    ),
    flushCells: histogram(
      'flush_cells',
      flushCellsBuckets,
      'Cells that the store acknowledged in a flush round',
    ),
    expedited: counter(
      'expedited_flushes_total',
      'Flushes that requests with ack=store waited for',
      ['outcome'],
    ),
    expeditedSeconds: histogram(
      'expedited_flush_duration_seconds',
      storeSecondsBuckets,
      'How long such a flush took',
    ),
    storeAcks: counter(
      'store_acknowledgements_total',
      'Requests with ack=store; late: journaled, but not confirmed by the store in time',
      ['result'],
    ),
    flushLastSuccess: gauge(
      'flush_last_success_timestamp_seconds',
      'min',
      'When a flush round last confirmed everything; 0: not since the start',
    ),
    flushLastAttempt: gauge(
      'flush_last_attempt_timestamp_seconds',
      'min',
      'When a flush round last ended, however; 0: not since the start',
    ),
    flushInterval: gauge('flush_interval_seconds', 'max', 'Seconds between two flush rounds'),
    cellsSetAside: gauge('cells_set_aside', 'sum', 'Cells that the store refuses for good'),
    readBackFailures: counter(
      'read_back_failures_total',
      'Quarters of which the store did not show what it had confirmed, found before trimming',
    ),
    quartersInDoubt: gauge(
      'quarters_in_doubt',
      'sum',
      'Quarters of which the store still lacks counts; their journal is kept',
    ),
    journalBytes: gauge('journal_bytes', 'sum', 'Size of the journal on the disk'),
    journalSync: histogram(
      'journal_sync_duration_seconds',
      syncSecondsBuckets,
      'How long a frame took to be written and synced',
    ),
    journalErrors: counter('journal_errors_total', 'Failures and damages of the journal', ['kind']),
    replayedEvents: counter('journal_replayed_events_total', 'Counts recovered from journals'),
    dataDirFreeBytes: gauge('data_dir_free_bytes', 'min', 'Free bytes on the disk of the journal'),
  };
}

function servingMetrics({ counter, gauge, histogram }: Make) {
  return {
    storeUp: gauge('store_up', 'min', 'Whether the store answered when it was last asked'),
    storeRequests: histogram(
      'store_request_duration_seconds',
      storeSecondsBuckets,
      'How long HBase took to answer (0 on the embedded store)',
      ['op', 'outcome'],
    ),
    storeRetries: counter('store_retries_total', 'Requests to HBase that were sent again', ['op']),
    storeRelocations: counter('store_relocations_total', 'HBase regions that were found elsewhere'),
    storeConnections: gauge('store_connections', 'sum', 'Open connections to HBase'),
    completeThrough: gauge(
      'complete_through_timestamp_seconds',
      'min',
      'Everything accepted before it, by any writer, is in the store; 0: nobody ever wrote',
    ),
    writers: gauge(
      'writers',
      'max',
      'Writers known to the store; dead: not sealed, and silent; unreadable: with a broken record',
      ['state'],
    ),
    writersBegun: gauge(
      'writers_begun_within_hour',
      'max',
      'Writers that were registered within the last hour, over all machines',
    ),
    foreignLinks: counter(
      'foreign_links_total',
      'Writers of this process that others took for dead, or that a copy of the machine is too',
    ),
    workers: gauge(
      'workers',
      'max',
      'Worker processes; waiting: to be started again after a crash; 0 without workers',
      ['state'],
    ),
    workerCrashes: counter(
      'worker_crashes_total',
      'Worker processes that ended without being told to',
    ),
    workerHangs: counter(
      'worker_hangs_total',
      'Worker processes that answered nothing for a minute and were ended',
    ),
    workerStarts: counter('worker_starts_total', 'Worker processes that were started'),
    clockSkew: gauge('clock_skew_seconds', 'max', "The machine's clock minus the store's"),
    jobLastSuccess: gauge(
      'job_last_success_timestamp_seconds',
      'min',
      'When a background job last ended well; 0: not since the start',
      ['job'],
    ),
    jobSeconds: gauge('job_duration_seconds', 'max', 'How long the last run of a job took', [
      'job',
    ]),
    requests: histogram(
      'http_request_duration_seconds',
      httpSecondsBuckets,
      'How long a request took, from its headers to the end of its answer',
      ['method', 'route', 'code'],
    ),
    buildInfo: gauge('build_info', 'first', 'Always 1; says what runs', ['version', 'node']),
  };
}
