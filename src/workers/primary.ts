// The primary of several workers: says of all of them what one process would say of itself, and
// sees to it that what a dead one left in its journal is recovered by a living one at once.
// Never counts an event and never holds a count.
import type { FlushAnswer, Readiness } from '../http/ports.ts';
import { workerLookMs, workerRecoverRetryMs } from '../limits.ts';
import type { Log } from '../log.ts';
import type { Metrics } from '../metrics.ts';
import { MetricsTogether } from '../metrics-together.ts';
import type { Unflushed } from '../query/asking.ts';
import type { Answers } from './channel.ts';
import { Crew } from './crew.ts';
import { flushTogether, readinessTogether, statusTogether, unflushedTogether } from './sums.ts';
import type { Document } from './sums.ts';
import type { Child, WorkerProcess } from './worker-process.ts';

export interface PrimaryOptions {
  readonly workers: number;
  readonly graceMs: number;
  readonly launch: () => Child;
  readonly metrics: Metrics;
  readonly monotonicMs: () => number;
  readonly random: () => number;
  readonly log: Log;
}

export class Primary {
  readonly crew: Crew;
  readonly #options: PrimaryOptions;
  readonly #metrics = new MetricsTogether();
  /** Workers that ended, and how many of these ends the living have looked behind. */
  #ends = 0;
  #settledEnds = 0;
  #retry: NodeJS.Timeout | undefined;
  #looking: NodeJS.Timeout | undefined;

  constructor(options: PrimaryOptions) {
    this.#options = options;
    this.crew = new Crew({
      ...options,
      launch: () => {
        options.metrics.workerStarted();
        return options.launch();
      },
      answers: (worker) => this.#answers(worker),
      onHang: () => options.metrics.workerHung(),
      onEnd: (worker, isCrash) => this.#ended(worker, isCrash),
    });
  }

  /** Workers that hang are looked for from now on. */
  watch(): void {
    this.#looking ??= setInterval(() => this.crew.look(), workerLookMs);
  }

  async stop(): Promise<boolean> {
    clearInterval(this.#looking);
    clearTimeout(this.#retry);
    return this.crew.stop();
  }

  #answers(worker: () => WorkerProcess): Answers {
    return {
      readiness: () => this.#readiness(),
      status: () => this.#status(),
      metrics: () => this.#scrape(),
      flush: () => this.#flush(),
      freshen: () => this.#freshen(),
      unflushed: async (question) =>
        unflushedTogether(await this.#askAll<Unflushed>('unflushed', question)),
      hasLostCounts: async (withinMs) => {
        const asked = this.#counting;
        const answers = await this.#ask<boolean>(asked, 'hasLostCounts', withinMs);
        // Of one that does not say so nobody knows.
        return answers.length < asked.length || answers.includes(true);
      },
      isChosen: () => worker() === this.#counting[0],
    };
  }

  /** Who holds counts: they serve, or are about to hand over. */
  get #counting(): readonly WorkerProcess[] {
    return this.crew.living.filter(({ state }) => state === 'serving' || state === 'stopping');
  }

  async #readiness(): Promise<Readiness> {
    if (this.crew.isStopping) return { state: 'draining', reasons: ['draining'] };
    const serving = this.crew.living.filter(({ state }) => state === 'serving');
    const parts = await this.#ask<Readiness>(serving, 'readiness');
    const { state, reasons } = readinessTogether(parts, this.#options.workers);
    const { alarms } = this.crew;
    const isReady = state === 'ready' && alarms.length > 0;
    return { state: isReady ? 'degraded' : state, reasons: [...reasons, ...alarms] };
  }

  async #status(): Promise<Document> {
    const asked = await Promise.all(
      this.crew.living.map(async (worker) => {
        const document = (await worker.ask('status').catch(() => undefined)) as
          Document | undefined;
        const { id, pid, state } = worker;
        const { writer = null, unflushed = null, journal = null } = document ?? {};
        return { document, worker: { worker: id, pid, state, writer, unflushed, journal } };
      }),
    );
    const documents: Document[] = [];
    for (const { document } of asked) if (document !== undefined) documents.push(document);
    const together = statusTogether(
      documents,
      asked.map(({ worker }) => worker),
    );
    return { ...together, workersWaiting: this.crew.waiting, alarms: this.crew.alarms };
  }

