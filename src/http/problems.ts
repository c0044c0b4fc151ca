// Every problem that the edge can answer: its name, status, title and what helps.
// A Problem becomes an RFC 9457 document; the page behind `type` is made from the same table.
// Never carries a stack, a key or a query string to the client.
import type { Answer, AnswerHeaders } from './answer.ts';

interface ProblemKind {
  readonly status: number;
  readonly title: string;
  /** For the page: what to do about it. */
  readonly help: string;
}

const kinds = {
  malformed_http: {
    status: 400,
    title: 'The request is not valid HTTP',
    help:
      'Check the client or the proxy in between: the request line, a header or the framing of ' +
      'the body could not be read.',
  },
  parameter_invalid: {
    status: 400,
    title: 'A parameter has a value that cannot be used',
    help:
      'The errors name each parameter and what it may be. Percent-encode reserved characters; ' +
      'a plus sign is %2B.',
  },
  parameter_unknown: {
    status: 400,
    title: 'A parameter is not known here',
    help:
      'Unknown parameters are refused, because a mistyped one would silently change what is ' +
      'asked.',
  },
  range_invalid: {
    status: 400,
    title: 'The range of time cannot be used',
    help: 'A range is half-open: from belongs to it, to does not, and to lies after from.',
  },
  cursor_invalid: {
    status: 400,
    title: 'The cursor cannot be used',
    help: 'Follow the Link header of the page before, and keep its other parameters.',
  },
  ads_needed: {
    status: 400,
    title: 'Name the ads',
    help:
      'Ask for up to 100 ads by name: /v1/ads?ad=a&ad=b. Lists of the most seen ads are not ' +
      'offered yet.',
  },
  body_empty: {
    status: 400,
    title: 'The body is empty',
    help: 'Send one event, an array of events, or {"events":[…]}; as NDJSON one event a line.',
  },
  body_incomplete: {
    status: 400,
    title: 'The body ended early',
    help: 'Nothing was counted. Send the request again.',
  },
  not_gzip: {
    status: 400,
    title: 'The body is not gzip',
    help: 'Content-Encoding says gzip, but the body is something else, or was cut.',
  },
  not_utf8: {
    status: 400,
    title: 'The body is not UTF-8',
    help: 'Ids are compared byte for byte; encode the body as UTF-8.',
  },
  not_json: {
    status: 400,
    title: 'The body is not the JSON that is expected',
    help:
      'Send one event {"ad","site"}, an array of events, or {"events":[…]}; as NDJSON one ' +
      'event a line.',
  },
  token_unsupported: {
    status: 400,
    title: 'Tokens are not supported yet',
    help:
      'An id of an event, or an Idempotency-Key, would make a retry safe. It is not supported ' +
      'yet, and ignoring it would count twice: leave it out.',
  },
  key_missing: {
    status: 401,
    title: 'A key is needed',
    help:
      'Send Authorization: Bearer and a key for this kind of call; on the pixel, ?key= works ' +
      'too.',
  },
  key_unknown: {
    status: 401,
    title: 'The key is not known',
    help: 'Check the key; keys are set by WRITE_KEYS, READ_KEYS and ADMIN_KEYS.',
  },
  forbidden: {
    status: 403,
    title: 'This call is not open to you',
    help:
      'Keys to write, to read and to administer are three different sets. Without an ' +
      'ADMIN_KEYS, admin calls work from the machine itself only, and never through a proxy.',
  },
  not_found: {
    status: 404,
    title: 'There is nothing here',
    help: 'The start page lists what there is. Percent-encode slashes inside an id.',
  },
  method_not_allowed: {
    status: 405,
    title: 'The method is not allowed here',
    help: 'The Allow header lists the methods that are.',
  },
  not_acceptable: {
    status: 406,
    title: 'The answer is not offered in that form',
    help: 'Answers are application/json.',
  },
  request_timeout: {
    status: 408,
    title: 'The request took too long to arrive',
    help: 'Headers must arrive within 5 seconds, the whole request within 10. Nothing was counted.',
  },
  too_large: {
    status: 413,
    title: 'The request is too large',
    help:
      'A request is at most 10,000 events, 1 MiB after inflation, and 2 KiB an event. Split ' +
      'the batch; 20 to 100 events a request are a good size.',
  },
  unsupported_media_type: {
    status: 415,
    title: 'The body has a form that is not understood',
    help:
      'Send application/json, application/x-ndjson or text/plain (the same JSON) in UTF-8, ' +
      'plain or with Content-Encoding: gzip.',
  },
  all_rejected: {
    status: 422,
    title: 'Every event was rejected',
    help: 'Nothing was counted. The errors point at the field of each event that cannot be used.',
  },
  total_too_large: {
    status: 422,
    title: 'The total is too large',
    help: 'A sum reached 2^53 and would have to be rounded. Ask for a shorter range.',
  },
  headers_too_large: {
    status: 431,
    title: 'The headers are too large',
    help: 'All header lines together, the URL included, are at most 8 KiB, and at most 64 lines.',
  },
  internal: {
    status: 500,
    title: 'Something is wrong with the service',
    help: 'The log of the service says more, under the request id.',
  },
  overloaded: {
    status: 503,
    title: 'The service does not accept events right now',
    help: 'Nothing of the request was counted. Send it again after Retry-After seconds.',
  },
  'outcome-unknown': {
    status: 503,
    title: 'It is not known whether the request will count',
    help:
      'The journal failed under the request: it may be counted after a recovery. Sending it ' +
      'again may count it twice.',
  },
  store_unavailable: {
    status: 503,
    title: 'The store cannot be reached',
    help:
      'A total is never answered from a part of the data. Events are still accepted; ask ' +
      'again later.',
  },
  not_ready: {
    status: 503,
    title: 'The service is not ready',
    help: 'It is starting, draining or failing; the reasons are named.',
  },
} as const satisfies Record<string, ProblemKind>;

export type ProblemName = keyof typeof kinds;

export const problemKinds: Readonly<Record<ProblemName, ProblemKind>> = kinds;

export interface ProblemError {
  /** JSON pointer into the body; `/query/…`, `/path/…`, `/header/…` for what is not in it. */
  readonly pointer: string;
  readonly detail: string;
}

export interface ProblemOptions {
  readonly errors?: readonly ProblemError[];
  readonly headers?: AnswerHeaders;
  /** Further members of the document. */
  readonly members?: Readonly<Record<string, unknown>>;
}

/** Thrown by handlers; whoever writes the answer turns it into a document. */
export class Problem extends Error {
  readonly problem: ProblemName;
  readonly options: ProblemOptions;

  constructor(problem: ProblemName, detail: string, options: ProblemOptions = {}) {
    super(detail);
    this.problem = problem;
    this.options = options;
  }

  get status(): number {
    return problemKinds[this.problem].status;
  }
}

/** The most common shape: one parameter, and why its value cannot be used. */
export function parameterProblem(name: string, detail: string): Problem {
  const errors = [{ pointer: `/query/${name}`, detail }];
  return new Problem('parameter_invalid', `${name}: ${detail}`, { errors });
}

export const problemType = 'application/problem+json; charset=utf-8';

export function problemAnswer(problem: Problem, requestId: string): Answer {
  const kind = problemKinds[problem.problem];
  return {
    status: kind.status,
    headers: {
      'Content-Type': problemType,
      'Cache-Control': 'no-store',
      ...problem.options.headers,
    },
    body: JSON.stringify({
      type: `/problems/${problem.problem}`,
      title: kind.title,
      status: kind.status,
      detail: problem.message,
      errors: problem.options.errors ?? [],
      requestId,
      ...problem.options.members,
    }),
  };
}
