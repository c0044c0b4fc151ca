import { assert } from './assert.ts';
import type { MeasureCode } from './measure.ts';
import type { WriterId } from './writer-id.ts';

/** 1-128 bytes of UTF-8, byte for byte as sent; checked once, at the edge. */
export type AdId = string & { readonly brand: 'AdId' };
export type SiteId = string & { readonly brand: 'SiteId' };

/** Bytes of the longest ad or site id. */
export const idBytesMax = 128;

/**
 * Absolute counts of a cell, flat: measure, count, measure, count … ascending by measure, no
 * count zero. Never changed in place: a new count is a new array, so whoever holds an old one
 * (a flush under way) keeps a state that the cell really had.
 */
export type MeasureCounts = readonly number[];

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

/** A lag is a u16 of quarters. */
export const lagMax = 0xffff;

/**
 * What a cell is stored with. Only a clock that was wild while the store was out of reach, or a
 * writer that a recoverer registered behind its back, leads beyond the ends; then the nearest end
 * stands, for whoever computes it: a count is not lost for a moment that cannot be written down.
 */
export function lagBetween(eventQuarter: number, acceptanceQuarter: number): number {
  return Math.min(lagMax, Math.max(0, acceptanceQuarter - eventQuarter));
}

export const noCounts: MeasureCounts = [];

/** n: the sum of the cell's counts over its measures. */
export function sumOf(counts: MeasureCounts): number {
  let n = 0;
  for (let i = 1; i < counts.length; i += 2) n += counts[i] ?? 0;
  return n;
}

export function countOf(counts: MeasureCounts, measure: MeasureCode): number {
  for (let i = 0; i < counts.length; i += 2) if (counts[i] === measure) return counts[i + 1] ?? 0;
  return 0;
}

/** Adds to a working copy that nobody else holds. */
export function addInPlace(counts: number[], measure: MeasureCode, n: number): void {
  assert(n > 0, 'a count never falls');
  let i = 0;
  while (i < counts.length && (counts[i] ?? 0) < measure) i += 2;
  if (counts[i] === measure) counts[i + 1] = (counts[i + 1] ?? 0) + n;
  else counts.splice(i, 0, measure, n);
}
