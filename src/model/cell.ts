import type { MeasureCode } from './measure.ts';
import type { WriterId } from './writer-id.ts';

/** 1-128 bytes of UTF-8, byte for byte as sent; checked once, at the edge. */
export type AdId = string & { readonly brand: 'AdId' };
export type SiteId = string & { readonly brand: 'SiteId' };

/** Counts of one cell: measure and absolute count, ascending by measure, none of them zero. */
export type MeasureCounts = readonly (readonly [measure: MeasureCode, count: number])[];

/** One writer's absolute counts for an ad, site, event quarter and lag. */
export interface Cell {
  readonly writer: WriterId;
  readonly ad: AdId;
  readonly site: SiteId;
  /** When the events happened. */
  readonly eventQuarter: number;
  /** Acceptance quarter minus event quarter; never negative. */
  readonly lag: number;
  readonly counts: MeasureCounts;
}

/** A cell's n stays below this, so that a version (quarter start + n) is an exact double. */
export const cellCountEnd = 2 ** 52;

/** n: the sum of the cell's counts over its measures. */
export function sumOf(counts: MeasureCounts): number {
  let n = 0;
  for (const [, count] of counts) n += count;
  return n;
}
