// Owns the time of a simulation: one queue of events, and whose turn it is. Nothing here waits
// for anything real, so a history of an hour takes as long as its events need, and always the same.
// Promises: between two events every promise that can settle has settled; so whatever runs belongs
// to the owner of the event, and clocks and timers of the product are that owner's.
import { realSetImmediate } from './real-time.ts';
import type { Trace } from './trace.ts';

/** A simulated process; undefined stands for the world around them. */
export interface Owner {
  readonly name: string;
  readonly isDead: boolean;
  /** Stopped: what is due waits until it goes on. */
  readonly isFrozen: boolean;
  wallMs(): number;
  monotonicMs(): number;
}

export interface Timer {
  readonly atMs: number;
  readonly order: number;
  readonly owner: Owner | undefined;
  run: (() => void) | undefined;
}

/** Events that run before the real event loop has its turn. */
const eventsPerTurn = 64;

export class VirtualTime {
  readonly trace: Trace;
  nowMs: number;
  /** Whose event runs now. */
  owner: Owner | undefined;
  events = 0;
  #order = 0;
  readonly #heap: Timer[] = [];
  readonly #deferred = new Map<Owner, Timer[]>();

  constructor(trace: Trace, startMs: number) {
    this.trace = trace;
    this.nowMs = startMs;
  }

  /** Runs it later, as the owner's. */
  after(ms: number, owner: Owner | undefined, run: () => void): Timer {
    const atMs = this.nowMs + Math.max(0, ms);
    const timer: Timer = { atMs, order: this.#order++, owner, run };
    this.#push(timer);
    return timer;
  }

  cancel(timer: Timer): void {
    timer.run = undefined;
  }

  /** Resolves in an event of the world. */
  sleep(ms: number): Promise<void> {
    return new Promise((resolve) => void this.after(ms, undefined, resolve));
  }

  /** The owner goes on: what was due meanwhile comes now, in its order. */
  thaw(owner: Owner): void {
    for (const { run } of this.#deferred.get(owner) ?? []) {
      if (run !== undefined) this.after(0, owner, run);
    }
    this.#deferred.delete(owner);
  }

  /** Until it is over, or nothing is left to happen. Rejects with what an event throws. */
  run(isOver: () => boolean): Promise<void> {
    return new Promise((resolve, reject) => {
      let isDone = false;
      let queued = 0;
      const end = (settle: () => void): void => {
        isDone = true;
        this.owner = undefined;
        settle();
      };
      const step = (): void => {
        if (isDone) return;
        try {
          if (isOver() || !this.#next()) return end(resolve);
        } catch (thrown) {
          return end(() => reject(thrown));
        }
        if (--queued === 0) schedule();
      };
      // Promises settle between two immediates, also of the same turn.
      const schedule = (): void => {
        queued = eventsPerTurn;
        for (let i = 0; i < eventsPerTurn; i++) realSetImmediate(step);
      };
      schedule();
    });
  }

  #next(): boolean {
    for (let timer = this.#pop(); timer !== undefined; timer = this.#pop()) {
      const { owner, run, atMs } = timer;
      if (run === undefined || owner?.isDead === true) continue;
      this.nowMs = Math.max(this.nowMs, atMs);
      if (owner?.isFrozen === true) {
        const waiting = this.#deferred.get(owner);
        if (waiting === undefined) this.#deferred.set(owner, [timer]);
        else waiting.push(timer);
        continue;
      }
      this.events++;
      this.trace.add(owner?.name ?? 'world', this.nowMs);
      this.owner = owner;
      timer.run = undefined;
      run();
      return true;
    }
    return false;
  }

  #push(timer: Timer): void {
    const heap = this.#heap;
    let at = heap.push(timer) - 1;
    while (at > 0) {
      const parent = (at - 1) >> 1;
      const above = heap[parent];
      if (above === undefined || isBefore(above, timer)) break;
      heap[at] = above;
      at = parent;
    }
    heap[at] = timer;
  }

  #pop(): Timer | undefined {
    const heap = this.#heap;
    const first = heap[0];
    const last = heap.pop();
    if (first === undefined || last === undefined || heap.length === 0) return first;
    let at = 0;
    for (;;) {
      let child = 2 * at + 1;
      let below = heap[child];
      const right = heap[child + 1];
      if (below !== undefined && right !== undefined && isBefore(right, below)) {
        below = right;
        child++;
      }
      if (below === undefined || isBefore(last, below)) break;
      heap[at] = below;
      at = child;
    }
    heap[at] = last;
    return first;
  }
}

function isBefore(a: Timer, b: Timer): boolean {
  return a.atMs < b.atMs || (a.atMs === b.atMs && a.order < b.order);
}
