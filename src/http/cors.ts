// Which web pages may call: any page may write (without credentials), none may read unless its
// origin is configured, and admin calls are never for pages.
import type { IncomingHttpHeaders } from 'node:http';
import type { AnswerHeaders } from './answer.ts';
import type { Scope } from './keys.ts';

const nobody: AnswerHeaders = {};
const anybody: AnswerHeaders = {
  'Access-Control-Allow-Origin': '*',
  'Access-Control-Expose-Headers': 'Adcounter-Result, Retry-After, X-Request-Id',
};
const readersExposed = 'ETag, Link, Retry-After, X-Request-Id';
const preflightAllowed =
  'Authorization, Content-Type, Content-Encoding, Idempotency-Key, X-Request-Id';
const preflightSeconds = '86400';

/** Headers that every answer of the route carries, errors included. */
export function corsHeaders(
  scope: Scope,
  headers: IncomingHttpHeaders,
  readers: readonly string[],
): AnswerHeaders {
  if (scope === 'write') return anybody;
  if (scope !== 'read' || readers.length === 0) return nobody;
  const everybody = readers.includes('*');
  const { origin } = headers;
  if (!everybody && (origin === undefined || !readers.includes(origin))) return { Vary: 'Origin' };
  return {
    'Access-Control-Allow-Origin': everybody ? '*' : (origin ?? ''),
    'Access-Control-Expose-Headers': readersExposed,
    Vary: 'Origin',
  };
}

/** What a preflight is told beside `corsHeaders`. */
export function preflightHeaders(cors: AnswerHeaders, method: string): AnswerHeaders {
  if (cors['Access-Control-Allow-Origin'] === undefined) return nobody;
  return {
    'Access-Control-Allow-Methods': method,
    'Access-Control-Allow-Headers': preflightAllowed,
    'Access-Control-Max-Age': preflightSeconds,
  };
}
