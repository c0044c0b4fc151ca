// Turns the bytes of a body into the events that were sent, not yet checked one by one.
// Every form gives the same list; what cannot be understood as a whole is a Problem.
// Never looks into an event, never counts.
import { isUtf8 } from 'node:buffer';
import { eventBytesMax, requestEventsMax } from '../limits.ts';
import { eventSizesOf } from './event-sizes.ts';
import { Problem } from './problems.ts';

export type BodyForm = 'json' | 'ndjson';

export interface SentEvents {
  /** As JSON.parse made them; undefined where a line is not JSON. */
  readonly values: readonly unknown[];
  /** What a JSON pointer to an event begins with: `` (one event), `/` or `/events/`. */
  readonly pointer: '' | '/' | '/events/';
  /** Fields beside `events`. */
  readonly unknownFields: number;
}

export function readEvents(bytes: Buffer, form: BodyForm): SentEvents {
  if (!isUtf8(bytes)) throw new Problem('not_utf8', 'The body is not valid UTF-8.');
  const text = withoutMark(bytes).toString('utf8');
  if (text.trim() === '') throw new Problem('body_empty', 'The body holds no event.');
  return form === 'json' ? readJson(bytes, text) : readLines(text);
}

/** Some tools put a byte order mark before the text; it is no part of it. */
function withoutMark(bytes: Buffer): Buffer {
  const marked = bytes[0] === 0xef && bytes[1] === 0xbb && bytes[2] === 0xbf;
  return marked ? bytes.subarray(3) : bytes;
}

function readJson(bytes: Buffer, text: string): SentEvents {
  if (bytes.length > eventBytesMax) {
    const sizes = eventSizesOf(bytes);
    if (Math.max(sizes.largestEventBytes, sizes.envelopeBytes) > eventBytesMax) throw tooLong();
  }
  const value = jsonOf(text);
  if (value === undefined) throw new Problem('not_json', 'The body is not valid JSON.');
  if (Array.isArray(value)) return listOf(value, '/', 0);
  if (typeof value !== 'object' || value === null) {
    throw new Problem('not_json', 'The body is neither an event nor a list of events.');
  }
  if (!Object.hasOwn(value, 'events')) {
    if (Buffer.byteLength(text.trim()) > eventBytesMax) throw tooLong();
    return { values: [value], pointer: '', unknownFields: 0 };
  }
  const { events, ad, site } = value as Record<string, unknown>;
  if (!Array.isArray(events)) throw new Problem('not_json', '"events" is not an array.');
  if (ad !== undefined || site !== undefined) {
    throw new Problem('not_json', 'The body is an event and a list of "events" at once.');
  }
  return listOf(events, '/events/', Object.keys(value).length - 1);
}

function readLines(text: string): SentEvents {
  const values: unknown[] = [];
  for (let start = 0; start < text.length;) {
    const newline = text.indexOf('\n', start);
    const end = newline < 0 ? text.length : newline;
    const line = text.slice(start, end).trim();
    start = end + 1;
    if (line === '') continue;
    // A character is at most 3 bytes, so short lines need no closer look.
    if (line.length * 3 > eventBytesMax && Buffer.byteLength(line) > eventBytesMax) throw tooLong();
    if (values.length === requestEventsMax) throw tooMany(countLines(text));
    values.push(jsonOf(line));
  }
  return { values, pointer: '/', unknownFields: 0 };
}

function countLines(text: string): number {
  return text.split('\n').filter((line) => line.trim() !== '').length;
}

function listOf(
  values: readonly unknown[],
  pointer: '/' | '/events/',
  unknownFields: number,
): SentEvents {
  if (values.length > requestEventsMax) throw tooMany(values.length);
  return { values, pointer, unknownFields };
}

function jsonOf(text: string): unknown {
  try {
    return JSON.parse(text) as unknown;
  } catch {
    // JSON itself has no undefined, so it can stand for: this is none.
    return undefined;
  }
}

function tooMany(events: number): Problem {
  const requests = Math.ceil(events / requestEventsMax);
  return new Problem(
    'too_large',
    `The request has ${events} events; at most ${requestEventsMax} are taken. ` +
      `Split it into ${requests} requests or more. Nothing was counted.`,
  );
}

function tooLong(): Problem {
  return new Problem(
    'too_large',
    `An event is longer than ${eventBytesMax} bytes. Splitting the batch does not help: ` +
      'send ad, site, n and ts alone. Nothing was counted.',
  );
}
