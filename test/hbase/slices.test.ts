// Large scans beside everything else: other work gets its turn between two replies; and an outage
// is one line of the log, not one for each attempt.
import { afterEach, beforeEach, expect, test } from '@jest/globals';
import { HBaseClient } from '../../src/hbase/hbase-client.ts';
import { silentObserver } from '../../src/hbase/observer.ts';
import { hbaseLargeReplyBytes } from '../../src/limits.ts';
import { everything } from './cells.ts';
import { clientOptions } from './client-options.ts';
import { answerScan, FakeServer } from './fake-server.ts';
import type { FakeCall } from './fake-server.ts';

const place = { table: 't', family: Buffer.from('c') };
const large = {
  row: Buffer.from('a'),
  qualifier: Buffer.from([1]),
  value: Buffer.alloc(hbaseLargeReplyBytes),
  version: 5,
};

let server: FakeServer;
let client: HBaseClient;
let logged: string[];
beforeEach(async () => {
  server = await FakeServer.listen();
  logged = [];
  client = new HBaseClient({
    ...clientOptions('127.0.0.1:9'),
    discovery: server.discovery,
    observer: { ...silentObserver, log: (_event, { reason }) => logged.push(String(reason)) },
  });
});
afterEach(async () => {
  client.close();
  await server.close();
});

test('of many large replies one is read in each turn of the event loop', async () => {
  const scans = 8;
  const waiting: FakeCall[] = [];
  server.handler = (call) => {
    if (waiting.push(call) < scans) return;
    for (const each of waiting) answerScan(each, [[large]], { more: false });
  };
  let turn = 0;
  let running = true;
  const count = (): void => {
    turn++;
    if (running) setImmediate(count);
  };
  const turns = new Set<number>();
  const scan = (): Promise<unknown> =>
    client.scan(place, everything, () => turns.add(turn), { timeoutMs: 10_000 });
  setImmediate(count);
  await Promise.all(Array.from({ length: scans }, scan));
  running = false;
  expect(turns.size).toBe(scans);
});

test('a server that stays away is logged once, and again after it was back', async () => {
  const { port } = server;
  await server.close();
  await Promise.all([scanFor(600), scanFor(600), scanFor(600)]);
  expect(logged.length).toBe(1);
  expect(logged[0]).toContain(String(port));
  server = await FakeServer.listen(port);
  server.handler = (call) => answerScan(call, [[large]], { more: false });
  await scanFor(5_000);
  await server.close();
  await scanFor(300);
  expect(logged.length).toBeGreaterThanOrEqual(2);
  expect(logged.length).toBeLessThanOrEqual(3); // lost, and then refused
  server = await FakeServer.listen();
});

async function scanFor(timeoutMs: number): Promise<void> {
  await client.scan(place, everything, () => undefined, { timeoutMs }).catch(() => undefined);
}