  async #scrape(): Promise<string> {
    const { metrics } = this.#options;
    const states = { starting: 0, serving: 0, stopping: 0, waiting: this.crew.waiting };
    for (const { state } of this.crew.living) if (state !== 'ended') states[state]++;
    metrics.workers(states);
    const own = await metrics.part();
    const asked = this.#counting;
    const parts = await Promise.all(asked.map((worker) => worker.metrics()));
    // Whoever has ended by now is in the text by what he said last: counted once, never twice and
    // never not at all, or a total would fall. Whatever follows an end has been done after this.
    await new Promise(setImmediate);
    const living = parts.filter((_, i) => asked[i]?.state !== 'ended');
    return this.#metrics.text(own, living);
  }

  async #flush(): Promise<FlushAnswer> {
    const { answers, isWhole } = await this.#flushAll('flush');
    const together = flushTogether(answers as FlushAnswer[]);
    if (isWhole || together.outcome !== 'success') return together;
    return { ...together, outcome: answers.length === 0 ? 'error' : 'partial' };
  }

  async #freshen(): Promise<boolean> {
    const { answers, isWhole } = await this.#flushAll('freshen');
    return isWhole && answers.every(Boolean);
  }

  /** Whole: every worker answered, or what it held was found in its journal and put. */
  async #flushAll(
    what: string,
  ): Promise<{ readonly answers: readonly unknown[]; readonly isWhole: boolean }> {
    const asked = this.#counting;
    const settling = this.#settleEnds();
    const answers = await Promise.all(
      asked.map((worker) => worker.order(what).catch(() => undefined)),
    );
    await settling;
    const given = answers.filter((answer) => answer !== undefined);
    const silent = asked.filter((_, i) => answers[i] === undefined);
    // Who ended under the question left its counts to the others.
    const isWhole = silent.every(({ state }) => state === 'ended') && (await this.#settleEnds());
    return { answers: given, isWhole };
  }

  #ended(worker: WorkerProcess, isCrash: boolean): void {
    if (isCrash) this.#options.metrics.workerCrashed();
    this.#metrics.retire(worker.lastMetrics);
    this.#ends++;
    if (!this.crew.isStopping) void this.#settleEnds();
  }

  /**
   * All look: one of them may hold the lock of the dead one's folder, and the others then see a
   * living writer. True: what all that ended have left is in the store, or named by an alarm.
   */
  async #settleEnds(): Promise<boolean> {
    const ends = this.#ends;
    if (this.#settledEnds >= ends) return true;
    const serving = this.crew.living.filter(({ state }) => state === 'serving');
    const looked = await Promise.all(
      serving.map((worker) => worker.order('recover').catch(() => false)),
    );
    if (looked.length > 0 && looked.every((all) => all === true)) {
      this.#settledEnds = Math.max(this.#settledEnds, ends);
      this.#options.log.info('worker.recovered', 'What ended workers left behind was looked at');
    } else if (!this.crew.isStopping) {
      clearTimeout(this.#retry);
      this.#retry = setTimeout(() => void this.#settleEnds(), workerRecoverRetryMs);
    }
    return this.#settledEnds >= ends;
  }

  #askAll<Answer>(what: string, detail?: unknown): Promise<Answer[]> {
    return this.#ask(this.#counting, what, detail);
  }

  /** Answers of those that gave one in time. */
  async #ask<Answer>(
    workers: readonly WorkerProcess[],
    what: string,
    detail?: unknown,
  ): Promise<Answer[]> {
    const answers = await Promise.all(
      workers.map((worker) => worker.ask(what, detail).catch(() => undefined)),
    );
    return answers.filter((answer) => answer !== undefined) as Answer[];
  }
}
