// Owns the waiting line of requests and the identity under which they are counted: what waits is
// formed into one frame, the next frame takes all that came meanwhile. An identity that ends is
// followed by a fresh one; only the requests of the failed frame notice. Never counts in part.
import { setTimeout as passes } from 'node:timers/promises';
import { journalFullRetryMs, newIdentityRetryMs } from '../limits.ts';
import type { Log } from '../log.ts';
import { AssertionError } from '../model/assert.ts';
import { CounterError, toError } from '../model/errors.ts';
import type { Acknowledgement, AdEvent } from '../model/event.ts';
import { IngestRefused } from './accept.ts';
import { Admission } from './admission.ts';
import type { AdmissionOptions, Standing } from './admission.ts';
import { EndedRuns } from './ended-runs.ts';
import type { EndedRunsOptions } from './ended-runs.ts';
import type { Accepting, AcceptResult, RefusalReason, RefusedEvent } from './accept.ts';
import { withoutFull } from './full-cells.ts';
import { WaitingLine } from './waiting-line.ts';
import type { Counted, WaitingRequest } from './waiting-line.ts';
import { isFull } from './writer-run.ts';
import type { WriterRun } from './writer-run.ts';

export interface IngestOptions extends AdmissionOptions {
  readonly beginRun: () => Promise<WriterRun>;
  readonly metrics: EndedRunsOptions['metrics'] & { ledgerJournaled(counts: number): void };
  readonly log: Log;
  /** A promise of our own is broken: the process must stop, a restart replays the journal. */
  readonly onBroken: (error: Error) => void;
  /** Whether the store has confirmed it, after a bounded wait; never throws. */
  readonly confirmed: (counted: Counted) => Promise<boolean>;
  /** After a pause: resolves once the current identity is known to be ours, or has ended. */
  readonly afterPause: () => Promise<void> | undefined;
}

export class Ingest implements Accepting {
  readonly #options: IngestOptions;
  readonly #admission: Admission;
  #current: WriterRun | undefined;
  readonly #ended: EndedRuns;
  readonly #line = new WaitingLine();
  #frame: Promise<void> | undefined;
  #journaledBytes = 0;
  #cellBytes = 0;
  #holds = 0;
  #scheduled = false;
  #stopped = false;
  #beginning: Promise<void> | undefined;
  /** No journal could be begun; another attempt follows. */
  #beginFailed = false;
  /** Of the present identity and those before it that never reached the store either. */
  #unregisteredSinceMs: number;

  constructor(options: IngestOptions) {
    this.#options = options;
    this.#admission = new Admission(options);
    this.#unregisteredSinceMs = options.monotonicMs();
    this.#ended = new EndedRuns(options);
  }

  /** The first identity. Errors: the disk's. */
  async start(): Promise<void> {
    this.#current = await this.#options.beginRun();
  }

  get current(): WriterRun | undefined {
    return this.#current;
  }

  /** Every identity of this process that the store does not know to be over. */
  get runs(): readonly WriterRun[] {
    const ended = this.#ended.all;
    return this.#current === undefined ? ended : [...ended, this.#current];
  }

  /** Why nothing can be counted now; undefined: all is well. */
  get refusal(): RefusalReason | undefined {
    return this.#admission.refusal(this.#standing);
  }

  /** Of the monotonic clock: since when no identity of this process has reached the store. */
  get unregisteredSinceMs(): number {
    return this.#unregisteredSinceMs;
  }

