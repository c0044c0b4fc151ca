// Each limit of a counting request: exactly at it counts, one over it is 413 and counts nothing.
import { gzipSync } from 'node:zlib';
import { expect, test } from '@jest/globals';
import request from 'supertest';
import { eventSizesOf } from '../../src/http/event-sizes.ts';
import { world } from './fakes.ts';
import type { World } from './fakes.ts';

const mebibyte = 1_048_576;
const good = '{"ad":"a","site":"s.example"}';

function post(service: World, body: string | Buffer, type = 'application/json', encoding = '') {
  return request(service.server)
    .post('/v1/impressions')
    .set('Content-Type', type)
    .set('Content-Encoding', encoding)
    .serialize((bytes: unknown) => bytes as string)
    .send(body as unknown as object);
}

/** An event of exactly so many bytes. */
function eventOf(bytes: number): string {
  const empty = '{"ad":"a","site":"s","note":""}';
  return empty.replace('""}', `"${'x'.repeat(bytes - empty.length)}"}`);
}

/** A list of events of exactly so many bytes. */
function listOf(bytes: number): string {
  const event = eventOf(2_000);
  const events = Array.from({ length: Math.floor(bytes / 2_001) - 1 }, () => event);
  const rest = bytes - events.length * 2_001 - 2;
  const last = [eventOf(Math.floor(rest / 2)), eventOf(Math.ceil(rest / 2) - 1)];
  return `[${[...events, ...last].join()}]`;
}

function smallEvents(n: number): string[] {
  return Array.from({ length: n }, () => '{"ad":"a","site":"s"}');
}

test('10,000 events count; 10,001 are too many, in every form', async () => {
  const service = world();
  const forms: readonly (readonly [(n: number) => string, string])[] = [
    [(n) => `[${smallEvents(n).join()}]`, 'application/json'],
    [(n) => `{"events":[${smallEvents(n).join()}]}`, 'application/json'],
    [(n) => smallEvents(n).join('\n'), 'application/x-ndjson'],
  ];
  for (const [body, type] of forms) {
    expect((await post(service, body(10_000), type)).body.accepted).toBe(10_000);
    const over = await post(service, body(10_001), type);
    expect(over.status).toBe(413);
    expect(over.body).toMatchObject({ type: '/problems/too_large' });
    expect(over.body.detail).toMatch(/10001 events.*Split it into 2 requests/);
  }
  expect(service.accepted).toHaveLength(3);
});

test('a body of 1 MiB counts; one byte more is 413 and says to split', async () => {
  const service = world();
  const fits = listOf(mebibyte);
  expect(Buffer.byteLength(fits)).toBe(mebibyte);
  expect((await post(service, fits)).status).toBe(202);
  const over = await post(service, `${fits} `);
  expect(over.status).toBe(413);
  expect(over.body.detail).toContain('Split it');
  expect(over.headers['connection']).toBe('close');
  expect(service.accepted).toHaveLength(1);
});

test('1 MiB after inflation counts; one byte more is 413', async () => {
  const service = world();
  const fits = listOf(mebibyte);
  const gzip = (text: string) => post(service, gzipSync(text), 'application/json', 'gzip');
  expect((await gzip(fits)).status).toBe(202);
  const over = await gzip(`${fits} `);
  expect(over.status).toBe(413);
  expect(over.body.detail).toContain('after inflation');
  expect(service.accepted).toHaveLength(1);
});

test('a gzip bomb is 413 and inflated no further than the limit', async () => {
  const member = gzipSync(Buffer.alloc(8 * mebibyte, ' '));
  const bomb = Buffer.concat(Array.from({ length: 64 }, () => member));
  expect(bomb.length).toBeLessThan(mebibyte);
  const before = process.memoryUsage().arrayBuffers;
  const answer = await post(world(), bomb, 'application/json', 'gzip');
  expect(answer.status).toBe(413);
  expect(process.memoryUsage().arrayBuffers - before).toBeLessThan(64 * mebibyte);
});

