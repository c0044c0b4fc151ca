// What the identities of this process have counted and the store has not confirmed yet.
import type { WriterRun } from './ingest/writer-run.ts';
import type { AdId, SiteId } from './model/cell.ts';
import { measureCodes } from './model/measure.ts';
import type { QuarterRange } from './model/quarter.ts';
import type { Unflushed } from './query/asking.ts';

export function unflushedOf(
  runs: readonly WriterRun[],
  ad: AdId,
  site: SiteId | undefined,
  quarters: QuarterRange,
): Unflushed {
  const sum = { impressions: 0, clicks: 0 };
  for (const run of runs) {
    const counts = run.counters.unflushedOf(ad, site, quarters);
    sum.impressions += counts.get(measureCodes.impressions) ?? 0;
    sum.clicks += counts.get(measureCodes.clicks) ?? 0;
  }
  return sum;
}
