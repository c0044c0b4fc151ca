// The time that a call to a store has left, with its retries, waits and parts.
// Promises: what is raced against it settles in time, as the call's own outcome or as a
// CounterError. Never stops work that is under way: its outcome is then unknown to the caller.
import { CounterError } from '../model/errors.ts';
import type { CallOptions } from '../model/rows.ts';

/** Longest delay of a timer in Node; longer ones would fire at once. */
const timerMsMax = 2 ** 31 - 1;

export class Deadline {
  readonly #endMs: number;
  readonly #signal: AbortSignal | undefined;

  constructor(options: CallOptions) {
    this.#endMs = performance.now() + options.timeoutMs;
    this.#signal = options.signal;
  }

  /** Why the call must end now, if it must. */
  get over(): CounterError | undefined {
    if (this.#signal?.aborted === true) return aborted();
    return performance.now() >= this.#endMs ? timedOut() : undefined;
  }

  throwIfOver(): void {
    const over = this.over;
    if (over !== undefined) throw over;
  }

  /** What is left, for a part of the call. */
  rest(): CallOptions {
    const timeoutMs = Math.max(0, this.#endMs - performance.now());
    return this.#signal === undefined ? { timeoutMs } : { timeoutMs, signal: this.#signal };
  }

  async race<T>(outcome: Promise<T>): Promise<T> {
    const over = this.over;
    if (over !== undefined) {
      // Whoever started it hears of this error; what becomes of it later has no listener.
      outcome.catch(() => undefined);
      throw over;
    }
    const signal = this.#signal;
    const leftMs = Math.min(timerMsMax, Math.max(1, this.#endMs - performance.now()));
    let timer: NodeJS.Timeout | undefined;
    let onAbort: (() => void) | undefined;
    const end = new Promise<never>((_resolve, reject) => {
      timer = setTimeout(() => reject(timedOut()), leftMs);
      onAbort = () => reject(aborted());
      signal?.addEventListener('abort', onAbort, { once: true });
    });
    try {
      return await Promise.race([outcome, end]);
    } finally {
      clearTimeout(timer);
      if (onAbort !== undefined) signal?.removeEventListener('abort', onAbort);
    }
  }
}

function timedOut(): CounterError {
  return new CounterError('STORE_TIMEOUT', 'retry', { detail: 'no answer in time' });
}

function aborted(): CounterError {
  return new CounterError('STORE_ABORTED', 'give-up', { detail: 'the caller went away' });
}
