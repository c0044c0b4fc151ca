// Owns the flushes that requests with ack=store wait for: the cells that they touched are put at
// once, all that came meanwhile in the next put (group commit). Bounded in rate and size, so that
// rounds and store are not starved. Publishes nothing, and loses nothing: what is not confirmed in
// time stays dirty for the next round, and its request is told so.
import { setTimeout as passes } from 'node:timers/promises';
import type { Counters } from '../counters/counters.ts';
import type { TouchedCells } from '../counters/touched-cells.ts';
import {
  ackStoreTimeoutMs,
  expeditedCellsMax,
  expeditedGapMs,
  expeditedPutMs,
  expeditedRetryMs,
  expeditedWaitingCellsMax,
} from '../limits.ts';
import { AssertionError } from '../model/assert.ts';
import { toError } from '../model/errors.ts';
import type { CounterStore } from '../store/counter-store.ts';

/** The identity under which a request was counted. */
export interface ExpeditedWriter {
  readonly counters: Counters;
  /** Before that its cells have no acceptance quarter and cannot be put. */
  readonly registered: boolean;
}

export interface ExpeditedMetrics {
  expeditedDone(
    flush: Readonly<{ outcome: 'success' | 'partial' | 'error'; seconds: number }>,
  ): void;
  storeAcknowledged(result: 'confirmed' | 'late'): void;
  ledgerConfirmed(counts: number): void;
}

export interface ExpeditedOptions {
  /** Undefined: the store was never reached, or its schema is refused. */
  readonly store: () => CounterStore | undefined;
  /** Whether it answered when it was last asked. */
  readonly isUp: () => boolean;
  /** A put failed: is the store still there? */
  readonly suspect: () => void;
  /** A whole round: it registers a writer that the store does not know yet. */
  readonly round: () => Promise<unknown>;
  readonly metrics: ExpeditedMetrics;
  /** A promise of our own is broken: the process must stop. */
  readonly onBroken: (error: Error) => void;
}

interface Waiter {
  readonly counters: Counters;
  readonly touched: TouchedCells;
  /** Undefined once it is answered. */
  answer: ((confirmed: boolean) => void) | undefined;
}

export class ExpeditedFlush {
  readonly #options: ExpeditedOptions;
  #waiting: Waiter[] = [];
  #waitingCells = 0;
  #running = false;
  /** Nothing of the last flush was confirmed. */
  #failing = false;
  #startedMs = -Infinity;

  constructor(options: ExpeditedOptions) {
    this.#options = options;
  }

  /** Whether the store has confirmed what was counted in these cells, within a bounded wait. */
  async confirmed(writer: ExpeditedWriter, touched: TouchedCells): Promise<boolean> {
    const isConfirmed = await this.#confirmed(writer, touched);
    this.#options.metrics.storeAcknowledged(isConfirmed ? 'confirmed' : 'late');
    return isConfirmed;
  }

  async #confirmed(writer: ExpeditedWriter, touched: TouchedCells): Promise<boolean> {
    const cells = touched.slots.length;
    const { store, isUp } = this.#options;
    // In an outage one request waits and tries; the others are told at once, so that they need
    // not all be held for as long as the deadline.
    const isTried = this.#waiting.some(({ answer }) => answer !== undefined);
    const isAway = this.#failing && !isUp() && isTried;
    if (store() === undefined || isAway) return false;
    if (this.#waitingCells + cells > expeditedWaitingCellsMax) return false;
    this.#waitingCells += cells;
    const deadlineMs = performance.now() + ackStoreTimeoutMs;
    try {
      if (!writer.registered) {
        const late = passes(ackStoreTimeoutMs, undefined, { ref: false });
        await Promise.race([this.#options.round(), late]);
        if (!writer.registered) return false;
      }
      return await this.#wait(writer.counters, touched, deadlineMs - performance.now());
    } finally {
      this.#waitingCells -= cells;
    }
  }

  #wait(counters: Counters, touched: TouchedCells, leftMs: number): Promise<boolean> {
    return new Promise((resolve) => {
      const late = setTimeout(() => waiter.answer?.(false), Math.max(0, leftMs));
      const waiter: Waiter = {
        counters,
        touched,
        answer: (confirmed) => {
          waiter.answer = undefined;
          clearTimeout(late);
          resolve(confirmed);
        },
      };
      this.#waiting.push(waiter);
      if (!this.#running) void this.#run();
    });
  }

  async #run(): Promise<void> {
    this.#running = true;
    try {
      // What came in this turn of the event loop, a whole frame of requests, goes together.
      await new Promise(setImmediate);
      while (this.#waiting.length > 0) {
        const sinceMs = performance.now() - this.#startedMs;
        if (sinceMs < expeditedGapMs) await passes(expeditedGapMs - sinceMs);
        this.#startedMs = performance.now();
        if (!(await this.#flushGroup(this.#take()))) await passes(expeditedRetryMs);
        this.#waiting = this.#waiting.filter(({ answer }) => answer !== undefined);
      }
    } finally {
      this.#running = false;
    }
  }

  /** First come, first taken, up to the cells of one flush; they stay in the line. */
  #take(): Waiter[] {
    const group: Waiter[] = [];
    let cells = 0;
    for (const waiter of this.#waiting) {
      cells += waiter.touched.slots.length;
      if (group.length > 0 && cells > expeditedCellsMax) break;
      if (waiter.answer !== undefined) group.push(waiter);
    }
    return group;
  }

  /** False: something failed, and is tried again after a pause. */
  async #flushGroup(group: readonly Waiter[]): Promise<boolean> {
    const startedMs = performance.now();
    const writers = new Map<Counters, TouchedCells[]>();
    for (const { counters, touched } of group) {
      const all = writers.get(counters);
      if (all === undefined) writers.set(counters, [touched]);
      else all.push(touched);
    }
    let confirmed = 0;
    let failed = 0;
    for (const [counters, touched] of writers) {
      const outcome = await this.#put(counters, touched);
      confirmed += outcome.confirmed;
      failed += outcome.failed;
    }
    for (const { touched, answer } of group) if (touched.confirmed) answer?.(true);
    const outcome = failed === 0 ? 'success' : confirmed > 0 ? 'partial' : 'error';
    this.#options.metrics.expeditedDone({
      outcome,
      seconds: (performance.now() - startedMs) / 1000,
    });
    this.#failing = outcome === 'error';
    if (failed > 0) this.#options.suspect();
    return failed === 0;
  }

  async #put(
    counters: Counters,
    touched: readonly TouchedCells[],
  ): Promise<{ readonly confirmed: number; readonly failed: number }> {
    try {
      const sent = counters.snapshotOf(touched);
      const store = this.#options.store();
      if (sent.count === 0 || store === undefined) return { confirmed: 0, failed: sent.count };
      const { confirmed, confirmedCount } = await store.putCells(sent, {
        timeoutMs: expeditedPutMs,
      });
      this.#options.metrics.ledgerConfirmed(sent.confirm(confirmed));
      return { confirmed: confirmedCount, failed: sent.count - confirmedCount };
    } catch (thrown) {
      const error = toError(thrown);
      if (error instanceof AssertionError) this.#options.onBroken(error);
      return { confirmed: 0, failed: 1 };
    }
  }
}
