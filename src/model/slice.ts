// Owns the event loop's time for long work: everybody who has much to do waits in one line, and
// each turn of the loop goes to one of them, so that the work of many never adds up to one long
// slice. First come, first served. There is one event loop, and so there is one line.
import { assert } from './assert.ts';

const waiting: (() => void)[] = [];

/** Resolves in a turn of the event loop that is nobody else's of this line. */
export function nextTurn(): Promise<void> {
  return new Promise<void>((resolve) => {
    if (waiting.push(resolve) === 1) setImmediate(serveNext);
  });
}

function serveNext(): void {
  waiting.shift()?.();
  // What is immediate now comes in the next turn: others' sockets and timers are between.
  if (waiting.length > 0) setImmediate(serveNext);
}

/** Long work asks now and then whether its slice is over. */
export class Slice {
  readonly #ms: number;
  #startMs = performance.now();

  private constructor(ms: number) {
    assert(ms > 0, 'a slice has a length');
    this.#ms = ms;
  }

  /** Begins in a turn of its own. */
  static async begin(ms: number): Promise<Slice> {
    const slice = new Slice(ms);
    await slice.next();
    return slice;
  }

  get isOver(): boolean {
    return performance.now() - this.#startMs >= this.#ms;
  }

  /** Everybody else first; then another slice begins. */
  async next(): Promise<void> {
    await nextTurn();
    this.#startMs = performance.now();
  }
}
