// The table of all routes: path, method, who may call, and the function that answers.
// Everything else (methods, keys, CORS, bodies, metrics) follows from the table by `serve.ts`,
// so that no route can forget it and a test can walk them all.
import type { Handler } from './answer.ts';
import { createCounting } from './counting.ts';
import type { CountingEndpoint } from './counting.ts';
import type { Answer } from './answer.ts';
import type { Scope } from './keys.ts';
import { createOperating } from './operating.ts';
import { createPages } from './pages.ts';
import { pixelAnswer, pixelProblemAnswer } from './pixel.ts';
import type { HttpOptions } from './ports.ts';
import type { Problem } from './problems.ts';
import { createQueries } from './queries.ts';

export interface Route {
  /** With `{name}` where a part of the path is a value; the label of its metric, too. */
  readonly path: string;
  /** A GET route answers HEAD too. */
  readonly method: 'GET' | 'POST';
  readonly scope: Scope;
  readonly handler: Handler;
  /** Answers HEAD where calling the handler would do something. */
  readonly head?: Handler;
  /** Whether the body is read before the handler is called. */
  readonly readsBody?: boolean;
  /** Whether `?key=` is a place for the key. */
  readonly keyInQuery?: boolean;
  /** Whether the answer is JSON and nothing else: then Accept is looked at. */
  readonly negotiates?: boolean;
  /** Where a problem is not told by a document. */
  readonly problemAnswer?: (problem: Problem) => Answer;
}

export function createRoutes(options: HttpOptions): readonly Route[] {
  const counting = createCounting(options);
  const queries = createQueries(options.asking);
  const operating = createOperating(options.operating, options.metrics);
  const pages = createPages(options.version);
  const count =
    (endpoint: CountingEndpoint): Handler =>
    ({ bytes, headers, query }) =>
      counting(endpoint, { bytes, headers, query });
  const writes = { method: 'POST', scope: 'write', readsBody: true } as const;
  const reads = { method: 'GET', scope: 'read', negotiates: true } as const;
  const open = { method: 'GET', scope: 'open' } as const;
  return [
    { ...writes, path: '/v1/impressions', handler: count('impressions') },
    { ...writes, path: '/v1/clicks', handler: count('clicks') },
    {
      path: '/v1/pixel.gif',
      method: 'GET',
      scope: 'write',
      keyInQuery: true,
      handler: count('pixel'),
      head: () => pixelAnswer(200, undefined),
      problemAnswer: pixelProblemAnswer,
    },
    { ...reads, path: '/v1/ads', handler: queries.ads },
    { ...reads, path: '/v1/ads/{ad}', handler: queries.ad },
    { ...reads, path: '/v1/ads/{ad}/sites', handler: queries.sites },
    { ...reads, path: '/v1/ads/{ad}/sites/{site}', handler: queries.site },
    { ...reads, path: '/v1/status', handler: operating.status },
    { path: '/v1/flush', method: 'POST', scope: 'admin', handler: operating.flush },
    { ...open, path: '/livez', handler: operating.livez },
    { ...open, path: '/readyz', handler: operating.readyz },
    { ...open, path: '/metrics', handler: operating.metrics },
    { ...open, path: '/', handler: pages.start },
    { ...open, path: '/page.css', handler: pages.style },
    { ...open, path: '/icon.svg', handler: pages.icon },
    { ...open, path: '/problems/{name}', handler: pages.problem },
  ];
}
