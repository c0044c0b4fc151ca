// The server as a whole, on bare sockets: bytes that are no HTTP, slow senders, and the drain.
import type { Socket } from 'node:net';
import { afterEach, expect, test } from '@jest/globals';
import { until } from '../support/until.ts';
import { connected, eventsIn, world } from './fakes.ts';
import type { World } from './fakes.ts';

const open: World[] = [];

afterEach(async () => {
  for (const service of open.splice(0)) await service.drain(0);
});

function opened(given: Parameters<typeof world>[0] = {}): World {
  const service = world(given);
  open.push(service);
  return service;
}

/** All that the service says until it closes the connection. */
async function wholeAnswer(socket: Socket): Promise<string> {
  let text = '';
  socket.on('data', (bytes: Buffer) => {
    text += bytes.toString('latin1');
  });
  await new Promise<void>((resolve) => {
    socket.once('close', () => resolve());
    socket.once('error', () => resolve());
  });
  return text;
}

async function exchange(service: World, bytes: string): Promise<string> {
  const socket = await connected(service);
  const answer = wholeAnswer(socket);
  socket.write(bytes, 'latin1');
  return answer;
}

const host = 'Host: localhost\r\nConnection: close\r\n';
const body = '{"ad":"a","site":"s"}';
const json = `Content-Type: application/json\r\n`;
const post = `POST /v1/impressions HTTP/1.1\r\n${host}${json}`;
const kept = `POST /v1/impressions HTTP/1.1\r\nHost: localhost\r\n${json}`;

const malformed: readonly (readonly [string, string])[] = [
  ['no HTTP at all', 'HELLO\r\n\r\n'],
  ['a TLS greeting', '\u0016\u0003\u0001\u0002\u0000\u0001\u0000'],
  ['a header without a colon', `GET / HTTP/1.1\r\n${host}nonsense\r\n\r\n`],
  ['a blank before the colon', `GET / HTTP/1.1\r\n${host}X : y\r\n\r\n`],
  ['a folded header', `GET / HTTP/1.1\r\n${host}X: y\r\n z\r\n\r\n`],
  ['no Host', 'GET / HTTP/1.1\r\nConnection: close\r\n\r\n'],
  ['two Hosts', `GET / HTTP/1.1\r\n${host}Host: other\r\n\r\n`],
  ['two lengths', `${post}Content-Length: 21\r\nContent-Length: 5\r\n\r\n${body}`],
  ['a length that is no number', `${post}Content-Length: +21\r\n\r\n${body}`],
  ['length and chunks', `${post}Content-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n`],
  ['chunks not last', `${post}Transfer-Encoding: chunked, gzip\r\n\r\n0\r\n\r\n`],
  ['a chunk size that is no number', `${post}Transfer-Encoding: chunked\r\n\r\nxyz\r\n`],
  [
    'a chunk longer than told',
    `${post}Transfer-Encoding: chunked\r\n\r\n2\r\n${body}\r\n0\r\n\r\n`,
  ],
];

for (const [name, bytes] of malformed) {
  test(`${name} is a 400 problem, the connection ends, and nothing counts`, async () => {
    const service = opened();
    const answer = await exchange(service, bytes);
    expect(answer).toMatch(/^HTTP\/1\.1 400 Bad Request\r\n/);
    expect(answer).toContain('application/problem+json');
    expect(answer).toContain('"type":"/problems/malformed_http"');
    expect(answer).toMatch(/connection: close/i);
    expect(answer.match(/^HTTP\/1\.1/gm)).toHaveLength(1);
    expect(service.accepted).toEqual([]);
  });
}

test('too many header bytes are a 431 problem', async () => {
  const answer = await exchange(
    opened(),
    `GET / HTTP/1.1\r\n${host}X: ${'y'.repeat(9_000)}\r\n\r\n`,
  );
  expect(answer).toMatch(/^HTTP\/1\.1 431 Request Header Fields Too Large\r\n/);
  expect(answer).toContain('"status":431');
});

