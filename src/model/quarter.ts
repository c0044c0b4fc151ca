// Quarters: UTC quarter-hours, numbered from 1970-01-01T00:00Z. Days: UTC days, numbered likewise.

export const quarterMs = 900_000;
export const quartersPerDay = 96;
/** A day is stored as a u16: quarters are below this. */
export const quarterEnd = 0x10000 * quartersPerDay;

/** Number of the quarter-hour that contains the moment. */
export function quarterOf(atMs: number): number {
  return Math.floor(atMs / quarterMs);
}

export function quarterStartMs(quarter: number): number {
  return quarter * quarterMs;
}

export function dayOfQuarter(quarter: number): number {
  return Math.floor(quarter / quartersPerDay);
}

/** 0 to 95. */
export function quarterOfDay(quarter: number): number {
  return quarter % quartersPerDay;
}

/** Half-open: `first` belongs to it, `end` does not. */
export interface QuarterRange {
  readonly first: number;
  readonly end: number;
}
