// Owns the rounds: every dirty cell of every writer of this process is put, exactly the counts
// that were sent are confirmed, then the writer's watermark moves. Rounds never overlap, and a
// failed one loses nothing: its cells stay dirty. Never forgets what is not confirmed.
import type { Counters, DirtySnapshot } from '../counters/counters.ts';
import { flushTimeoutMs } from '../limits.ts';
import type { Log } from '../log.ts';
import { AssertionError } from '../model/assert.ts';
import { CounterError, toError } from '../model/errors.ts';
import type { FlushBoundary } from '../model/flush-boundary.ts';
import type { CounterStore } from '../store/counter-store.ts';

/** A writer as the rounds see it. */
export interface FlushedWriter {
  readonly writer: string;
  readonly counters: Counters;
  /** Before that its cells have no acceptance quarter and cannot be put. */
  readonly registered: boolean;
  /** What is complete once all that is dirty at this frame boundary is confirmed. */
  boundary(): FlushBoundary;
  /** All before the boundary is in the store: say so in the registry, then trim the journal. */
  publish(boundary: FlushBoundary, droppedQuarter: number | undefined): Promise<void>;
}

export type FlushOutcome = 'success' | 'partial' | 'error' | 'skipped';

export interface FlushReport {
  readonly outcome: FlushOutcome;
  /** Cells that the store acknowledged. */
  readonly cells: number;
  readonly ms: number;
  readonly atMs: number;
}

export interface FlushMetrics {
  flushDone(flush: {
    outcome: 'success' | 'partial' | 'error';
    seconds: number;
    cells: number;
  }): void;
  ledgerConfirmed(counts: number): void;
}

export interface FlushOptions {
  /** Undefined: the store was never reached, or its schema is refused. */
  readonly store: () => CounterStore | undefined;
  readonly writers: () => readonly FlushedWriter[];
  /** Opens the store, registers the writers: what a round needs first. May throw. */
  readonly prepare: () => Promise<void>;
  readonly metrics: FlushMetrics;
  readonly log: Log;
  readonly wallMs: () => number;
  /** A promise of our own is broken: the process must stop. */
  readonly onBroken: (error: Error) => void;
}

interface Tally {
  confirmed: number;
  failed: number;
  setAside: number;
  errors: Error[];
}

export class FlushRounds {
  readonly #options: FlushOptions;
  #running: Promise<FlushReport> | undefined;
  #next: Promise<FlushReport> | undefined;
  #last: FlushReport | undefined;
  #setAside = 0;

  constructor(options: FlushOptions) {
    this.#options = options;
  }

  get last(): FlushReport | undefined {
    return this.#last;
  }

  /** Cells that the store refused for good in the last round; they stay dirty and are named. */
  get setAside(): number {
    return this.#setAside;
  }

  /**
   * A round that begins after this call, so that it holds everything counted before it. Whoever
   * asks while one runs shares the one after it: at most one runs and one waits.
   */
  flush(): Promise<FlushReport> {
    this.#next ??= this.#afterRunning();
    return this.#next;
  }

  async #afterRunning(): Promise<FlushReport> {
    await this.#running;
    this.#next = undefined;
    this.#running = this.#round();
    return this.#running;
  }

  async #round(): Promise<FlushReport> {
    const { wallMs, metrics } = this.#options;
    const startedAt = performance.now();
    const tally: Tally = { confirmed: 0, failed: 0, setAside: 0, errors: [] };
    try {
      await this.#options.prepare();
      const store = this.#options.store();
      if (store === undefined) throw new CounterError('STORE_UNAVAILABLE', 'retry');
      for (const writer of this.#options.writers()) {
        if (writer.registered) await this.#flushWriter(store, writer, tally);
        else tally.errors.push(new CounterError('WRITER_UNREGISTERED', 'retry'));
      }
    } catch (thrown) {
      this.#failed(tally, thrown);
    }
    const ms = performance.now() - startedAt;
    const outcome = outcomeOf(tally);
    this.#setAside = tally.setAside;
    metrics.flushDone({ outcome, seconds: ms / 1000, cells: tally.confirmed });
    this.#say(outcome, tally, ms);
    this.#last = { outcome, cells: tally.confirmed, ms, atMs: wallMs() };
    return this.#last;
  }

  #say(outcome: 'success' | 'partial' | 'error', tally: Tally, ms: number): void {
    const { log } = this.#options;
    const fields = { cells: tally.confirmed, failed: tally.failed, duration_ms: Math.round(ms) };
    if (outcome === 'success') log.info('flush.done', 'Flushed', fields);
    else {
      const what = 'Not everything is flushed; what is not stays dirty and is put again';
      log.warn(`flush.${outcome}`, what, { ...fields, err: tally.errors[0] });
    }
  }

  async #flushWriter(store: CounterStore, writer: FlushedWriter, tally: Tally): Promise<void> {
    // Both in one turn of the event loop: the copy and what it is complete for.
    const snapshot = writer.counters.snapshot();
    const boundary = writer.boundary();
    try {
      if (!(await this.#put(store, writer, snapshot, tally))) return;
      // Trim last. A crash before this line replays into the same absolute counts, and putting
      // those again changes nothing.
      await writer.publish(boundary, writer.counters.dropConfirmed());
    } catch (thrown) {
      this.#failed(tally, thrown);
    }
  }

  #failed(tally: Tally, thrown: unknown): void {
    const error = toError(thrown);
    tally.errors.push(error);
    if (error instanceof AssertionError) this.#options.onBroken(error);
  }

  /** Answers whether every cell of the snapshot is confirmed. */
  async #put(
    store: CounterStore,
    writer: FlushedWriter,
    snapshot: DirtySnapshot,
    tally: Tally,
  ): Promise<boolean> {
    if (snapshot.cells.count === 0) return true;
    const outcome = await store.putCells(snapshot.cells, { timeoutMs: flushTimeoutMs });
    this.#options.metrics.ledgerConfirmed(writer.counters.confirm(snapshot, outcome.confirmed));
    const failed = snapshot.cells.count - outcome.confirmedCount;
    tally.confirmed += outcome.confirmedCount;
    tally.failed += failed;
    for (const failure of outcome.failures.values()) {
      if (failure instanceof CounterError && failure.remedy === 'give-up') tally.setAside++;
      if (tally.errors.length === 0) tally.errors.push(failure);
    }
    return failed === 0;
  }
}

function outcomeOf(tally: Tally): 'success' | 'partial' | 'error' {
  if (tally.failed === 0 && tally.errors.length === 0) return 'success';
  return tally.confirmed > 0 ? 'partial' : 'error';
}
