// Owns the set of positions that a replay found, as ascending ranges. Pure.
// Promises: a bounded number of ranges; what exceeds it counts as not found, so that a hostile
// journal is never taken for a whole one.
import { journalStretchesMax } from '../limits.ts';

export interface PositionRange {
  readonly first: number;
  /** It belongs to the range. */
  readonly last: number;
}

export class PositionRanges {
  #ranges: PositionRange[] = [];

  get ranges(): readonly PositionRange[] {
    return this.#ranges;
  }

  add(added: PositionRange): void {
    const newest = this.#ranges.at(-1);
    // Nearly always: what comes next.
    if (newest === undefined || added.first > newest.last) {
      if (newest !== undefined && added.first === newest.last + 1) {
        this.#ranges[this.#ranges.length - 1] = { first: newest.first, last: added.last };
      } else if (this.#ranges.length < journalStretchesMax) this.#ranges.push(added);
      return;
    }
    const before = this.#ranges.filter((range) => range.last < added.first - 1);
    const behind = this.#ranges.filter((range) => range.first > added.last + 1);
    const joined = this.#ranges.slice(before.length, this.#ranges.length - behind.length);
    const merged = {
      first: Math.min(added.first, joined[0]?.first ?? added.first),
      last: Math.max(added.last, joined.at(-1)?.last ?? added.last),
    };
    this.#ranges = [...before, merged, ...behind].slice(0, journalStretchesMax);
  }

  /** Whether all positions from `first` through `last` are in the set; none at all is whole. */
  holds(first: number, last: number): boolean {
    if (first > last) return true;
    return this.#ranges.some((range) => range.first <= first && range.last >= last);
  }
}
