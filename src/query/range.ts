// Which quarters a question means, and which of them are read.
// Promises: widened outward to whole quarters, cut at the retention; what everybody accepted so
// far lies inside a range without ends. Only computes.
import { eventAheadMsMax, watermarkAheadMs } from '../limits.ts';
import { CounterError } from '../model/errors.ts';
import { dayOfQuarter, quarterOf, quarterStartMs, quartersPerDay } from '../model/quarter.ts';
import type { QuarterRange } from '../model/quarter.ts';

/** 24 h in which an event may be late and 24 h in which it may wait for a store. */
const finalAfterMs = 48 * 3_600_000;

/** Accept clocks run at most a day ahead of the wall clock (watermarks beyond are ignored). */
const acceptedAheadQuarters = 2 * quartersPerDay;

export interface RangeAsked {
  readonly fromMs: number | undefined;
  readonly toMs: number | undefined;
}

export interface RangeContext {
  readonly nowMs: number;
  readonly retentionDays: number;
  /** The greatest moment that a writer has said it reached; null: none did. */
  readonly reachedMs: number | null;
}

export interface ReadRange {
  /** As the answer names it. */
  readonly named: QuarterRange;
  /** Its part in which anything can lie. */
  readonly read: QuarterRange;
}

/** What can be said of the ends alone. */
export function checkRange({ fromMs, toMs }: RangeAsked): void {
  if (fromMs !== undefined && toMs !== undefined && fromMs >= toMs) {
    throw invalidRange('`from` must lie before `to`');
  }
}

export function readRangeOf(asked: RangeAsked, context: RangeContext): ReadRange {
  checkRange(asked);
  const { fromMs, toMs } = asked;
  const nowQuarter = quarterOf(context.nowMs);
  // Whole days, so that the same question has the same answer all day.
  const kept = Math.max(0, dayOfQuarter(nowQuarter) - context.retentionDays) * quartersPerDay;
  const asFirst = fromMs === undefined ? kept : quarterOf(fromMs);
  const first = Math.max(kept, asFirst);
  // A writer's clock may be ahead of this one: what it confirmed belongs to "everything".
  // Not a clock gone wild: nobody follows those, so nothing was accepted in their quarters.
  const reachedMs = context.reachedMs ?? 0;
  const believed = reachedMs <= context.nowMs + watermarkAheadMs;
  const current = believed ? Math.max(nowQuarter, quarterOf(reachedMs)) : nowQuarter;
  const end = toMs === undefined ? Math.max(current, first) + 1 : quarterAfter(toMs);
  if (end <= first) {
    throw invalidRange(`nothing is kept from before ${iso(kept)} (RETENTION_DAYS)`);
  }
  // Without an end all that was accepted so far is meant: also by a machine whose clock was ahead
  // when it started, and whose watermark no bound of the store's clock lets be so far.
  const allEnd = current + 1 + acceptedAheadQuarters;
  const readEnd = Math.max(first, toMs === undefined ? allEnd : Math.min(end, allEnd));
  return { named: { first, end }, read: { first, end: readEnd } };
}

export function isFinal(completeThroughMs: number | null, range: QuarterRange): boolean {
  return (
    completeThroughMs !== null && completeThroughMs >= quarterStartMs(range.end) + finalAfterMs
  );
}

/** A writer that is lost, or dead, by the moments of its registry record. */
export interface MissedWriter {
  readonly writer: string;
  /** All that it accepted before is in the store. */
  readonly watermarkMs: number;
  /** It was called lost: it accepted nothing after. Absent: nobody knows when it ended. */
  readonly lostMs?: number;
}

/** Those who may have counted in the range what the store never got. */
export function touching(missed: readonly MissedWriter[], range: QuarterRange): readonly string[] {
  const touches = ({ watermarkMs, lostMs = Infinity }: MissedWriter): boolean =>
    // An event may be a day old when it is accepted, and wait for a store for another.
    quarterStartMs(range.end) > watermarkMs - finalAfterMs &&
    quarterStartMs(range.first) <= lostMs + eventAheadMsMax;
  return missed.filter(touches).map(({ writer }) => writer);
}

/** The quarter that begins at or after the moment. */
function quarterAfter(atMs: number): number {
  return -quarterOf(-atMs);
}

function iso(quarter: number): string {
  return new Date(quarterStartMs(quarter)).toISOString();
}

function invalidRange(detail: string): CounterError {
  return new CounterError('RANGE_INVALID', 'give-up', { detail });
}
