// Turns whatever a handler threw into a Problem: a CounterError by its code and remedy.
// Promises that a text made deeper down never reaches a client unless it was written for one.
import { retryAfterSeconds } from '../limits.ts';
import { IngestRefused } from '../ingest/accept.ts';
import type { RefusalReason } from '../ingest/accept.ts';
import { CounterError } from '../model/errors.ts';
import { Problem } from './problems.ts';
import type { ProblemName, ProblemOptions } from './problems.ts';

const retryAfter = { 'Retry-After': String(retryAfterSeconds) };

const details: Readonly<Record<string, readonly [ProblemName, string]>> = {
  OUTCOME_UNKNOWN: [
    'outcome-unknown',
    'The journal failed under the request: it may be counted after a recovery.',
  ],
  STORE_UNAVAILABLE: [
    'store_unavailable',
    'The store cannot answer now; GET /v1/status says more.',
  ],
  TOTAL_TOO_LARGE: ['total_too_large', 'A sum reached 2^53; it is not rounded.'],
  RANGE_INVALID: ['range_invalid', 'The range holds no quarter-hour that is kept.'],
  BYTES_INVALID: ['store_unavailable', 'The store holds bytes that this release cannot read.'],
  SCHEMA_MISSING: [
    'store_unavailable',
    'The tables of the store do not exist; see: adcounter schema create.',
  ],
  SCHEMA_MISMATCH: [
    'store_unavailable',
    'The tables of the store are not as they must be; GET /v1/status names what differs.',
  ],
  CURSOR_INVALID: ['cursor_invalid', 'The cursor does not belong to this list.'],
};

/** For the sender's operator, who may ask ours. */
const refusals: Readonly<Record<RefusalReason, string>> = {
  overloaded: 'more waits already than is allowed to',
  draining: 'the service is stopping',
  no_journal: 'no journal can be written: the disk is full or gone',
  journal_failed: 'the journal failed, and another is being begun',
  journal_full: 'the journal has reached its bound; the store does not take what is in it',
  disk_full: 'the disk of the journal is full',
  memory_full: 'the counters have reached their bound; the store does not take what is in them',
  unregistered: 'the store was out of reach for too long since the start',
  schema_missing: 'the tables of the store do not exist; see: adcounter schema create',
  schema_mismatch: 'the tables of the store are not as they must be; see: adcounter schema verify',
};

/** Undefined: not one of the failures that we know, so one of our own mistakes. */
export function problemOf(thrown: unknown): Problem | undefined {
  if (thrown instanceof Problem) return thrown;
  if (thrown instanceof IngestRefused) {
    const why = refusals[thrown.reason];
    const detail = `Nothing of the request was counted, send it again later: ${why}.`;
    return new Problem('overloaded', detail, comesBack('overloaded'));
  }
  if (!(thrown instanceof CounterError)) return undefined;
  const known = Object.hasOwn(details, thrown.code) ? details[thrown.code] : undefined;
  if (known !== undefined) return new Problem(known[0], known[1], comesBack(known[0]));
  if (thrown.remedy === 'give-up') return undefined;
  return new Problem('overloaded', 'It cannot be done right now.', comesBack('overloaded'));
}

function comesBack(name: ProblemName): ProblemOptions {
  return name === 'overloaded' || name === 'store_unavailable' ? { headers: retryAfter } : {};
}
