// Checks one event as it came out of JSON: a model event, or the reason why not.
// Cheap: no schema, no object per failure. Only known fields are read, so names like
// `__proto__` are nothing special. Never counts, never answers.
import { eventAgeMsMax, eventAheadMsMax, eventCountMax } from '../limits.ts';
import type { AdEvent } from '../model/event.ts';
import type { MeasureCode } from '../model/measure.ts';
import { adOf, siteOf } from './ids.ts';
import { instantOf } from './instants.ts';

export const rejectionReasons = [
  'ad_missing',
  'ad_invalid',
  'site_missing',
  'site_invalid',
  'n_invalid',
  'ts_invalid',
  'stale',
  'future',
  'not_json',
  'cell_full',
] as const;
export type RejectionReason = (typeof rejectionReasons)[number];

/** What all events of a request share, and what is told of them together. */
export interface Checking {
  readonly measure: MeasureCode;
  readonly nowMs: number;
  /** Grows while events are checked. */
  unknownFields: number;
}

/** An event that carries a token: the whole request is refused, it must not be ignored. */
export const carriesToken = 'token';

const knownFields: ReadonlySet<string> = new Set(['ad', 'site', 'n', 'ts']);

export function checkEvent(
  value: unknown,
  checking: Checking,
): AdEvent | RejectionReason | typeof carriesToken {
  if (typeof value !== 'object' || value === null || Array.isArray(value)) return 'not_json';
  const { ad, site, n, ts, id } = value as Record<string, unknown>;
  if (id !== undefined) return carriesToken;
  let unknown = 0;
  for (const field in value) if (!knownFields.has(field)) unknown++;
  checking.unknownFields += unknown;
  if (ad === undefined || ad === null) return 'ad_missing';
  const adId = typeof ad === 'string' ? adOf(ad) : undefined;
  if (adId === undefined) return 'ad_invalid';
  if (site === undefined || site === null) return 'site_missing';
  const siteId = typeof site === 'string' ? siteOf(site) : undefined;
  if (siteId === undefined) return 'site_invalid';
  if (n !== undefined && !isEventCount(n)) return 'n_invalid';
  const tsMs = ts === undefined ? undefined : momentOf(ts, checking.nowMs);
  if (typeof tsMs === 'string') return tsMs;
  return { measure: checking.measure, ad: adId, site: siteId, n: n ?? 1, tsMs };
}

export function isEventCount(n: unknown): n is number {
  return typeof n === 'number' && Number.isInteger(n) && n >= 1 && n <= eventCountMax;
}

/** Undefined: a little ahead, which is a clock that is a little off; it counts now. */
function momentOf(
  ts: unknown,
  nowMs: number,
): number | undefined | 'ts_invalid' | 'stale' | 'future' {
  // Many clocks tell fractions of a millisecond; no quarter-hour begins in one.
  const atMs = typeof ts === 'string' ? instantOf(ts) : ts;
  const tsMs = typeof atMs === 'number' ? Math.floor(atMs) : Number.NaN;
  if (!Number.isSafeInteger(tsMs) || tsMs < 0) return 'ts_invalid';
  if (tsMs < nowMs - eventAgeMsMax) return 'stale';
  if (tsMs > nowMs + eventAheadMsMax) return 'future';
  return tsMs > nowMs ? undefined : tsMs;
}

const fields: Readonly<Record<RejectionReason, string>> = {
  ad_missing: '/ad',
  ad_invalid: '/ad',
  site_missing: '/site',
  site_invalid: '/site',
  n_invalid: '/n',
  ts_invalid: '/ts',
  stale: '/ts',
  future: '/ts',
  not_json: '',
  cell_full: '',
};

/** Where in an event the reason lies, as the end of a JSON pointer. */
export function fieldOf(reason: RejectionReason): string {
  return fields[reason];
}

const explanations: Readonly<Record<RejectionReason, string>> = {
  ad_missing: 'ad is missing',
  ad_invalid:
    'ad is a string of 1-128 bytes without control characters, not blank at its ends, not . or ..',
  site_missing: 'site is missing',
  site_invalid:
    'site is a string of 1-128 bytes without scheme, port, path, blanks or control characters',
  n_invalid: 'n is an integer from 1 to 1,000,000',
  ts_invalid: 'ts is ISO 8601 with a zone (2026-01-31T12:00:00Z), or milliseconds since 1970',
  stale: 'ts is more than 24 hours ago; a number is milliseconds since 1970, not seconds',
  future: 'ts is more than 5 minutes ahead',
  not_json: 'an event is a JSON object',
  cell_full: 'the counter of this ad and site has reached its bound',
};

export function explanationOf(reason: RejectionReason): string {
  return explanations[reason];
}
