// The pixel: events in a query string, answered by 43 bytes of GIF whatever happens.
// The verdict travels in Adcounter-Result. Never sets a cookie, never lets a cache answer.
import type { MeasureName } from '../model/measure.ts';
import type { Answer } from './answer.ts';
import type { Parameters } from './parameters.ts';
import { decoded } from './parameters.ts';
import { parameterProblem } from './problems.ts';
import type { Problem } from './problems.ts';
import type { SentEvents } from './read-events.ts';

/** One transparent point. */
const gif = Buffer.from('R0lGODlhAQABAIAAAAAAAP///yH5BAEAAAAALAAAAAABAAEAAAICRAEAOw==', 'base64');

export const pixelParameters = ['ad', 'site', 'n', 'e', 'id', 'measure', 'key'];

export function pixelAnswer(status: number, result: string | undefined): Answer {
  const headers = {
    'Content-Type': 'image/gif',
    'Cache-Control': 'no-store, private, max-age=0',
    'Cross-Origin-Resource-Policy': 'cross-origin',
  };
  return {
    status,
    headers: result === undefined ? headers : { ...headers, 'Adcounter-Result': result },
    body: gif,
  };
}

/** A problem on the way of a pixel: the same status and headers, but a picture. */
export function pixelProblemAnswer(problem: Problem): Answer {
  const answer = pixelAnswer(problem.status, `refused; reason=${problem.problem}`);
  return { ...answer, headers: { ...answer.headers, ...problem.options.headers } };
}

export function resultOf(
  reason: string | undefined,
  rejected: number,
  events: number,
  dryRun: boolean,
): string {
  if (reason !== undefined && rejected === events) return `rejected; reason=${reason}`;
  const result = dryRun ? 'valid; reason=dry_run' : 'counted';
  return reason === undefined ? result : `${result}; rejected=${rejected}`;
}

export function readPixel(
  parameters: Parameters,
  unknownFields: number,
): Readonly<{ measure: MeasureName; sent: SentEvents }> {
  const values: unknown[] = [];
  const [ad, site, n] = [parameters.one('ad'), parameters.one('site'), parameters.one('n')];
  const repeated = parameters.everyRaw('e');
  const plain = ad !== undefined || site !== undefined || n !== undefined;
  if (plain || repeated.length === 0) values.push(sentEvent(ad, site, n));
  for (const raw of repeated) values.push(eventOf(raw));
  return { measure: measureOf(parameters), sent: { values, pointer: '/', unknownFields } };
}

/** `ad,site` or `ad,site,n`: a comma inside a part is sent as %2C, so split before decoding. */
function eventOf(raw: string): unknown {
  const parts = raw.split(',');
  if (parts.length > 3) throw parameterProblem('e', 'is ad,site or ad,site,n');
  const [ad, site, n] = parts.map(decoded);
  return sentEvent(ad, site, n);
}

/** As JSON would have brought it: what is missing is no field. */
function sentEvent(ad?: string, site?: string, n?: string): unknown {
  const count = countOf(n);
  return {
    ...(ad === undefined ? {} : { ad }),
    ...(site === undefined ? {} : { site }),
    ...(count === undefined ? {} : { n: count }),
  };
}

/** Digits alone; anything else becomes a value that the check of n refuses. */
function countOf(text: string | undefined): number | undefined {
  if (text === undefined) return undefined;
  return /^[0-9]{1,7}$/.test(text) ? Number(text) : Number.NaN;
}

function measureOf(parameters: Parameters): MeasureName {
  switch (parameters.one('measure')) {
    case undefined:
    case 'impression':
    case 'impressions':
      return 'impressions';
    case 'click':
    case 'clicks':
      return 'clicks';
    default:
      throw parameterProblem('measure', 'is impression or click');
  }
}
