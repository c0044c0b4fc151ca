// One job at a time, in the order of asking: each get-compare-put sees what the last one left.
// Promises: a job whose time ran out while it waited never runs; one under way is finished
// before the next, even if its caller has gone. Bounded; never runs two at once.
import { CounterError } from '../../model/errors.ts';
import type { Deadline } from '../deadline.ts';

export class WorkQueue {
  readonly #jobsMax: number;
  #tail: Promise<void> = Promise.resolve();
  #jobs = 0;
  #closed = false;

  constructor(jobsMax: number) {
    this.#jobsMax = jobsMax;
  }

  run<T>(job: () => Promise<T>, deadline: Deadline): Promise<T> {
    if (this.#closed) return Promise.reject(closedStore());
    if (this.#jobs >= this.#jobsMax) {
      const detail = 'too many writes are waiting';
      return Promise.reject(new CounterError('STORE_BUSY', 'throttle', { detail }));
    }
    this.#jobs++;
    const outcome = this.#runAfter(this.#tail, job, deadline);
    this.#tail = settled(outcome);
    return deadline.race(outcome);
  }

  async #runAfter<T>(
    earlier: Promise<void>,
    job: () => Promise<T>,
    deadline: Deadline,
  ): Promise<T> {
    await earlier;
    try {
      deadline.throwIfOver();
      return await job();
    } finally {
      this.#jobs--;
    }
  }

  /** Takes no more; resolves when the last one is finished. */
  close(): Promise<void> {
    this.#closed = true;
    return this.#tail;
  }
}

async function settled(outcome: Promise<unknown>): Promise<void> {
  await Promise.allSettled([outcome]);
}

export function closedStore(): CounterError {
  return new CounterError('STORE_CLOSED', 'give-up', { detail: 'the store was closed' });
}
