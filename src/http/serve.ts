// One request on one route, from node's request to node's response, whoever found the route.
// In this order: method, preflight, key, body, handler, problem. Each answer carries the request
// id and the few security headers; each is measured once. Never knows Express.
import type { IncomingMessage, ServerResponse } from 'node:http';
import { headersMax } from '../limits.ts';
import { toError } from '../model/errors.ts';
import { emptyAnswer } from './answer.ts';
import type { Answer, AnswerHeaders } from './answer.ts';
import { corsHeaders, preflightHeaders } from './cors.ts';
import { problemOf } from './failures.ts';
import { KeyRing, bearerOf } from './keys.ts';
import { Parameters } from './parameters.ts';
import type { HttpOptions } from './ports.ts';
import { Problem, problemAnswer } from './problems.ts';
import { readBody } from './read-body.ts';
import { requestIds } from './request-id.ts';
import type { Route } from './routes.ts';

export type Params = Readonly<Record<string, string>>;

export interface Edge {
  /** Resolves when the answer was handed to node; never rejects. */
  serve(
    route: Route,
    request: IncomingMessage,
    response: ServerResponse,
    params: Params,
  ): Promise<void>;
  /** For what has no route, or failed before it had one. */
  refuse(thrown: unknown, request: IncomingMessage, response: ServerResponse): void;
}

/** What the metric says of requests without a route, and of clients that did not wait. */
const noRoute = 'none';
const hungUpCode = 499;

const noBytes = Buffer.alloc(0);
const noHeaders: AnswerHeaders = {};
const neverAborted = new AbortController().signal;

export function createEdge(options: HttpOptions, isDraining: () => boolean): Edge {
  const keys = new KeyRing(options.keys);
  const requestIdOf = requestIds();

  /** What no one expected is logged with all it carries, and told as nothing but a number. */
  function problemFor(thrown: unknown, requestId: string): Problem {
    const known = problemOf(thrown);
    if (known !== undefined) return known;
    options.log('http.failed', { level: 'error', request_id: requestId, err: toError(thrown) });
    return new Problem('internal', 'The service failed to answer; its log says more.');
  }

  function finish(
    sent: Readonly<{ answer: Answer; cors: AnswerHeaders; requestId: string; startedMs: number }>,
    route: string,
    request: IncomingMessage,
    response: ServerResponse,
  ): void {
    const { answer, cors, requestId, startedMs } = sent;
    // Gone, cut, or answered before its body had arrived.
    const hungUp = response.destroyed || response.headersSent || !request.socket.writable;
    if (!hungUp) write(answer, { cors, requestId, closes: isDraining() }, request, response);
    const seconds = (performance.now() - startedMs) / 1_000;
    const code = hungUp ? hungUpCode : answer.status;
    options.metrics.request(methodLabel(request.method), route, code, seconds);
  }

  async function serve(
    route: Route,
    request: IncomingMessage,
    response: ServerResponse,
    params: Params,
  ): Promise<void> {
    const startedMs = performance.now();
    const requestId = requestIdOf(request.headers['x-request-id']);
    const cors = corsHeaders(route.scope, request.headers, options.corsOrigins);
    let answer: Answer;
    try {
      answer =
        request.method === 'OPTIONS'
          ? preflightAnswer(route, cors)
          : await answerOf(route, keys, { request, response, params });
    } catch (thrown) {
      const problem = problemFor(thrown, requestId);
      const pictured = isMethodOf(route, request.method) ? route.problemAnswer : undefined;
      answer = pictured === undefined ? problemAnswer(problem, requestId) : pictured(problem);
    }
    finish({ answer, cors, requestId, startedMs }, route.path, request, response);
  }

  function refuse(thrown: unknown, request: IncomingMessage, response: ServerResponse): void {
    const startedMs = performance.now();
    const requestId = requestIdOf(request.headers['x-request-id']);
    const answer = problemAnswer(problemFor(thrown, requestId), requestId);
    finish({ answer, cors: noHeaders, requestId, startedMs }, noRoute, request, response);
  }

  return { serve, refuse };
}

interface Exchange {
  readonly request: IncomingMessage;
  readonly response: ServerResponse;
  readonly params: Params;
}