test('an event of 2 KiB counts; one byte more is 413, in every form', async () => {
  const service = world();
  const forms: readonly (readonly [(event: string) => string, string])[] = [
    [(event) => event, 'application/json'],
    [(event) => ` ${event} \n`, 'text/plain'],
    [(event) => `[${good}, ${event} ,${good}]`, 'application/json'],
    [(event) => `[${event}]`, 'application/json'],
    [(event) => `{"events":[${event}]}`, 'application/json'],
    [(event) => `${good}\n${event}\r\n${good}`, 'application/x-ndjson'],
  ];
  for (const [body, type] of forms) {
    expect((await post(service, body(eventOf(2_048)), type)).status).toBe(202);
    const over = await post(service, body(eventOf(2_049)), type);
    expect(over.status).toBe(413);
    expect(over.body.detail).toContain('2048 bytes');
  }
  expect(service.accepted).toHaveLength(forms.length);
});

/** The same, with one character that takes three of the bytes. */
function euroEventOf(bytes: number): string {
  return eventOf(bytes - 2).replace('"x', '"€');
}

test('bytes count, not characters, in the size of an event', async () => {
  const service = world();
  expect(Buffer.byteLength(euroEventOf(2_049))).toBe(2_049);
  expect((await post(service, `[${euroEventOf(2_048)}]`)).status).toBe(202);
  expect((await post(service, `[${euroEventOf(2_049)}]`)).status).toBe(413);
  expect((await post(service, euroEventOf(2_049), 'application/x-ndjson')).status).toBe(413);
});

test('the size of an event is measured past brackets, quotes and escapes inside strings', () => {
  const tricky = '{"a":"]}[{,\\"\\\\","b":[1,[2,{"c":"}"}]]}';
  expect(eventSizesOf(Buffer.from(`[1, ${tricky} ,"x"]`)).largestEventBytes).toBe(tricky.length);
  expect(eventSizesOf(Buffer.from(`{"z":{"y":[1]},"events":[${tricky}]}`))).toEqual({
    largestEventBytes: tricky.length,
    envelopeBytes: '{"z":{"y":[1]},"events":[]}'.length - 1,
  });
});

test('the size of an event is measured on broken JSON without end or error', () => {
  for (const text of ['[', ']', '}}}]', '["', '["\\', '{"a":[', '[[[[', ',,,', '']) {
    expect(eventSizesOf(Buffer.from(text)).largestEventBytes).toBeLessThanOrEqual(text.length);
  }
});

test('fields beside "events" are at most 2 KiB: no object is parsed with more', async () => {
  const service = world();
  const keys = Array.from({ length: 60_000 }, (_, i) => `"${i * 131_072}":0`).join();
  const started = performance.now();
  for (const body of [`{${keys}}`, `{${keys},"events":[]}`, `[{${keys}}]`]) {
    expect((await post(service, body)).status).toBe(413);
  }
  expect(performance.now() - started).toBeLessThan(2_000);
});

test('a deep nest is refused without harm', async () => {
  const deep = '['.repeat(500_000);
  expect((await post(world(), deep)).status).toBe(413);
  expect((await post(world(), '['.repeat(1_000) + ']'.repeat(1_000))).status).toBe(422);
});

function headerLines(n: number): Record<string, string> {
  return Object.fromEntries(Array.from({ length: n }, (_, i) => [`x-${i}`, '1']));
}

test('64 header lines are fine, more are 431, as are more than 8 KiB', async () => {
  const service = world();
  // supertest brings host, accept-encoding and connection along.
  expect((await request(service.server).get('/livez').set(headerLines(61))).status).toBe(200);
  const many = await request(service.server).get('/livez').set(headerLines(62));
  expect(many.status).toBe(431);
  expect(many.body.type).toBe('/problems/headers_too_large');
  const long = await request(service.server).get('/livez').set('x', 'y'.repeat(8_192));
  expect(long.status).toBe(431);
  expect(long.body).toMatchObject({ type: '/problems/headers_too_large', status: 431 });
});
