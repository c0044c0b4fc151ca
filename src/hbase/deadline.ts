// The time that a call has, retries and waits included, and what is done between two attempts.
// Promises an end in time: the outcome, or the failure that was seen last. Never retries what
// says give-up.
import { CounterError } from '../model/errors.ts';
import type { Remedy } from '../model/errors.ts';
import type { CallOptions } from '../model/rows.ts';
import {
  hbaseRetryWaitMs,
  hbaseRetryWaitMsMax,
  hbaseThrottleWaitMs,
  hbaseThrottleWaitMsMax,
} from '../limits.ts';
import { endsTheCall, toCounterError } from './failures.ts';

export class Deadline {
  readonly #endMs: number;
  readonly signal: AbortSignal | undefined;

  constructor(options: CallOptions) {
    this.#endMs = performance.now() + options.timeoutMs;
    this.signal = options.signal;
  }

  leftMs(): number {
    return this.#endMs - performance.now();
  }

  /** Why the call must end now; null: it may go on. */
  over(): CounterError | null {
    if (this.signal?.aborted === true) return abortedFailure();
    return this.leftMs() <= 0 ? timeoutFailure('no time was left') : null;
  }

  throwIfOver(): void {
    const over = this.over();
    if (over !== null) throw over;
  }

  /** Waits, but not beyond the deadline or an abort; false: there is no time for it. */
  async wait(ms: number): Promise<boolean> {
    if (ms >= this.leftMs() || this.signal?.aborted === true) return false;
    await new Promise<void>((resolve) => {
      const done = (): void => {
        clearTimeout(timer);
        this.signal?.removeEventListener('abort', done);
        resolve();
      };
      const timer = setTimeout(done, ms);
      this.signal?.addEventListener('abort', done, { once: true });
    });
    return this.over() === null;
  }
}

export function timeoutFailure(detail: string): CounterError {
  return new CounterError('STORE_TIMEOUT', 'retry', { detail });
}

export function abortedFailure(): CounterError {
  return new CounterError('STORE_ABORTED', 'give-up', { detail: 'the caller went away' });
}

/** With jitter, so that what failed together does not come back together. */
export function waitMs(remedy: Remedy, attempt: number): number {
  const throttled = remedy === 'throttle';
  const first = throttled ? hbaseThrottleWaitMs : hbaseRetryWaitMs;
  const most = throttled ? hbaseThrottleWaitMsMax : hbaseRetryWaitMsMax;
  const whole = Math.min(most, first * 2 ** Math.min(attempt, 16));
  // A throttled call never comes back sooner than the first wait says.
  return throttled ? whole * (1 + Math.random() / 2) : whole * (0.5 + Math.random() / 2);
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
      if (!(await deadline.wait(waitMs(failure.remedy, attempts)))) {
        throw deadline.signal?.aborted === true ? abortedFailure() : failure;
      }
      onRetry(failure);
    }
  }
}
