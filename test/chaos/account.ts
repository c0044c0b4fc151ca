// The book of one client, and so of one ad: what was acknowledged, and at which level; what nobody
// knows; what is under way. Lives outside of the services, so that kill -9 takes none of it.

export const ackLevels = ['memory', 'journal', 'store'] as const;
export type AckLevel = (typeof ackLevels)[number];

export class Account {
  readonly ad: string;
  /** What its client asks for. */
  readonly level: AckLevel;
  /** On thousands of sites. */
  readonly isWide: boolean;
  /** Counts, by the level of the answer: `store` asked for may be `journal` answered. */
  readonly acknowledged: Record<AckLevel, number> = { memory: 0, journal: 0, store: 0 };
  unknown = 0;
  inFlight = 0;
  /** When each durable acknowledgement came that counts by its time, and their sum by then. */
  readonly #answeredMs: number[] = [];
  readonly #timely: number[] = [];

  constructor(ad: string, level: AckLevel, isWide = false) {
    this.ad = ad;
    this.level = level;
    this.isWide = isWide;
  }

  /** Acknowledged at a level that survives kill -9. */
  get durable(): number {
    return this.acknowledged.journal + this.acknowledged.store;
  }

  /** No total may ever be more. */
  get possible(): number {
    return this.durable + this.acknowledged.memory + this.unknown + this.inFlight;
  }

  /**
   * Not timely: whoever counted it may not have been registered, so that it counts as accepted
   * when that is made up for, whenever it was answered.
   */
  acknowledge(n: number, level: AckLevel, isTimely = true): void {
    this.acknowledged[level] += n;
    if (level === 'memory' || !isTimely) return;
    this.#answeredMs.push(Date.now());
    this.#timely.push((this.#timely.at(-1) ?? 0) + n);
  }

  /** What a total must hold that says to be complete through the moment. */
  durableBy(ms: number): number {
    let [from, end] = [0, this.#answeredMs.length];
    while (from < end) {
      const middle = (from + end) >>> 1;
      if ((this.#answeredMs[middle] ?? 0) < ms) from = middle + 1;
      else end = middle;
    }
    return this.#timely[from - 1] ?? 0;
  }
}