async function answerOf(route: Route, keys: KeyRing, exchange: Exchange): Promise<Answer> {
  const { request, response, params } = exchange;
  const { method, headers, socket } = request;
  if (!isMethodOf(route, method)) throw wrongMethod(route);
  refuseStrangeHead(request);
  const { path, query } = splitUrl(request.url ?? '');
  const secret = bearerOf(headers) ?? keyInQuery(route, query);
  keys.authorize(route.scope, { secret, remoteAddress: socket.remoteAddress, headers });
  if (route.negotiates === true) refuseOtherForms(headers.accept);
  const bytes = route.readsBody === true ? await readBody(request) : noBytes;
  const signal = route.scope === 'read' ? hangUpSignal(response) : neverAborted;
  const handler = method === 'HEAD' ? (route.head ?? route.handler) : route.handler;
  return handler({ params, path, query, headers, bytes, signal });
}

function isMethodOf(route: Route, method: string | undefined): boolean {
  return method === route.method || (method === 'HEAD' && route.method === 'GET');
}

function allowedOn(route: Route): string {
  return route.method === 'GET' ? 'GET, HEAD, OPTIONS' : 'POST, OPTIONS';
}

function preflightAnswer(route: Route, cors: AnswerHeaders): Answer {
  return emptyAnswer(204, { Allow: allowedOn(route), ...preflightHeaders(cors, route.method) });
}

function wrongMethod(route: Route): Problem {
  const headers = { Allow: allowedOn(route) };
  return new Problem('method_not_allowed', `Use ${route.method} here.`, { headers });
}

function refuseStrangeHead(request: IncomingMessage): void {
  const hosts = hostLines(request.rawHeaders);
  if (hosts === 0 && request.httpVersion === '1.1') {
    throw new Problem('malformed_http', 'The Host header is missing.');
  }
  if (hosts > 1) throw new Problem('malformed_http', 'There is more than one Host header.');
  if (request.rawHeaders.length > 2 * headersMax) {
    throw new Problem('headers_too_large', `More than ${headersMax} header lines.`);
  }
}

/** node keeps the first; a proxy in between may have gone by another. */
function hostLines(rawHeaders: readonly string[]): number {
  let hosts = 0;
  for (let i = 0; i < rawHeaders.length; i += 2) {
    const name = rawHeaders[i] ?? '';
    if (name.length === 4 && name.toLowerCase() === 'host') hosts++;
  }
  return hosts;
}

function splitUrl(url: string): Readonly<{ path: string; query: string }> {
  const at = url.indexOf('?');
  return at < 0 ? { path: url, query: '' } : { path: url.slice(0, at), query: url.slice(at + 1) };
}

function keyInQuery(route: Route, query: string): string | undefined {
  const mayHoldKey = route.keyInQuery === true && query.includes('key=');
  return mayHoldKey ? new Parameters(query).one('key') : undefined;
}

/** Aborted when the client is gone before it has its answer. */
function hangUpSignal(response: ServerResponse): AbortSignal {
  const hangUp = new AbortController();
  response.once('close', () => {
    if (!response.writableFinished) hangUp.abort();
  });
  return hangUp.signal;
}

const acceptableTypes = new Set(['application/json', 'application/*', '*/*']);

function refuseOtherForms(accept: string | undefined): void {
  if (accept === undefined || accept.trim() === '') return;
  for (const range of accept.toLowerCase().split(',')) {
    const [type = '', ...parameters] = range.split(';').map((part) => part.trim());
    const unwanted = parameters.some((parameter) => /^q=0(?:\.0*)?$/.test(parameter));
    if (acceptableTypes.has(type) && !unwanted) return;
  }
  throw new Problem('not_acceptable', 'The answer is application/json; Accept excludes it.');
}

interface Writing {
  readonly cors: AnswerHeaders;
  readonly requestId: string;
  /** Whether this answer is the last on its connection. */
  readonly closes: boolean;
}

function write(
  answer: Answer,
  { cors, requestId, closes }: Writing,
  request: IncomingMessage,
  response: ServerResponse,
): void {
  const { status, body } = answer;
  const headers: Record<string, string | number> = {
    'X-Content-Type-Options': 'nosniff',
    'X-Request-Id': requestId,
    ...cors,
    ...answer.headers,
  };
  if (closes) headers['Connection'] = 'close';
  if (status !== 204 && status !== 304) headers['Content-Length'] = Buffer.byteLength(body);
  response.writeHead(status, headers);
  response.end(request.method === 'HEAD' ? undefined : body);
}

const methodLabels = new Set(['GET', 'HEAD', 'POST', 'OPTIONS', 'PUT', 'PATCH', 'DELETE']);

/** Bounded, whatever clients send. */
function methodLabel(method: string | undefined): string {
  return method !== undefined && methodLabels.has(method) ? method : 'other';
}
