// One worker process as the primary holds it: what it is asked, what became of it.
// Promises that its end is known once, with what it last said of itself. Restarts nothing.
import { workerAnswerMs, workerFlushMs, workerKillMs, workerStartMs } from '../limits.ts';
import type { MetricsPart } from '../metrics-together.ts';
import { Channel } from './channel.ts';
import type { Answers } from './channel.ts';

/** What node gives of a process that was forked. */
export interface Child {
  /** Never used again for another. */
  readonly id: number;
  readonly pid: number;
  readonly send: (message: object) => void;
  readonly kill: (signal: 'SIGKILL') => void;
  readonly onMessage: (listener: (message: unknown) => void) => void;
  readonly onExit: (listener: (exit: Exit) => void) => void;
}

export interface Exit {
  /** Null: it was killed by a signal. */
  readonly code: number | null;
  readonly signal: string | null;
}

export class WorkerProcess {
  readonly id: number;
  readonly pid: number;
  readonly startedMs: number;
  /** Resolves at its end. */
  readonly ended: Promise<Exit>;
  readonly #child: Child;
  readonly #channel: Channel;
  readonly #serving: Promise<boolean>;
  #state: 'starting' | 'serving' | 'stopping' | 'ended' = 'starting';
  #wasStopped = false;
  #signs = 0;
  #lastMetrics: MetricsPart = [];

  constructor(child: Child, answers: Answers, nowMs: number) {
    this.id = child.id;
    this.pid = child.pid;
    this.startedMs = nowMs;
    this.#child = child;
    let serves: (() => void) | undefined;
    const started = new Promise<boolean>((resolve) => {
      serves = () => resolve(true);
    });
    this.#channel = new Channel(child.send, {
      ...answers,
      started: () => {
        if (this.#state === 'starting') this.#state = 'serving';
        serves?.();
      },
      ended: (metrics) => {
        this.#lastMetrics = metrics as MetricsPart;
      },
    });
    child.onMessage((message) => {
      this.#signs++;
      this.#channel.receive(message);
    });
    this.ended = new Promise((resolve) => {
      child.onExit((exit) => {
        this.#state = 'ended';
        this.#channel.close();
        resolve(exit);
      });
    });
    this.#serving = Promise.race([started, this.ended.then(() => false)]);
  }

  get state(): 'starting' | 'serving' | 'stopping' | 'ended' {
    return this.#state;
  }

  /** How often anything was heard of it. */
  get signs(): number {
    return this.#signs;
  }

  /** It was told to stop, so its end is no crash. */
  get wasStopped(): boolean {
    return this.#wasStopped;
  }

  /** What it said last of its metrics. */
  get lastMetrics(): MetricsPart {
    return this.#lastMetrics;
  }

  /** True once it serves; false: it ended before, by itself or because it took too long. */
  async serves(): Promise<boolean> {
    const late = setTimeout(() => this.#child.kill('SIGKILL'), workerStartMs);
    try {
      return await this.#serving;
    } finally {
      clearTimeout(late);
    }
  }

  /** What it has at hand. */
  ask(what: string, detail?: unknown): Promise<unknown> {
    return this.#channel.ask(what, detail, workerAnswerMs);
  }

  /** What takes it a flush or a recovery. */
  order(what: string): Promise<unknown> {
    return this.#channel.ask(what, undefined, workerFlushMs);
  }

  /** Fresh, or what it said last where it does not answer: its totals must not fall. */
  async metrics(): Promise<MetricsPart> {
    try {
      this.#lastMetrics = (await this.ask('metrics')) as MetricsPart;
    } catch {
      // It hangs or ends: a moment of its metrics that stands still is what alarms are made for.
    }
    return this.#lastMetrics;
  }

  /** By force: what it had journaled is recovered by the others. */
  kill(): void {
    this.#child.kill('SIGKILL');
  }

  /** Ends it in its own order, or by force where it takes longer than its grace and a bit. */
  async stop(graceMs: number): Promise<Exit> {
    if (this.#state !== 'ended') this.#state = 'stopping';
    this.#wasStopped = true;
    this.ask('stop').catch(() => undefined);
    const late = setTimeout(() => this.#child.kill('SIGKILL'), graceMs + workerKillMs);
    try {
      return await this.ended;
    } finally {
      clearTimeout(late);
    }
  }
}
