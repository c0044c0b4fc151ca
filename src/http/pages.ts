// The few pages for people: the start page, its style and icon, and one page per problem.
// Plain HTML, no script, everything from this service: the policy below allows nothing else.
// Never shows anything that a request brought along, except a host name of harmless letters.
import type { Answer, EdgeRequest, Handler } from './answer.ts';
import { Problem, problemKinds } from './problems.ts';
import type { ProblemName } from './problems.ts';
import { icon, problemPage, startPage, style } from './page-texts.ts';

const policy =
  "default-src 'self'; object-src 'none'; base-uri 'none'; form-action 'none'; " +
  "frame-ancestors 'none'";

export interface Pages {
  readonly start: Handler;
  readonly style: Handler;
  readonly icon: Handler;
  readonly problem: Handler;
}

export function createPages(version: string): Pages {
  return {
    start: (request) => page(startPage(version, addressOf(request))),
    style: () => file('text/css; charset=utf-8', style),
    icon: () => file('image/svg+xml', icon),
    problem: ({ params }) => {
      const name = params['name'] ?? '';
      if (!isProblemName(name)) throw new Problem('not_found', 'There is no such problem.');
      return page(problemPage(name, problemKinds[name]));
    },
  };
}

function isProblemName(name: string): name is ProblemName {
  return Object.hasOwn(problemKinds, name);
}

/** The address as the reader typed it, so that the commands can be copied as they stand. */
function addressOf({ headers }: EdgeRequest): string {
  const host = headers.host ?? '';
  return /^[A-Za-z0-9.:[\]-]{1,128}$/.test(host) ? `http://${host}` : 'http://127.0.0.1:8080';
}

function page(html: string): Answer {
  const answer = file('text/html; charset=utf-8', html);
  return {
    ...answer,
    headers: {
      ...answer.headers,
      'Cache-Control': 'no-cache',
      'Content-Security-Policy': policy,
      'Referrer-Policy': 'no-referrer',
      'X-Frame-Options': 'DENY',
    },
  };
}

function file(type: string, body: string): Answer {
  return { status: 200, headers: { 'Content-Type': type, 'Cache-Control': 'max-age=300' }, body };
}
