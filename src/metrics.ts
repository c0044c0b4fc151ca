// Owns every number that Prometheus scrapes; with metric-definitions.ts the home of prom-client.
// Promises one consistent picture a scrape: gauges are read together, in one go of the event loop,
// and every label set that can be foreseen stands at 0 from the start.
// Never has an ad, a site or a key as a label, and never a registry that others share.
import { collectDefaultMetrics, Registry } from 'prom-client';
import {
  eventResults,
  expeditedOutcomes,
  flushOutcomes,
  jobNames,
  journalErrorKinds,
  ledgerStates,
  registerMetrics,
  rejectReasons,
  requestsForeseen,
  storeAckResults,
  storeOperations,
  storeOutcomes,
  workerStates,
  writerStates,
  type EventResult,
  type ExpeditedOutcome,
  type FlushOutcome,
  type JobName,
  type JournalErrorKind,
  type StoreAckResult,
  type StoreOutcome,
  type WorkerState,
  type WriterState,
} from './metric-definitions.ts';
import type { MetricsPart } from './metrics-together.ts';
import { filterReasons, measureNames, type MeasureName } from './model/measure.ts';

/** What is measured where it stands, at each scrape. Every function answers at once. */
export interface GaugeSource {
  openCells(): number;
  dirtyCells(): number;
  memoryBytes(): number;
  journalBytes(): number;
  dataDirFreeBytes(): number;
  cellsSetAside(): number;
  quartersInDoubt(): number;
  /** Counts of this process that the store has not confirmed, by walking the cells. */
  ledgerUnflushed(): number;
  /** Undefined while nobody ever wrote: exported as 0. */
  completeThroughSeconds(): number | undefined;
  writersByState(): Readonly<Record<WriterState, number>>;
  writersBegunWithinHour(): number;
  clockSkewSeconds(): number;
  flushIntervalSeconds(): number;
}

export interface MetricsOptions {
  readonly version: string;
  readonly nowMs?: () => number;
}

export class Metrics {
  readonly #registry = new Registry();
  readonly #nowMs: () => number;
  readonly #named: ReturnType<typeof registerMetrics>;
  #source: GaugeSource | undefined;
  #scrape: (() => Promise<string>) | undefined;
  #journaled = 0;
  #confirmed = 0;

  constructor(options: MetricsOptions) {
    this.#nowMs = options.nowMs ?? Date.now;
    this.#named = registerMetrics(this.#registry);
    this.#named.buildInfo.set({ version: options.version, node: process.versions.node }, 1);
    this.#startAtZero();
  }

