// Owns what is known of V8's heap: its limit, and what the last full collection left of it, which
// is what is really held. A process that reaches the limit is ended by V8 at once, so whoever
// counts asks here first. Never collects anything itself.
import { constants, PerformanceObserver } from 'node:perf_hooks';
import { getHeapStatistics } from 'node:v8';
import { heapShortMs, heapShortShare, heapYoungBytes } from '../limits.ts';

export class HeapWatch {
  readonly limitBytes: number;
  readonly #monotonicMs: () => number;
  readonly #observer: PerformanceObserver;
  #left: { readonly bytes: number; readonly atMs: number } | undefined;

  constructor(monotonicMs: () => number) {
    this.limitBytes = getHeapStatistics().heap_size_limit;
    this.#monotonicMs = monotonicMs;
    this.#observer = new PerformanceObserver((list) => {
      const isFull = list.getEntries().some((entry) => isMajor(entry));
      if (isFull) this.collected(getHeapStatistics().used_heap_size);
    });
    this.#observer.observe({ entryTypes: ['gc'] });
  }

  /** A full collection left so much. */
  collected(bytes: number): void {
    this.#left = { bytes, atMs: this.#monotonicMs() };
  }

  /** Little is left, and that was found out just now: near its limit V8 collects all the time. */
  get isShort(): boolean {
    const left = this.#left;
    if (left === undefined) return false;
    const oldBytes = Math.max(this.limitBytes - heapYoungBytes, this.limitBytes / 2);
    if (left.bytes <= oldBytes * heapShortShare) return false;
    return this.#monotonicMs() - left.atMs < heapShortMs;
  }

  close(): void {
    this.#observer.disconnect();
  }
}

function isMajor(entry: object): boolean {
  const detail = 'detail' in entry ? entry.detail : undefined;
  const isObject = typeof detail === 'object' && detail !== null;
  return isObject && 'kind' in detail && detail.kind === constants.NODE_PERFORMANCE_GC_MAJOR;
}
