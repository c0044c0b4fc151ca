// The time that a call has, retries and waits included, and what is done between two attempts.
// Promises an end in time: the outcome, or the failure that was seen last. Never retries what
// says give-up.
import { setMaxListeners } from 'node:events';
import { CounterError } from '../model/errors.ts';
import type { CallOptions } from '../model/rows.ts';
import { hbaseRetryWaitMs, hbaseRetryWaitMsMax } from '../limits.ts';
import { closedFailure, endsTheCall, toCounterError } from './failures.ts';

export class Deadline {
  readonly #endMs: number;
  readonly #closing: AbortSignal | undefined;
  readonly signal: AbortSignal | undefined;

  /** `closing` ends every call of a client: its waits too, so that none outlives it. */
  constructor(options: CallOptions, closing?: AbortSignal) {
    this.#endMs = performance.now() + options.timeoutMs;
    this.#closing = closing;
    this.signal = options.signal;
    // A query's scans all hang on one signal; Node would take more than ten for a leak.
    for (const signal of [closing, options.signal]) {
      if (signal !== undefined) setMaxListeners(0, signal);
    }
  }

  leftMs(): number {
    return this.#endMs - performance.now();
  }

  /** Why the call must end now; null: it may go on. */
  over(): CounterError | null {
    if (this.#closing?.aborted === true) return closedFailure();
    if (this.signal?.aborted === true) return abortedFailure();
    return this.leftMs() <= 0 ? timeoutFailure('no time was left') : null;
  }

  throwIfOver(): void {
    const over = this.over();
    if (over !== null) throw over;
  }

  /** Waits, but not beyond the deadline or an abort; false: there is no time for it. */
  async wait(ms: number): Promise<boolean> {
    if (ms >= this.leftMs() || this.over() !== null) return false;
    await this.#sleep(ms);
    return this.over() === null;
  }

  /** The outcome of something that others may wait for longer; `late` says what was waited for. */
  async race<T>(
    outcome: Promise<T>,
    late: () => CounterError = () => timeoutFailure('no answer in time'),
  ): Promise<T> {
    const ended = new AbortController();
    const end = this.#sleep(Math.max(0, this.leftMs()), ended.signal).then(() => {
      throw interrupted(this) ?? late();
    });
    // Whichever comes second has no listener any more.
    end.catch(() => undefined);
    outcome.catch(() => undefined);
    try {
      return await Promise.race([outcome, end]);
    } finally {
      ended.abort();
    }
  }

  async #sleep(ms: number, ended?: AbortSignal): Promise<void> {
    const signals = [this.signal, this.#closing, ended];
    // What is aborted already tells it no more.
    if (signals.some((signal) => signal?.aborted === true)) return;
    await new Promise<void>((resolve) => {
      const done = (): void => {
        clearTimeout(timer);
        for (const signal of signals) signal?.removeEventListener('abort', done);
        resolve();
      };
      const timer = setTimeout(done, ms);
      for (const signal of signals) signal?.addEventListener('abort', done, { once: true });
    });
  }
}

export function timeoutFailure(detail: string): CounterError {
  return new CounterError('STORE_TIMEOUT', 'retry', { detail });
}

export function abortedFailure(): CounterError {
  return new CounterError('STORE_ABORTED', 'give-up', { detail: 'the caller went away' });
}

/** The caller or the client has ended the call; a deadline that has come tells nothing new. */
export function interrupted(deadline: Deadline): CounterError | null {
  const over = deadline.over();
  return over?.code === 'STORE_TIMEOUT' ? null : over;
}

/**
 * With jitter, so that what failed together does not come back together. An overloaded server is
 * left alone for longer than this, by all calls together: its pace sees to it.
 */
export function waitMs(attempt: number): number {
  const whole = Math.min(hbaseRetryWaitMsMax, hbaseRetryWaitMs * 2 ** Math.min(attempt, 16));
  return whole * (0.5 + Math.random() / 2);
}

/** Tries until it succeeds, must be given up, or the deadline leaves no time for another try. */
export async function persist<T>(
  deadline: Deadline,
  onRetry: (failure: CounterError) => void,
  attempt: () => Promise<T>,
): Promise<T> {
  for (let attempts = 0; ; attempts++) {
    deadline.throwIfOver();
    try {
      return await attempt();
    } catch (error) {
      const failure = toCounterError(error);
      if (failure.remedy === 'give-up' || endsTheCall.has(failure.code)) throw failure;
      // The next time-out would say less than what was seen here.
      if (!(await deadline.wait(waitMs(attempts)))) {
        throw interrupted(deadline) ?? failure;
      }
      onRetry(failure);
    }
  }
}