  /** Adds the process' own: processor, memory, event loop, garbage collection. Once a process. */
  observeProcess(): void {
    collectDefaultMetrics({ register: this.#registry });
    // Gauges that are named like counters.
    for (const kind of ['handles', 'requests', 'resources']) {
      this.#registry.removeSingleMetric(`nodejs_active_${kind}_total`);
    }
  }

  observe(source: GaugeSource): void {
    this.#source = source;
  }

  /** From here on a scrape tells of all that serve together. */
  scrapedBy(scrape: () => Promise<string>): void {
    this.#scrape = scrape;
  }

  /** This process' share, as a primary adds it up. */
  async part(): Promise<MetricsPart> {
    this.#readGauges();
    return this.#registry.getMetricsAsJSON();
  }

  async scrape(): Promise<Readonly<{ contentType: string; text: string }>> {
    const { contentType } = this.#registry;
    if (this.#scrape !== undefined) return { contentType, text: await this.#scrape() };
    this.#readGauges();
    return { contentType, text: await this.#registry.metrics() };
  }

  // ── events ──
  events(measure: MeasureName, result: EventResult, events: number): void {
    this.#named.events.inc({ measure, result }, events);
  }

  rejected(reason: string, events: number): void {
    this.#named.rejected.inc({ reason }, events);
  }

  unknownFields(fields: number): void {
    this.#named.unknownFields.inc(fields);
  }

  // ── ledger: each state is added up at its own place ──
  /** By the journal after its sync, and by a replay for what it found. */
  ledgerJournaled(counts: number): void {
    this.#journaled += counts;
  }

  /** By the store's answers. */
  ledgerConfirmed(counts: number): void {
    this.#confirmed += counts;
  }

  // ── flush ──
  flushDone(
    flush: Readonly<{ outcome: Exclude<FlushOutcome, 'skipped'>; seconds: number; cells: number }>,
  ): void {
    const nowSeconds = this.#nowMs() / 1000;
    this.#named.flushes.inc({ outcome: flush.outcome });
    this.#named.flushSeconds.observe(flush.seconds);
    this.#named.flushCells.observe(flush.cells);
    this.#named.flushLastAttempt.set(nowSeconds);
    if (flush.outcome === 'success') this.#named.flushLastSuccess.set(nowSeconds);
  }

  /** It was time, but the previous round still ran. */
  flushSkipped(): void {
    this.#named.flushes.inc({ outcome: 'skipped' });
  }

  /** A quarter of which the store does not show what it had confirmed. */
  readBackFailed(): void {
    this.#named.readBackFailures.inc();
  }

  expeditedDone(flush: Readonly<{ outcome: ExpeditedOutcome; seconds: number }>): void {
    this.#named.expedited.inc({ outcome: flush.outcome });
    this.#named.expeditedSeconds.observe(flush.seconds);
  }

  storeAcknowledged(result: StoreAckResult): void {
    this.#named.storeAcks.inc({ result });
  }

  // ── journal ──
  journalSync(seconds: number): void {
    this.#named.journalSync.observe(seconds);
  }

  journalError(kind: JournalErrorKind): void {
    this.#named.journalErrors.inc({ kind });
  }

  replayedEvents(events: number): void {
    this.#named.replayedEvents.inc(events);
  }

  // ── store ──
  /** `op` as the store calls it: `Multi`, `CreateTable`. */
  storeRequest(op: string, outcome: StoreOutcome, seconds: number): void {
    this.#named.storeRequests.observe({ op: snakeCase(op), outcome }, seconds);
  }

  storeRetry(op: string): void {
    this.#named.storeRetries.inc({ op: snakeCase(op) });
  }

  storeRelocation(): void {
    this.#named.storeRelocations.inc();
  }

  storeConnections(connections: number): void {
    this.#named.storeConnections.set(connections);
  }

  storeUp(up: boolean): void {
    this.#named.storeUp.set(up ? 1 : 0);
  }

  // ── writers ──
  /** Somebody else continued the record of a writer of this process. */
  foreignLink(): void {
    this.#named.foreignLinks.inc();
  }

  // ── workers ──
  workers(workers: Readonly<Record<WorkerState, number>>): void {
    for (const state of workerStates) this.#named.workers.set({ state }, workers[state]);
  }

  workerCrashed(): void {
    this.#named.workerCrashes.inc();
  }

  /** It was ended because it answered nothing; a crash is counted beside. */
  workerHung(): void {
    this.#named.workerHangs.inc();
  }

  workerStarted(): void {
    this.#named.workerStarts.inc();
  }

  // ── jobs and HTTP ──
  jobDone(job: JobName, seconds: number): void {
    this.#named.jobLastSuccess.set({ job }, this.#nowMs() / 1000);
    this.#named.jobSeconds.set({ job }, seconds);
  }

  /** `route` is a pattern (`/v1/ads/{ad}`), never a path that somebody sent. */
  request(method: string, route: string, code: number, seconds: number): void {
    this.#named.requests.observe({ method, route, code: String(code) }, seconds);
  }

  #readGauges(): void {
    const source = this.#source;
    if (source === undefined) return;
    const named = this.#named;
    named.openCells.set(source.openCells());
    named.dirtyCells.set(source.dirtyCells());
    named.memoryBytes.set(source.memoryBytes());
    named.journalBytes.set(source.journalBytes());
    named.dataDirFreeBytes.set(source.dataDirFreeBytes());
    named.cellsSetAside.set(source.cellsSetAside());
    named.quartersInDoubt.set(source.quartersInDoubt());
    named.completeThrough.set(source.completeThroughSeconds() ?? 0);
    named.writersBegun.set(source.writersBegunWithinHour());
    named.clockSkew.set(source.clockSkewSeconds());
    named.flushInterval.set(source.flushIntervalSeconds());
    const writers = source.writersByState();
    for (const state of writerStates) named.writers.set({ state }, writers[state]);

    const unflushed = source.ledgerUnflushed();
    named.ledger.set({ state: 'journaled' }, this.#journaled);
    named.ledger.set({ state: 'confirmed' }, this.#confirmed);
    named.ledger.set({ state: 'unflushed' }, unflushed);
    named.unaccounted.set(this.#journaled - this.#confirmed - unflushed);
  }

  /** A rate over a series that appears with its first event would miss that event. */
  #startAtZero(): void {
    const named = this.#named;
    for (const measure of measureNames) {
      for (const result of eventResults) named.events.inc({ measure, result }, 0);
      for (const reason of filterReasons) named.filtered.inc({ measure, reason }, 0);
    }
    for (const reason of rejectReasons) named.rejected.inc({ reason }, 0);
    for (const outcome of flushOutcomes) named.flushes.inc({ outcome }, 0);
    for (const outcome of expeditedOutcomes) named.expedited.inc({ outcome }, 0);
    for (const result of storeAckResults) named.storeAcks.inc({ result }, 0);
    for (const kind of journalErrorKinds) named.journalErrors.inc({ kind }, 0);
    for (const op of storeOperations) {
      named.storeRetries.inc({ op }, 0);
      for (const outcome of storeOutcomes) named.storeRequests.zero({ op, outcome });
    }
    for (const state of ledgerStates) named.ledger.set({ state }, 0);
    for (const state of writerStates) named.writers.set({ state }, 0);
    for (const state of workerStates) named.workers.set({ state }, 0);
    for (const job of jobNames) {
      named.jobLastSuccess.set({ job }, 0);
      named.jobSeconds.set({ job }, 0);
    }
    for (const labels of requestsForeseen) named.requests.zero(labels);
  }
}

function snakeCase(name: string): string {
  return name.replaceAll(/(?<=[a-z])[A-Z]/g, '_$&').toLowerCase();
}
