// Owns the rounds: every dirty cell of every writer of this process is put, exactly the counts
// that were sent are confirmed, then the writer's watermark moves. Rounds never overlap, and a
// failed one loses nothing: its cells stay dirty. What the store refuses for good is set aside and
// tried behind the others, now and then. Never forgets what is not confirmed, never holds the
// event loop for longer than a slice.
import type { Counters } from '../counters/counters.ts';
import type { SentCells } from '../counters/sent-cells.ts';
import {
  flushCellsPerLook,
  flushSliceMs,
  flushTimeoutMs,
  readBackGraceMs,
  readBackTimeoutMs,
  setAsideExamplesMax,
  setAsideTimeoutMs,
} from '../limits.ts';
import { AssertionError } from '../model/assert.ts';
import { CounterError, toError } from '../model/errors.ts';
import type { FlushBoundary } from '../model/flush-boundary.ts';
import { quarterStartMs } from '../model/quarter.ts';
import { Slice } from '../model/slice.ts';
import type { CellsOutcome, CounterStore } from '../store/counter-store.ts';
import { isRefusal, SetAsideBackOff } from '../store/refusals.ts';
import type { QuarterInDoubt } from '../store/shown-cells.ts';
import { ReadBack } from './read-back.ts';
import type { ReadBackOptions } from './read-back.ts';

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
  /** Something before the boundary is not in the store: say only that we live. */
  showLife(): Promise<void>;
}

export type FlushOutcome = 'success' | 'partial' | 'error' | 'skipped';

export interface FlushReport {
  readonly outcome: FlushOutcome;
  /** Cells that the store acknowledged. */
  readonly cells: number;
  readonly ms: number;
  readonly atMs: number;
  /** All is confirmed but the cells that are set aside. */
  readonly othersArrived: boolean;
}

export interface FlushMetrics {
  readBackFailed(): void;
  flushDone(flush: {
    outcome: 'success' | 'partial' | 'error';
    seconds: number;
    cells: number;
  }): void;
  ledgerConfirmed(counts: number): void;
}

export interface FlushOptions extends ReadBackOptions {
  /** Undefined: the store was never reached, or its schema is refused. */
  readonly store: () => CounterStore | undefined;
  readonly writers: () => readonly FlushedWriter[];
  /** Opens the store, registers the writers: what a round needs first. May throw. */
  readonly prepare: () => Promise<void>;
  readonly metrics: FlushMetrics;
}

interface Tally {
  confirmed: number;
  /** Not confirmed, and not refused for good. */
  failed: number;
  /** Refused for good for the first time. */
  refused: number;
  errors: Error[];
}

export interface FlushCall {
  /** What is set aside is tried too, whenever it was tried last: its cause may be gone. */
  readonly setAside: boolean;
}

export class FlushRounds {
  readonly #options: FlushOptions;
  readonly #backOff: SetAsideBackOff;
  readonly readBack: ReadBack;
  #running: Promise<FlushReport> | undefined;
  #next: Promise<FlushReport> | undefined;
  #last: FlushReport | undefined;
  /** Somebody asked the next round to try what is set aside. */
  #triesSetAside = false;

  constructor(options: FlushOptions) {
    this.#options = options;
    this.#backOff = new SetAsideBackOff(options.monotonicMs);
    this.readBack = new ReadBack(options);
  }

  /** Quarters of which the store lacks counts that it had confirmed. */
  get inDoubt(): readonly QuarterInDoubt[] {
    return this.#options.writers().flatMap(({ writer }) => this.readBack.inDoubt(writer));
  }

  get last(): FlushReport | undefined {
    return this.#last;
  }

  /**
   * A round that begins after this call, so that it holds everything counted before it. Whoever
   * asks while one runs shares the one after it: at most one runs and one waits.
   */
  flush(call: FlushCall = { setAside: false }): Promise<FlushReport> {
    this.#triesSetAside ||= call.setAside;
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
    const tally: Tally = { confirmed: 0, failed: 0, refused: 0, errors: [] };
    try {
      await this.#flushAll(tally);
    } catch (thrown) {
      this.#failed(tally, thrown);
    }
    const ms = performance.now() - startedAt;
    const setAside = this.#cellsAside();
    const outcome = outcomeOf(tally, setAside);
    metrics.flushDone({ outcome, seconds: ms / 1000, cells: tally.confirmed });
    this.#say(outcome, tally, { ms, setAside });
    const othersArrived = tally.failed === 0 && tally.errors.length === 0;
    this.#last = { outcome, cells: tally.confirmed, ms, atMs: wallMs(), othersArrived };
    return this.#last;
  }

  async #flushAll(tally: Tally): Promise<void> {
    const asideBefore = this.#cellsAside();
    const isAsked = this.#triesSetAside;
    this.#triesSetAside = false;
    await this.#options.prepare();
    const store = this.#options.store();
    if (store === undefined) throw new CounterError('STORE_UNAVAILABLE', 'retry');
    for (const writer of this.#options.writers()) {
      if (writer.registered) await this.#flushWriter(store, writer, tally, isAsked);
      else tally.errors.push(new CounterError('WRITER_UNREGISTERED', 'retry'));
    }
    // Behind all others, so that it costs them nothing.
    if (asideBefore > 0 && (isAsked || this.#backOff.isDue)) await this.#tryAside(store, tally);
  }

  #say(
    outcome: 'success' | 'partial' | 'error',
    tally: Tally,
    { ms, setAside }: { readonly ms: number; readonly setAside: number },
  ): void {
    const { log, writers } = this.#options;
    const { confirmed: cells, failed, refused } = tally;
    const fields = { cells, failed, set_aside: setAside, duration_ms: Math.round(ms) };
    if (outcome === 'success') log.info('flush.done', 'Flushed', fields);
    else {
      const what = 'Not everything is flushed; what is not stays dirty and is put again';
      log.warn(`flush.${outcome}`, what, { ...fields, err: tally.errors[0] });
    }
    if (refused === 0) return;
    const examples = writers()
      .flatMap(({ counters }) => counters.asideExamples(setAsideExamplesMax))
      .slice(0, setAsideExamplesMax)
      .map(({ ad, site, eventQuarter, reason }) => {
        return { ad, site, quarter: new Date(quarterStartMs(eventQuarter)).toISOString(), reason };
      });
    const what = 'The store refuses cells for good: they are set aside and hold the watermark';
    log.error('flush.set_aside', what, { cells: setAside, newly: refused, examples });
  }