  /** Since the start, for the rates at which disk and memory fill: written, and of new cells. */
  get grown(): { readonly journalBytes: number; readonly cellBytes: number } {
    return { journalBytes: this.#journaledBytes, cellBytes: this.#cellBytes };
  }

  /** Of all cells that are held. */
  get cellBytes(): number {
    return this.runs.reduce((sum, run) => sum + run.counters.bytes, 0);
  }

  async accept(
    events: readonly AdEvent[],
    acknowledgement: Acknowledgement,
  ): Promise<AcceptResult> {
    this.#admission.admit(events, this.#standing);
    const refused: RefusedEvent[] = [];
    const kept = withoutFull(this.#current, this.#line, events, refused);
    const acknowledged =
      kept.length > 0 ? await this.#acknowledged(kept, acknowledgement) : acknowledgement;
    return { countedEvents: kept.length, refused, acknowledged };
  }

  async #acknowledged(
    events: readonly AdEvent[],
    acknowledgement: Acknowledgement,
  ): Promise<Acknowledgement> {
    const counting = this.#line.add(events, acknowledgement);
    this.#schedule();
    if (acknowledgement === 'memory') {
      // A crash may lose what was answered early; a failed frame is logged where it fails.
      counting.catch(() => undefined);
      return acknowledgement;
    }
    const counted = await counting;
    if (counted === undefined || (await this.#options.confirmed(counted))) return acknowledgement;
    return 'journal';
  }

  /** Runs the task while no frame is on its way and none is formed. */
  async hold<T>(task: () => Promise<T>): Promise<T> {
    this.#holds++;
    try {
      while (this.#frame !== undefined) await this.#frame;
      return await task();
    } finally {
      this.#holds--;
      this.#schedule();
    }
  }

  /** Ends the current identity and goes on under a new one. */
  async replaceRun(reason: string): Promise<void> {
    await this.hold(async () => {
      this.#current?.end(reason);
      await this.#retireEnded();
    });
  }

  /** Forgets the identities that are sealed or another's, and lets go of their folders. */
  async dropFinished(): Promise<void> {
    await this.#retireEnded();
    this.#ended.dropFinished();
  }

  /** Takes nothing more and writes the last frame. The identity ends: what remains is flushing. */
  async stop(): Promise<void> {
    this.#stopped = true;
    await this.#beginning;
    while (!this.#line.isEmpty || this.#frame !== undefined) {
      this.#schedule();
      await (this.#frame ?? new Promise((resolve) => setImmediate(resolve)));
      // No identity follows one that failed now.
      const canCount = this.#current !== undefined && this.#current.endedBecause === undefined;
      if (!canCount) this.#giveUp();
    }
    this.#current?.end('stopped');
  }

  async close(): Promise<void> {
    for (const run of this.runs) this.#ended.close(run);
    await this.#ended.closed();
  }

  get #standing(): Standing {
    return {
      isStopped: this.#stopped,
      hasNoJournal: this.#beginFailed,
      run: this.#current,
      unregisteredSinceMs: this.#unregisteredSinceMs,
      cellBytes: this.cellBytes,
      line: this.#line,
    };
  }

  /** At the end of this turn of the event loop, so that one turn is one frame. */
  #schedule(): void {
    if (this.#scheduled || this.#frame !== undefined || this.#line.isEmpty) return;
    this.#scheduled = true;
    setImmediate(() => {
      this.#scheduled = false;
      this.#nextFrame();
    });
  }

  #nextFrame(): void {
    const run = this.#current;
    const busy = this.#holds > 0 || this.#frame !== undefined;
    if (busy || run === undefined || this.#line.isEmpty) return;
    this.#frame = this.#workOf(run).finally(() => {
      this.#frame = undefined;
      this.#schedule();
    });
  }

  /** One step towards an empty line; the next call takes the next. */
  #workOf(run: WriterRun): Promise<void> {
    if (run.endedBecause !== undefined) return this.#retireEnded();
    return this.#options.afterPause() ?? this.#countFrame(run, this.#line.takeFrame());
  }

  /** Never throws: every request of the frame is told what became of it. */
  async #countFrame(run: WriterRun, requests: readonly WaitingRequest[]): Promise<void> {
    try {
      const frame = await run.count(requests.map(({ events }) => events));
      const { counts, bytes, cellBytes, acceptMs } = frame;
      this.#journaledBytes += bytes;
      this.#cellBytes += cellBytes;
      this.#options.metrics.ledgerJournaled(counts);
      const counted = requests.map(({ events, acknowledgement: asked }) =>
        asked === 'store' ? { run, touched: run.counters.touchedBy(events, acceptMs) } : undefined,
      );
      // Synced before a pause: what is on the disk counts, but who was taken for dead learns it
      // before it answers.
      await this.#options.afterPause();
      this.#line.leave(requests);
      requests.forEach(({ resolve }, i) => resolve(counted[i]));
    } catch (thrown) {
      if (isFull(thrown)) await this.#waitForRoom(requests);
      else {
        const error = this.#outcomeUnknown(run, thrown);
        this.#line.leave(requests);
        for (const request of requests) request.reject(error);
        await this.#retireEnded();
      }
    }
  }

  /** Nothing was written. Who was answered already stays first in the line until there is room. */
  async #waitForRoom(requests: readonly WaitingRequest[]): Promise<void> {
    this.#line.putBack(requests);
    this.#line.rejectUnanswered(new IngestRefused('journal_full'));
    if (this.#stopped) this.#giveUp();
    else if (!this.#line.isEmpty) await passes(journalFullRetryMs, undefined, { ref: false });
  }

  /** The service ends, and what waits can be journaled no more. */
  #giveUp(): void {
    const lost = this.#line.rejectAll(new IngestRefused('draining'));
    if (lost === 0) return;
    const what = 'Counts that were acknowledged at memory only could not be journaled';
    this.#options.log.error('ingest.lost', what, { counts: lost });
  }

  #outcomeUnknown(run: WriterRun, thrown: unknown): CounterError {
    const cause = toError(thrown);
    if (cause instanceof AssertionError) this.#options.onBroken(cause);
    this.#options.log.error(
      'journal.failed',
      'A frame could not be journaled: its requests were told that their outcome is unknown',
      { writer_id: run.writer, err: cause },
    );
    return new CounterError('OUTCOME_UNKNOWN', 'retry', { cause });
  }

  async #retireEnded(): Promise<void> {
    const run = this.#current;
    if (run?.endedBecause === undefined || this.#stopped) return;
    if (run.registered) this.#unregisteredSinceMs = this.#options.monotonicMs();
    this.#current = undefined;
    this.#ended.add(run);
    await this.#beginNext();
  }

  /** Where no identity can begin (disk full, disk gone), what waits is refused until one can. */
  #beginNext(): Promise<void> {
    this.#beginning ??= this.#tryToBegin().finally(() => {
      this.#beginning = undefined;
      this.#schedule();
    });
    return this.#beginning;
  }

  async #tryToBegin(): Promise<void> {
    const { beginRun, log } = this.#options;
    try {
      const run = await beginRun();
      this.#current = run;
      this.#beginFailed = false;
      log.info('writer.began', 'Counting goes on under a new identity', { writer_id: run.writer });
    } catch (err) {
      this.#beginFailed = true;
      log.error('writer.begin_failed', 'No journal can be begun; counting is refused', { err });
      this.#line.rejectUnanswered(new IngestRefused('no_journal'));
      if (!this.#stopped) setTimeout(() => void this.#beginNext(), newIdentityRetryMs).unref();
    }
  }
}
