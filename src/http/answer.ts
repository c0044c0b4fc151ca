// What the edge answers, before node writes it: a status, headers and a body.
// Plain values, so that every answer can be made and tested without a socket.
// Never knows Express, nor node's requests and responses.
import type { IncomingHttpHeaders } from 'node:http';

export type AnswerHeaders = Readonly<Record<string, string>>;

export interface Answer {
  readonly status: number;
  readonly headers: AnswerHeaders;
  readonly body: string | Buffer;
}

/** A request as the handlers see it; the whole body has been read. */
export interface EdgeRequest {
  /** Decoded parts of the path, by the names in the route's template. */
  readonly params: Readonly<Record<string, string>>;
  /** What stands behind the question mark, as sent. */
  readonly query: string;
  /** As sent, for links to the next page. */
  readonly path: string;
  readonly headers: IncomingHttpHeaders;
  readonly bytes: Buffer;
  /** Aborted when the client hangs up before it has its answer. */
  readonly signal: AbortSignal;
}

export type Handler = (request: EdgeRequest) => Answer | Promise<Answer>;

const noHeaders: AnswerHeaders = {};

export const jsonType = 'application/json; charset=utf-8';

export function jsonAnswer(status: number, value: unknown, headers = noHeaders): Answer {
  return jsonTextAnswer(status, JSON.stringify(value), headers);
}

export function jsonTextAnswer(status: number, body: string, headers = noHeaders): Answer {
  return {
    status,
    headers: { 'Content-Type': jsonType, 'Cache-Control': 'no-store', ...headers },
    body,
  };
}

export function emptyAnswer(status: number, headers = noHeaders): Answer {
  return { status, headers, body: '' };
}
