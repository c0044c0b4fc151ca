// Which time a question is about: `from`, `to`, `tz`, and whether to flush first.
// Half-open, in UTC. What cannot be meant (from not before to) is refused, never answered empty.
import type { QueryOptions } from '../query/answers.ts';
import { dateOf, instantOf } from './instants.ts';
import { booleanOf } from './parameters.ts';
import type { Parameters } from './parameters.ts';
import { Problem, parameterProblem } from './problems.ts';

export const rangeParameters = ['from', 'to', 'tz', 'fresh'];

export function queryOptionsOf(parameters: Parameters, signal: AbortSignal): QueryOptions {
  const tz = parameters.one('tz') ?? 'UTC';
  if (tz !== 'UTC') throw parameterProblem('tz', 'is UTC; other time zones are not offered yet');
  const fromMs = momentOf(parameters, 'from');
  const toMs = momentOf(parameters, 'to');
  if (fromMs !== undefined && toMs !== undefined && fromMs >= toMs) {
    const detail = 'must lie after from; the range holds from, but not to';
    throw new Problem('range_invalid', `to ${detail}.`, {
      errors: [{ pointer: '/query/to', detail }],
    });
  }
  return { fromMs, toMs, fresh: booleanOf(parameters, 'fresh'), signal };
}

function momentOf(parameters: Parameters, name: string): number | undefined {
  const text = parameters.one(name);
  if (text === undefined) return undefined;
  const atMs = instantOf(text) ?? dateOf(text);
  if (atMs === undefined) {
    const what = 'a date (2026-01-31) or an instant with its zone (2026-01-31T12:00:00Z)';
    throw parameterProblem(name, `is ${what}, not before 1970; a plus sign is sent as %2B`);
  }
  return atMs;
}
