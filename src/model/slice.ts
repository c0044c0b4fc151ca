// Owns a slice of the event loop: long work asks now and then whether it is over. Promises that
// everybody else has his turn before the next one begins.
import { assert } from './assert.ts';

export class Slice {
  readonly #ms: number;
  #startMs = performance.now();

  constructor(ms: number) {
    assert(ms > 0, 'a slice has a length');
    this.#ms = ms;
  }

  get isOver(): boolean {
    return performance.now() - this.#startMs >= this.#ms;
  }

  /** Everybody else first; then another slice begins. */
  async next(): Promise<void> {
    await new Promise(setImmediate);
    this.#startMs = performance.now();
  }
}
