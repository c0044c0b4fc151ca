// How many events a second the clients may send together; without a rate: as many as are answered.

/** What was missed may be caught up with, but not all at once. */
const burstMs = 1000;

export class Pace {
  #perSecond: number | undefined;
  #nextMs = 0;

  get isSet(): boolean {
    return this.#perSecond !== undefined;
  }

  set(perSecond: number): void {
    this.#perSecond = perSecond;
    this.#nextMs = performance.now();
  }

  /** How long to wait before sending so many. */
  take(events: number): number {
    if (this.#perSecond === undefined) return 0;
    const nowMs = performance.now();
    const atMs = Math.max(nowMs - burstMs, this.#nextMs);
    this.#nextMs = atMs + (events * 1000) / this.#perSecond;
    return Math.max(0, atMs - nowMs);
  }
}
