// Sums what two stores hold of each ad, one ad after the other: only the present one is held, with
// some of those that differ as examples. Promises exact sums, however large.
import { copyExamplesMax } from '../limits.ts';
import type { MeasureCounts } from '../model/cell.ts';
import { measureCodes } from '../model/measure.ts';

/** In counts. */
export interface Totals {
  readonly impressions: bigint;
  readonly clicks: bigint;
  /** Of both, for whatever reason. */
  readonly filtered: bigint;
}

/** An ad, or all of them, in both stores. */
export interface BothTotals {
  readonly source: Totals;
  readonly target: Totals;
}

export interface AdsCompared extends BothTotals {
  readonly ads: number;
  readonly adsDiffering: number;
  /** Some of them. */
  readonly examples: readonly (BothTotals & { readonly ad: string })[];
}

export class AdTotals {
  #ads = 0;
  #adsDiffering = 0;
  readonly #examples: (BothTotals & { readonly ad: string })[] = [];
  readonly #all = { source: new Sum(), target: new Sum() };
  #ad: string | undefined;
  #present = { source: new Sum(), target: new Sum() };

  /** What is added from here on is of this ad; ads come in order, each once. */
  begin(ad: string): void {
    if (ad === this.#ad) return;
    this.#close();
    this.#ad = ad;
    this.#ads++;
  }

  add(source: MeasureCounts = [], target: MeasureCounts = []): void {
    this.#present.source.add(source);
    this.#present.target.add(target);
  }

  end(): AdsCompared {
    this.#close();
    this.#ad = undefined;
    const all = { source: this.#all.source.totals(), target: this.#all.target.totals() };
    const [ads, adsDiffering] = [this.#ads, this.#adsDiffering];
    return { ...all, ads, adsDiffering, examples: this.#examples };
  }

  #close(): void {
    if (this.#ad === undefined) return;
    const { source, target } = this.#present;
    this.#present = { source: new Sum(), target: new Sum() };
    this.#all.source.addSum(source);
    this.#all.target.addSum(target);
    if (source.equals(target)) return;
    this.#adsDiffering++;
    if (this.#examples.length === copyExamplesMax) return;
    this.#examples.push({ ad: this.#ad, source: source.totals(), target: target.totals() });
  }
}

class Sum {
  #impressions = 0n;
  #clicks = 0n;
  #filtered = 0n;

  add(counts: MeasureCounts): void {
    for (let i = 0; i < counts.length; i += 2) {
      const count = BigInt(counts[i + 1] ?? 0);
      if (counts[i] === measureCodes.impressions) this.#impressions += count;
      else if (counts[i] === measureCodes.clicks) this.#clicks += count;
      else this.#filtered += count;
    }
  }

  addSum(other: Sum): void {
    this.#impressions += other.#impressions;
    this.#clicks += other.#clicks;
    this.#filtered += other.#filtered;
  }

  equals(other: Sum): boolean {
    return (
      this.#impressions === other.#impressions &&
      this.#clicks === other.#clicks &&
      this.#filtered === other.#filtered
    );
  }

  totals(): Totals {
    const [impressions, clicks, filtered] = [this.#impressions, this.#clicks, this.#filtered];
    return { impressions, clicks, filtered };
  }
}