  async #flushWriter(
    store: CounterStore,
    writer: FlushedWriter,
    tally: Tally,
    isAsked: boolean,
  ): Promise<void> {
    const { counters } = writer;
    // Both in one turn of the event loop: what is sent and what it is complete for.
    const sent = counters.snapshot();
    const boundary = writer.boundary();
    try {
      const before = tally.failed;
      await this.#put(store, sent, tally, flushTimeoutMs);
      await this.#audit(counters);
      // Nothing follows a last boundary: what is read back too late then waits for a recovery.
      const waitMs = boundary.isLast ? readBackTimeoutMs : readBackGraceMs;
      await this.readBack.look(store, counters, { waitMs, isAsked });
      const droppedQuarter = counters.dropConfirmed();
      const isBehind = tally.failed > before || counters.asideCells > 0;
      // What is known to be missing is not complete.
      const isInDoubt = this.readBack.inDoubt(writer.writer).length > 0;
      if (isBehind || isInDoubt) await writer.showLife();
      if (isBehind) return;
      if (isInDoubt) throw unread('READ_BACK_FAILED');
      const isLast = boundary.isLast && counters.isEmpty;
      // Trim last. A crash before this line replays into the same absolute counts, and putting
      // those again changes nothing.
      await writer.publish({ ...boundary, isLast }, droppedQuarter);
      if (boundary.isLast && !isLast) throw unread('READ_BACK_UNFINISHED');
    } catch (thrown) {
      this.#failed(tally, thrown);
    }
  }

  async #tryAside(store: CounterStore, tally: Tally): Promise<void> {
    const confirmedBefore = tally.confirmed;
    for (const writer of this.#options.writers()) {
      const { counters } = writer;
      if (!writer.registered || counters.asideCells === 0) continue;
      await this.#put(store, counters.snapshotAside(), tally, setAsideTimeoutMs);
      // The last one that was refused went in: nothing holds the watermark any more.
      if (counters.asideCells === 0) await this.#flushWriter(store, writer, tally, true);
    }
    this.#backOff.tried({ anyConfirmed: tally.confirmed > confirmedBefore });
  }

  #failed(tally: Tally, thrown: unknown): void {
    const error = toError(thrown);
    tally.errors.push(error);
    if (error instanceof AssertionError) this.#options.onBroken(error);
  }

  /** Whatever happens, every cell is settled: what is still dirty is sent by the next round. */
  async #put(store: CounterStore, sent: SentCells, tally: Tally, timeoutMs: number): Promise<void> {
    if (sent.count === 0) return;
    let outcome: CellsOutcome | undefined;
    try {
      outcome = await store.putCells(sent, { timeoutMs });
    } finally {
      await this.#settle(sent, outcome, tally);
    }
  }

  /** In slices; the book of confirmed counts is right at the end of each of them. */
  async #settle(sent: SentCells, outcome: CellsOutcome | undefined, tally: Tally): Promise<void> {
    const slice = await Slice.begin(flushSliceMs);
    while (!sent.settled) {
      const end = Math.min(sent.count, sent.next + flushCellsPerLook);
      let counts = 0;
      for (let i = sent.next; i < end; i++) {
        if (outcome?.confirmed[i] === 1) {
          counts += sent.settleNext('confirmed');
          tally.confirmed++;
        } else this.#settleFailed(sent, outcome?.failures.get(i), tally);
      }
      this.#options.metrics.ledgerConfirmed(counts);
      if (slice.isOver) await slice.next();
    }
  }

  #settleFailed(sent: SentCells, failure: Error | undefined, tally: Tally): void {
    if (isRefusal(failure)) {
      if (!sent.isAside(sent.next)) tally.refused++;
      sent.settleNext(failure);
    } else {
      if (failure !== undefined && tally.errors.length === 0) tally.errors.push(failure);
      tally.failed++;
      sent.settleNext('failed');
    }
  }

  async #audit(counters: Counters): Promise<void> {
    const slice = await Slice.begin(flushSliceMs);
    const steps = counters.audit(flushCellsPerLook);
    while (steps.next().done !== true) if (slice.isOver) await slice.next();
  }

  #cellsAside(): number {
    return this.#options.writers().reduce((sum, { counters }) => sum + counters.asideCells, 0);
  }
}

function unread(code: string): CounterError {
  const detail = 'the store was not yet seen to show what it had confirmed';
  return new CounterError(code, 'retry', { detail });
}

function outcomeOf(tally: Tally, setAside: number): 'success' | 'partial' | 'error' {
  const { confirmed, failed, refused, errors } = tally;
  if (failed === 0 && errors.length === 0 && setAside === 0) return 'success';
  const nothing = confirmed === 0 && (failed > 0 || refused > 0 || errors.length > 0);
  return nothing ? 'error' : 'partial';
}
