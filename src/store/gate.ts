// Lets a bounded number of calls through at once; the others wait in order, bounded too.
import { CounterError } from '../model/errors.ts';
import type { Deadline } from './deadline.ts';

export class Gate {
  readonly #concurrent: number;
  readonly #waitingMax: number;
  readonly #waiting = new Set<() => void>();
  #running = 0;

  constructor(bounds: { readonly concurrent: number; readonly waitingMax: number }) {
    this.#concurrent = bounds.concurrent;
    this.#waitingMax = bounds.waitingMax;
  }

  async run<T>(task: () => Promise<T>, deadline: Deadline): Promise<T> {
    deadline.throwIfOver();
    if (this.#running >= this.#concurrent) await this.#wait(deadline);
    else this.#running++;
    try {
      return await task();
    } finally {
      this.#leave();
    }
  }

  async #wait(deadline: Deadline): Promise<void> {
    if (this.#waiting.size >= this.#waitingMax) {
      throw new CounterError('STORE_BUSY', 'throttle', { detail: 'too many reads are waiting' });
    }
    const { promise: entered, resolve: enter } = promiseWithResolvers();
    this.#waiting.add(enter);
    try {
      await deadline.race(entered);
    } catch (thrown) {
      // Entered in the same turn as it ran out of time: the place is given on.
      if (!this.#waiting.delete(enter)) this.#leave();
      throw thrown;
    }
  }

  /** The place goes straight to the first in line, so nobody slips in between. */
  #leave(): void {
    const [next] = this.#waiting;
    if (next === undefined) this.#running--;
    else {
      this.#waiting.delete(next);
      next();
    }
  }
}

/** Promise.withResolvers, which Node 20 does not have. */
function promiseWithResolvers(): { readonly promise: Promise<void>; readonly resolve: () => void } {
  const parts: { resolve?: () => void } = {};
  const promise = new Promise<void>((resolve) => {
    parts.resolve = resolve;
  });
  return { promise, resolve: () => parts.resolve?.() };
}