test('raw bytes beyond ASCII in a URL are refused: they would be another id', async () => {
  const service = opened();
  const url = Buffer.from('/v1/pixel.gif?ad=ü&site=s').toString('latin1');
  const answer = await exchange(service, `GET ${url} HTTP/1.1\r\n${host}\r\n`);
  expect(answer).toMatch(/^HTTP\/1\.1 400 /);
  expect(service.accepted).toEqual([]);
});

test('broken bytes behind a whole request never take the place of its answer', async () => {
  const service = opened();
  let answerNow: (() => void) | undefined;
  service.pause = () =>
    new Promise((resolve) => {
      answerNow = resolve;
    });
  const socket = await connected(service);
  const answer = wholeAnswer(socket);
  socket.write(`${kept}Content-Length: 21\r\n\r\n${body}`);
  await until(() => answerNow !== undefined, 5_000);
  socket.write('GARBAGE\r\n\r\n');
  const text = await answer;
  answerNow?.();
  expect(text).toBe('');
});

test('a broken request behind one that waits does not take its answer either', async () => {
  const service = opened();
  let answerNow: (() => void) | undefined;
  service.pause = () =>
    new Promise((resolve) => {
      answerNow = resolve;
    });
  const first = `${kept}Content-Length: 21\r\n\r\n${body}`;
  const text = await exchange(service, `${first}${kept}Transfer-Encoding: chunked\r\n\r\nxyz\r\n`);
  answerNow?.();
  expect(text).toBe('');
});

test('an expectation that nobody knows changes nothing', async () => {
  const service = opened();
  const answer = await exchange(
    service,
    `${post}Expect: miracles\r\nContent-Length: 21\r\n\r\n${body}`,
  );
  expect(answer).toMatch(/^HTTP\/1\.1 202 /);
  expect(service.accepted).toHaveLength(1);
});

test('pipelined requests are answered each, in order', async () => {
  const service = opened();
  const first = `${kept}Content-Length: 21\r\n\r\n${body}`;
  const answer = await exchange(service, `${first}GET /nothing HTTP/1.1\r\n${host}\r\n`);
  expect([...answer.matchAll(/HTTP\/1\.1 (\d+)/g)].map(([, code]) => code)).toEqual(['202', '404']);
});

test('chunks that come one by one are one body', async () => {
  const service = opened();
  const chunks = body
    .split('')
    .map((letter) => `1\r\n${letter}\r\n`)
    .join('');
  const answer = await exchange(
    service,
    `${post}Transfer-Encoding: chunked\r\n\r\n${chunks}0\r\n\r\n`,
  );
  expect(answer).toMatch(/^HTTP\/1\.1 202 /);
  expect(eventsIn(service)).toEqual([{ ad: 'a', site: 's' }]);
});

test('a body that ends early counts nothing', async () => {
  const service = opened();
  const socket = await connected(service);
  socket.write(`${post}Content-Length: 500\r\n\r\n[${body}]`);
  await new Promise((resolve) => setTimeout(resolve, 50));
  socket.destroy();
  await until(() => service.metrics.requests.length > 0, 5_000);
  expect(service.metrics.requests).toEqual(['POST /v1/impressions 499']);
  expect(service.accepted).toEqual([]);
});

test('a body far beyond the limit is cut off, not read for ever', async () => {
  const service = opened();
  const socket = await connected(service);
  const answer = wholeAnswer(socket);
  socket.write(`${post}Transfer-Encoding: chunked\r\n\r\n`);
  const chunk = `10000\r\n${' '.repeat(65_536)}\r\n`;
  let sent = 0;
  const sending = setInterval(() => {
    for (let i = 0; i < 16 && socket.writable; i++, sent += 65_536) socket.write(chunk);
  }, 1);
  const text = await answer;
  clearInterval(sending);
  expect(text === '' || text.startsWith('HTTP/1.1 413 ')).toBe(true);
  expect(sent).toBeGreaterThan(8 * 1_048_576);
  expect(service.metrics.requests).toEqual(['POST /v1/impressions 413']);
});

