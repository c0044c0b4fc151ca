// Sums counts by what they count. Promises: exact or refused, a sum that reaches 2^53 is
// TOTAL_TOO_LARGE; a measure without a known meaning fails the sum, it is never left out.
import type { MeasureCounts } from '../model/cell.ts';
import { CounterError } from '../model/errors.ts';
import { meaningOf, measureCodes } from '../model/measure.ts';
import type { MeasureCode, MeasureName } from '../model/measure.ts';
import type { MeasureTotal, Totals } from './answers.ts';

export class Sums {
  impressions = 0;
  clicks = 0;
  /** Filtered measures by code; most sums have none. */
  #filtered: Map<MeasureCode, number> | undefined;

  add(counts: MeasureCounts): void {
    for (let i = 0; i < counts.length; i += 2) {
      const code = counts[i] ?? 0;
      const count = counts[i + 1] ?? 0;
      if (code === measureCodes.impressions) this.impressions = exact(this.impressions + count);
      else if (code === measureCodes.clicks) this.clicks = exact(this.clicks + count);
      else this.#addFiltered(code, count);
    }
  }

  totals(): Totals {
    const impressions = this.#total('impressions', this.impressions);
    const clicks = this.#total('clicks', this.clicks);
    const ctr = impressions.counted === 0 ? null : clicks.counted / impressions.counted;
    return { impressions, clicks, ctr };
  }

  #addFiltered(code: MeasureCode, count: number): void {
    if (meaningOf(code) === undefined) {
      const detail = `a later release counts measure ${code}; this one cannot say what it is`;
      throw new CounterError('BYTES_INVALID', 'give-up', { detail });
    }
    this.#filtered ??= new Map<MeasureCode, number>();
    this.#filtered.set(code, exact((this.#filtered.get(code) ?? 0) + count));
  }

  #total(measure: MeasureName, counted: number): MeasureTotal {
    const filtered: Record<string, number> = {};
    let gross = counted;
    for (const [code, count] of this.#filtered ?? []) {
      const meaning = meaningOf(code);
      if (meaning?.measure !== measure || meaning.filteredFor === undefined) continue;
      filtered[meaning.filteredFor] = count;
      gross = exact(gross + count);
    }
    return { counted, filtered, gross };
  }
}

/** Both parts were below 2^53, so a sum that is not exact cannot come back below it. */
function exact(sum: number): number {
  if (Number.isSafeInteger(sum)) return sum;
  const detail = 'a sum reached 2^53; ask for a shorter range';
  throw new CounterError('TOTAL_TOO_LARGE', 'give-up', { detail });
}
