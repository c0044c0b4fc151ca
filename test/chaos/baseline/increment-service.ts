// The service that one would write today, as a process of its own, so that the chaos can be put to
// it. `each`: an HBase Increment per event, acknowledged once all were answered. `buffered`:
// acknowledged at once, summed up in memory, incremented every second as client libraries do it.
// Settings by the environment, the same doors as adcounter's where the harness uses them.
import { createServer } from 'node:http';
import type { IncomingMessage, ServerResponse } from 'node:http';
import { setTimeout as sleep } from 'node:timers/promises';
import { configOfProcess } from '../../../src/config.ts';
import { Increments } from './increments.ts';

interface Event {
  readonly ad: string;
  readonly site: string;
  readonly n?: number;
}

const loaded = configOfProcess({}, true);
if ('mistakes' in loaded) throw new Error(loaded.mistakes.join());
const { hbaseZookeeper, hbaseHostMap, httpPort } = loaded.config;
const increments = new Increments({
  zookeeper: hbaseZookeeper.join(),
  hostMap: hbaseHostMap,
  table: process.env['BASELINE_TABLE'] ?? '',
});
const isBuffered = process.env['BASELINE_MODE'] === 'buffered';
const flushEveryMs = 1_000;
const concurrentMax = 32;
let buffer = new Map<string, number>();
/** Taken from the buffer, not yet answered. */
let underWay = 0;

const server = createServer((request, response) => {
  void answer(request).then(
    (body) => send(response, request.method === 'POST' ? 202 : 200, body),
    (error: unknown) => send(response, 500, { outcome: String(error) }),
  );
});
server.listen(httpPort, '127.0.0.1', () => {
  process.stdout.write('{"event":"service.start"}\n');
});
if (isBuffered) void flushOn();
process.once('SIGTERM', () => void flushed().then(() => process.exit(0)));

async function answer(request: IncomingMessage): Promise<object> {
  const url = new URL(request.url ?? '/', 'http://localhost');
  if (url.pathname === '/v1/impressions') return await count(await bodyOf(request));
  if (url.pathname === '/v1/flush') await flushed();
  if (url.pathname !== '/v1/ads') return { unflushed: { counts: sumOf(buffer) + underWay } };
  const ads = url.searchParams.getAll('ad').map(async (ad) => {
    return { ad, impressions: { counted: await increments.sum(`${ad}\0`) } };
  });
  return { ads: await Promise.all(ads) };
}

async function count(body: string): Promise<object> {
  const parsed = JSON.parse(body) as Event | Event[];
  const events = Array.isArray(parsed) ? parsed : [parsed];
  const counts = new Map<string, number>();
  for (const { ad, site, n = 1 } of events) addTo(counts, `${ad}\0${site}`, n);
  if (isBuffered) for (const [row, n] of counts) addTo(buffer, row, n);
  else await incremented(counts);
  return { accepted: events.length, counted: events.length, ack: 'journal' };
}

async function flushOn(): Promise<never> {
  for (;;) {
    await sleep(flushEveryMs);
    // What could not be incremented in minutes is given up, and the next second goes on.
    await flushed().catch(() => undefined);
  }
}

async function flushed(): Promise<void> {
  const taken = buffer;
  buffer = new Map();
  await incremented(taken);
}

async function incremented(counts: ReadonlyMap<string, number>): Promise<void> {
  const left = [...counts];
  const some = async (): Promise<void> => {
    for (let next = left.pop(); next !== undefined; next = left.pop()) {
      await increments.add(Buffer.from(next[0]), next[1]);
      underWay -= next[1];
    }
  };
  underWay += sumOf(counts);
  await Promise.all(Array.from({ length: Math.min(concurrentMax, left.length) }, some));
}

function addTo(counts: Map<string, number>, row: string, n: number): void {
  counts.set(row, (counts.get(row) ?? 0) + n);
}

function sumOf(counts: ReadonlyMap<string, number>): number {
  return [...counts.values()].reduce((sum, n) => sum + n, 0);
}

async function bodyOf(request: IncomingMessage): Promise<string> {
  const chunks: Buffer[] = [];
  for await (const chunk of request) chunks.push(chunk as Buffer);
  return Buffer.concat(chunks).toString();
}

function send(response: ServerResponse, status: number, body: object): void {
  response.writeHead(status, { 'content-type': 'application/json' }).end(JSON.stringify(body));
}
