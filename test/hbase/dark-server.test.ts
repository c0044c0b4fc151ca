// A server whose host is paused, cut off or without power: nothing is refused, nothing is closed,
// and nothing is ever answered. Its regions are elsewhere by then, and so must be the client.
import { afterEach, beforeEach, describe, expect, test } from '@jest/globals';
import { HBaseClient } from '../../src/hbase/hbase-client.ts';
import { hbaseSilenceMs } from '../../src/limits.ts';
import { PutBatch } from '../../src/model/rows.ts';
import { everything } from './cells.ts';
import { clientOptions } from './client-options.ts';
import { answerScan, FakeServer, multiReply } from './fake-server.ts';
import type { FakeCall } from './fake-server.ts';
import { messages } from '../../src/hbase/messages.ts';

const place = { table: 't', family: Buffer.from('c') };
const cell = {
  row: Buffer.from('a'),
  qualifier: Buffer.from([1]),
  value: Buffer.from('v'),
  version: 5,
};

function oneCell(): PutBatch {
  const batch = new PutBatch(1);
  batch.add(cell);
  return batch;
}

function answer(call: FakeCall): void {
  if (call.method === 'Multi') call.answer(multiReply([null]));
  else if (call.method === 'Mutate') {
    call.answer(messages.mutateResponse.encode({ processed: true }));
  } else if (call.method === 'Scan') answerScan(call, [[cell]], { more: false });
  else call.answer(Buffer.alloc(0));
}

describe('a server that went dark', () => {
  let left: FakeServer;
  let right: FakeServer;
  let client: HBaseClient;
  let home: FakeServer;
  beforeEach(async () => {
    left = await FakeServer.listen();
    right = await FakeServer.listen();
    home = left;
    for (const server of [left, right]) server.handler = answer;
    client = new HBaseClient({
      ...clientOptions('127.0.0.1:9'),
      rpcTimeoutMs: hbaseSilenceMs + 300,
      discovery: {
        master: (deadline) => home.discovery.master(deadline),
        metaServer: (deadline) => home.discovery.metaServer(deadline),
        // As when only the way to it is cut: its session goes on.
        regionServers: () =>
          Promise.resolve(new Set([left, right].map(({ port }) => `127.0.0.1:${port}`))),
        close: () => undefined,
      },
    });
  });
  afterEach(async () => {
    client.close();
    await left.close();
    await right.close();
  });

  const calls: readonly [string, (timeoutMs: number) => Promise<unknown>][] = [
    [
      'puts',
      async (timeoutMs) => (await client.put(place, oneCell(), { timeoutMs })).confirmedCount,
    ],
    [
      'scans',
      async (timeoutMs) => {
        return (await client.scan(place, everything, () => undefined, { timeoutMs })).rows;
      },
    ],
    [
      'check-and-puts',
      async (timeoutMs) =>
        await client.checkAndPut(place, { ...cell, expected: null }, { timeoutMs }),
    ],
    [
      'questions to the master',
      async (timeoutMs) => await client.describeTables([], { timeoutMs }),
    ],
  ];

  test.each(calls)(
    '%s follow the regions, meta and master to another host',
    async (_what, call) => {
      const before = await call(5_000);
      left.dark = true;
      home = right;
      await expect(call(20_000)).resolves.toEqual(before);
      expect(right.calls.length).toBeGreaterThan(0);
    },
    30_000,
  );

  test('a silent connection is given up with all that waits on it', async () => {
    await client.put(place, oneCell(), { timeoutMs: 5_000 });
    left.dark = true;
    const startMs = performance.now();
    const timeoutMs = hbaseSilenceMs + 100;
    const outcomes = [
      client.put(place, oneCell(), { timeoutMs }),
      client.put(place, oneCell(), { timeoutMs: timeoutMs + 10_000 }),
    ];
    const first = await outcomes[0];
    expect(performance.now() - startMs).toBeLessThan(timeoutMs + 1_000);
    expect(first?.failures.get(0)).toMatchObject({ code: 'STORE_TIMEOUT', remedy: 'relocate' });
    left.dark = false;
    expect((await outcomes[1])?.confirmedCount).toBe(1);
    expect(performance.now() - startMs).toBeLessThan(timeoutMs + 2_000);
    expect(left.connections).toBe(2);
  }, 20_000);

  test('a call that has little time does not end the connection of the others', async () => {
    left.handler = (call) => setTimeout(() => answer(call), call.method === 'Multi' ? 700 : 0);
    const patient = client.put(place, oneCell(), { timeoutMs: 10_000 });
    const hasty = await client.put(place, oneCell(), { timeoutMs: 200 });
    expect(hasty.failures.get(0)).toMatchObject({ code: 'STORE_TIMEOUT' });
    expect((await patient).confirmedCount).toBe(1);
    expect(left.connections).toBe(1);
    expect(left.calls.filter((call) => call.method === 'Multi').length).toBe(2);
  });
});
