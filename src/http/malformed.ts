// Answers what node could not read as HTTP, with a problem document like everything else.
// Never answers on a connection where the answer could be taken for another request's.
import type { Server } from 'node:http';
import type { Socket } from 'node:net';
import type { Connection, Connections } from './connections.ts';
import type { HttpMetrics } from './ports.ts';
import { Problem, problemAnswer } from './problems.ts';
import type { ProblemName } from './problems.ts';
import { requestIds } from './request-id.ts';

export function answerMalformed(
  server: Server,
  connections: Connections,
  metrics: HttpMetrics,
): void {
  const requestIdOf = requestIds();
  server.on('clientError', (error: Error & { code?: string }, socket: Socket) => {
    if (error.code === 'ECONNRESET' || !socket.writable) {
      socket.destroy();
      return;
    }
    const current = connections.get(socket);
    const unanswered = current !== undefined && current.unanswered > 0;
    if (unanswered && !isOwedOnlyToLast(current)) {
      socket.destroy();
      return;
    }
    const [name, detail] = meaningOf(error.code);
    const problem = new Problem(name, detail);
    // A request that has a route is measured there.
    if (!unanswered) metrics.request('other', 'none', problem.status, 0);
    socket.end(rawAnswer(problem, requestIdOf(undefined)));
  });
}

/** Whole requests before the broken bytes: their answers come first, or none does. */
function isOwedOnlyToLast({ unanswered, last }: Connection): boolean {
  if (unanswered !== 1 || last === undefined) return false;
  return !last.request.complete && !last.response.headersSent;
}

function meaningOf(code: string | undefined): readonly [ProblemName, string] {
  if (code === 'HPE_HEADER_OVERFLOW') {
    return ['headers_too_large', 'The header lines are more than 8 KiB.'];
  }
  if (code === 'ERR_HTTP_REQUEST_TIMEOUT') {
    return ['request_timeout', 'The request did not arrive in time; nothing was counted.'];
  }
  return ['malformed_http', 'The bytes are not a valid HTTP/1.1 request.'];
}

const reasonPhrases: Readonly<Record<number, string>> = {
  400: 'Bad Request',
  408: 'Request Timeout',
  431: 'Request Header Fields Too Large',
};

function rawAnswer(problem: Problem, requestId: string): string {
  const { status, headers, body } = problemAnswer(problem, requestId);
  const lines = {
    ...headers,
    'X-Content-Type-Options': 'nosniff',
    'X-Request-Id': requestId,
    'Content-Length': String(Buffer.byteLength(body)),
    Connection: 'close',
  };
  const head = Object.entries(lines).map(([name, value]) => `${name}: ${value}\r\n`);
  const first = `HTTP/1.1 ${status} ${reasonPhrases[status] ?? 'Error'}\r\n`;
  return `${first}${head.join('')}\r\n${String(body)}`;
}
