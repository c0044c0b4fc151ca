// What a query answers, before http gives it a shape in JSON.
import type { AdId, SiteId } from '../model/cell.ts';
import type { QuarterRange } from '../model/quarter.ts';

/** One measure over a range. gross = counted + all that was filtered. */
export interface MeasureTotal {
  readonly counted: number;
  /** By reason; empty until filters exist. */
  readonly filtered: Readonly<Record<string, number>>;
  readonly gross: number;
}

export interface Totals {
  readonly impressions: MeasureTotal;
  readonly clicks: MeasureTotal;
  /** Clicks counted per impression counted; null without impressions. */
  readonly ctr: number | null;
}

/** How far the answer is complete; the same for every number in it. */
export interface Completeness {
  /** Everything accepted before it, by any writer, is in the answer; null: nobody can say. */
  readonly completeThroughMs: number | null;
  /** completeThrough is past the end of the range by 48 hours. */
  readonly final: boolean;
  /** Writers that an operator called lost, whose missing counts may lie in the range. */
  readonly lost?: readonly string[];
  /** Writers that hold completeThrough back and are silent: what they have may be in the range. */
  readonly dead?: readonly string[];
  /** Writers whose records cannot be read: what they have may be in any range. */
  readonly unreadable?: readonly string[];
}

/** The range as it was read: widened to whole quarters, cut at the retention. */
export interface RangedAnswer extends Completeness {
  readonly range: QuarterRange;
}

export interface AdTotal extends RangedAnswer, Totals {
  readonly ad: AdId;
  /** Accepted by this process, not yet confirmed by the store; never part of the totals. */
  readonly unflushed: Readonly<{ impressions: number; clicks: number }>;
  /** Whether the store holds anything of this ad in the range. */
  readonly known: boolean;
}

export interface SiteTotals extends Totals {
  readonly site: SiteId;
}

export interface AdSites extends RangedAnswer {
  readonly ad: AdId;
  readonly sites: readonly SiteTotals[];
  /** Sites in the range before `limit`. */
  readonly sitesTotal: number;
  /** Where the next page starts; undefined on the last. */
  readonly nextCursor: string | undefined;
}

export interface AdSiteTotal extends AdTotal {
  readonly site: SiteId;
}

export const siteSorts = ['site', '-impressions', 'impressions', '-clicks', 'clicks'] as const;
export type SiteSort = (typeof siteSorts)[number];

export interface QueryOptions {
  /** Undefined ends: everything kept, the current quarter included. */
  readonly fromMs: number | undefined;
  readonly toMs: number | undefined;
  /** Flush this process first. */
  readonly fresh: boolean;
  readonly signal?: AbortSignal;
}

export interface PageOptions {
  readonly sort: SiteSort;
  readonly limit: number;
  readonly cursor: string | undefined;
}

/**
 * Questions. Errors: `STORE_UNAVAILABLE` (the store could not answer in time; never a partial
 * sum), `TOTAL_TOO_LARGE` (a sum reached 2^53), `RANGE_INVALID`, `CURSOR_INVALID`.
 */
export interface Asking {
  adTotals(ads: readonly AdId[], options: QueryOptions): Promise<readonly AdTotal[]>;
  adSites(ad: AdId, options: QueryOptions, page: PageOptions): Promise<AdSites>;
  adSite(ad: AdId, site: SiteId, options: QueryOptions): Promise<AdSiteTotal>;
}