test('a refused body leaves the connection in order', async () => {
  const service = opened({ keys: { write: ['k'], read: [], admin: [] } });
  const first = `${kept}Content-Length: 21\r\n\r\n${body}`;
  const answer = await exchange(service, `${first}GET /livez HTTP/1.1\r\n${host}\r\n`);
  expect([...answer.matchAll(/HTTP\/1\.1 (\d+)/g)].map(([, code]) => code)).toEqual(['401', '200']);
});

test('header lines that do not arrive in time are a 408 problem', async () => {
  const service = opened();
  service.server.headersTimeout = 50;
  service.server.requestTimeout = 100;
  const answer = await exchange(service, 'GET / HTTP/1.1\r\nX: ');
  expect(answer).toMatch(/^HTTP\/1\.1 408 Request Timeout\r\n/);
  expect(answer).toContain('"type":"/problems/request_timeout"');
});

test('a body that does not arrive in time is one 408, and counts nothing', async () => {
  const service = opened();
  service.server.headersTimeout = 50;
  service.server.requestTimeout = 100;
  const answer = await exchange(service, `${kept}Content-Length: 21\r\n\r\n{"ad":`);
  expect(answer).toMatch(/^HTTP\/1\.1 408 Request Timeout\r\n/);
  expect(answer.match(/^HTTP\/1\.1/gm)).toHaveLength(1);
  expect(service.accepted).toEqual([]);
});

test('the bounds of the server are those of the contract', () => {
  const { server } = opened();
  expect(server).toMatchObject({
    headersTimeout: 5_000,
    requestTimeout: 10_000,
    keepAliveTimeout: 65_000,
    maxConnections: 10_000,
  });
});

test('a drain answers what is in flight with Connection: close, then ends', async () => {
  const service = opened();
  let answerNow: (() => void) | undefined;
  service.pause = () =>
    new Promise((resolve) => {
      answerNow = resolve;
    });
  const idle = await connected(service);
  const idleClosed = wholeAnswer(idle);
  const busy = await connected(service);
  const answer = wholeAnswer(busy);
  busy.write(`${kept}Content-Length: 21\r\n\r\n${body}`);
  await until(() => answerNow !== undefined, 5_000);
  const drained = service.drain();
  expect(service.server.listening).toBe(false);
  answerNow?.();
  const text = await answer;
  expect(text).toMatch(/^HTTP\/1\.1 202 /);
  expect(text).toMatch(/connection: close/i);
  await idleClosed;
  await drained;
  expect(service.accepted).toHaveLength(1);
});

test('a request that is on its way as the drain begins is answered, and its connection ends', async () => {
  const service = opened();
  const socket = await connected(service);
  const answer = wholeAnswer(socket);
  let answers = 0;
  socket.on('data', () => answers++);
  socket.write(`${kept}Content-Length: 21\r\n\r\n${body}`);
  await until(() => answers > 0, 5_000);
  // The connection is idle now, and the next request reaches it after the drain has begun.
  const drained = service.drain();
  socket.write(`${kept}Content-Length: 21\r\n\r\n${body}`);
  const text = await answer;
  expect([...text.matchAll(/HTTP\/1\.1 (\d+)/g)].map(([, code]) => code)).toEqual(['202', '202']);
  expect(text).toMatch(/connection: close/i);
  await drained;
  expect(service.accepted).toHaveLength(2);
});

test('a drain ends although a client never finishes its request', async () => {
  const service = opened();
  const socket = await connected(service);
  const closed = wholeAnswer(socket);
  socket.write(`${kept}Content-Length: 21\r\n\r\n{"ad":`);
  await new Promise((resolve) => setTimeout(resolve, 20));
  await service.drain(50);
  expect(await closed).not.toContain('202');
  expect(service.accepted).toEqual([]);
});

test('draining twice, or what never listened, ends at once', async () => {
  const service = opened();
  await service.drain();
  await connected(opened());
  await Promise.all([service.drain(), service.drain()]);
  expect(service.server.listening).toBe(false);
});
