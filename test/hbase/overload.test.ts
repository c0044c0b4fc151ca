// Servers and regions that have too much to do: what is sent to them stays bounded however many
// call, everything else goes on, and each call ends in its time.
import { afterEach, describe, expect, test } from '@jest/globals';
import { setTimeout as sleep } from 'node:timers/promises';
import { HBaseClient } from '../../src/hbase/hbase-client.ts';
import { hbasePendingBytesMax, hbaseThrottleWaitMs } from '../../src/limits.ts';
import { PutBatch } from '../../src/model/rows.ts';
import { until } from '../support/until.ts';
import { put, putsOf } from './cells.ts';
import { clientOptions } from './client-options.ts';
import { FakeCluster } from './fake-cluster.ts';
import type { FakeCall } from './fake-server.ts';

const place = { table: 't', family: Buffer.from('c') };
const qualifier = Buffer.from([1]);
const queueFull = 'org.apache.hadoop.hbase.CallQueueTooBigException';
const regionBusy = 'org.apache.hadoop.hbase.RegionTooBusyException';

function cellOf(row: string, value = 'v'): Parameters<typeof put>[2][number] {
  return { row: Buffer.from(row), qualifier, value: Buffer.from(value), version: 5 };
}

function batchOf(...cells: readonly ReturnType<typeof cellOf>[]): PutBatch {
  const batch = new PutBatch(cells.length);
  for (const cell of cells) batch.add(cell);
  return batch;
}

describe('overload', () => {
  let cluster: FakeCluster;
  let client: HBaseClient;
  /** Regions from '' and from m, on servers of their own unless said otherwise. */
  const start = async (servers = 2): Promise<void> => {
    cluster = await FakeCluster.start(['m'], servers);
    const { discovery } = cluster;
    client = new HBaseClient({
      ...clientOptions('127.0.0.1:9'),
      rpcTimeoutMs: 30_000,
      discovery,
    });
  };
  afterEach(async () => {
    client.close();
    await cluster.close();
  });
  const claim = async (row: string, timeoutMs: number): Promise<boolean> => {
    const check = { row: Buffer.from(row), qualifier, expected: null, value: qualifier };
    return await client.checkAndPut(place, check, { timeoutMs });
  };

  test('of a server whose queue is full for ten seconds: a hundred calls send hardly more than once', async () => {
    await start();
    const full = cluster.at(1);
    let refused = 0;
    let over = false;
    cluster.before = (call, at) => {
      if (over || at !== full || call.method === 'Scan') return false;
      refused++;
      call.fail(queueFull);
      return true;
    };
    const calls = Array.from({ length: 100 }, async (_, i) =>
      i % 2 === 0
        ? await claim(`z${i}`, 60_000)
        : (await client.put(place, batchOf(cellOf(`z${i}`)), { timeoutMs: 60_000 }))
            .confirmedCount === 1,
    );
    await until(() => refused > 0, 5_000);
    // Its neighbour does not notice.
    const startMs = performance.now();
    for (let i = 0; i < 20; i++) expect(await claim(`a${i}`, 5_000)).toBe(true);
    expect(performance.now() - startMs).toBeLessThan(5_000);
    await sleep(10_000);
    // All of the first moment, then one alone after 0.5, 1, 2, 4 s.
    expect(refused).toBeLessThanOrEqual(100 + 8);
    over = true;
    expect((await Promise.all(calls)).every(Boolean)).toBe(true);
  }, 90_000);

  test('of one region: its neighbours on the same server go on', async () => {
    await start(1);
    let busy = true;
    let refused = 0;
    cluster.before = (call) => {
      if (!busy || call.method === 'Scan') return false;
      const rows = call.method === 'Multi' ? putsOf(call.cells).map((one) => one.row) : [];
      if (call.method === 'Multi' && rows.every((row) => row.toString('latin1') < 'm')) {
        return false;
      }
      refused++;
      call.fail(regionBusy);
      return true;
    };
    const calls = Array.from({ length: 50 }, async (_, i) => await claim(`z${i}`, 60_000));
    await until(() => refused > 0, 5_000);
    const outcome = await client.put(place, batchOf(cellOf('a'), cellOf('b')), {
      timeoutMs: 4_000,
    });
    expect(outcome.confirmedCount).toBe(2);
    await sleep(3_000);
    expect(refused).toBeLessThanOrEqual(50 + 6);
    busy = false;
    expect((await Promise.all(calls)).every(Boolean)).toBe(true);
  }, 60_000);

  test('puts of a busy region are held back, those of the other are sent once', async () => {
    await start(1);
    const seen: string[][] = [];
    let busy = true;
    const original = cluster.refusal.bind(cluster);
    cluster.refusal = (name, at) =>
      busy && name.startsWith('t,m,')
        ? { name: regionBusy, trace: regionBusy }
        : original(name, at);
    cluster.before = (call) => {
      if (call.method === 'Multi') seen.push(putsOf(call.cells).map((one) => one.row.toString()));
      return false;
    };
    setTimeout(() => {
      busy = false;
    }, 2_000);
    const outcome = await put(client, place, [cellOf('a'), cellOf('x'), cellOf('b')]);
    expect(outcome.confirmedCount).toBe(3);
    expect(seen[0]).toEqual(['a', 'b', 'x']);
    expect(seen.slice(1).every((rows) => rows.join(' ') === 'x')).toBe(true);
    expect(seen.length).toBeLessThanOrEqual(5);
  }, 30_000);

  test('a call without the time to wait for it fails in its time, and says throttle', async () => {
    await start();
    cluster.before = (call) => {
      if (call.method === 'Scan') return false;
      call.fail(queueFull);
      return true;
    };
    const startMs = performance.now();
    await expect(claim('a', 3_000)).rejects.toMatchObject({
      code: 'STORE_BUSY',
      remedy: 'throttle',
    });
    const outcome = await client.put(place, batchOf(cellOf('a')), { timeoutMs: 3_000 });
    expect(outcome.failures.get(0)).toMatchObject({ code: 'STORE_BUSY', remedy: 'throttle' });
    expect(performance.now() - startMs).toBeLessThan(10_000);
  }, 20_000);

  test('the time that a call carries is what is left after waiting for its turn', async () => {
    await start(1);
    const timeouts: number[] = [];
    cluster.before = (call) => {
      if (call.method === 'Scan') return false;
      timeouts.push(call.header.timeout);
      if (timeouts.length > 1) return false;
      call.fail(queueFull);
      return true;
    };
    expect(await claim('a', 20_000)).toBe(true);
    expect(timeouts[0]).toBeGreaterThan(19_000);
    expect(timeouts[1]).toBeLessThanOrEqual(20_000 - hbaseThrottleWaitMs);
    expect(timeouts.length).toBe(2);
  }, 30_000);

  test('the bytes under way at one server are bounded; the others wait for their turn', async () => {
    await start(1);
    await client.put(place, batchOf(cellOf('a')), { timeoutMs: 20_000 });
    const held: FakeCall[] = [];
    cluster.before = (call) => {
      if (call.method !== 'Multi') return false;
      held.push(call);
      return true;
    };
    const large = 'v'.repeat(1_000_000);
    const calls = Array.from({ length: 40 }, async (_, i) =>
      client.put(place, batchOf(cellOf(`r${i}`, large)), { timeoutMs: 30_000 }),
    );
    await until(() => held.length >= 16, 20_000);
    await sleep(300);
    const bytes = held.reduce((sum, call) => sum + call.cells.length + call.message.length, 0);
    expect(bytes).toBeLessThanOrEqual(hbasePendingBytesMax);
    cluster.before = () => false;
    for (const call of held) cluster.at(0).handler(call);
    const outcomes = await Promise.all(calls);
    expect(outcomes.every(({ confirmedCount }) => confirmedCount === 1)).toBe(true);
  }, 60_000);

  test('a server that does not read holds up a bounded number of bytes in this process', async () => {
    await start(1);
    await client.put(place, batchOf(cellOf('a')), { timeoutMs: 20_000 });
    const [first] = cluster.at(0).calls;
    first?.socket.pause();
    const large = 'v'.repeat(1_000_000);
    // Each gives up before the connection could be called silent, and leaves its bytes behind.
    for (let round = 0; round < 3; round++) {
      await Promise.all(
        Array.from({ length: 20 }, async (_, i) =>
          client.put(place, batchOf(cellOf(`r${i}`, large)), { timeoutMs: 300 }),
        ),
      );
    }
    expect(cluster.at(0).connections).toBe(1);
    first?.socket.resume();
    const outcome = await client.put(place, batchOf(cellOf('z')), { timeoutMs: 20_000 });
    expect(outcome.confirmedCount).toBe(1);
    // What was on its way arrives now: the bound, and what the kernel had taken; not all sixty.
    const multis = cluster.at(0).calls.filter((call) => call.method === 'Multi');
    const bytes = multis.reduce((sum, call) => sum + call.cells.length, 0);
    expect(bytes).toBeLessThan(2 * hbasePendingBytesMax);
  }, 60_000);

  test('who waits for a turn is let go when the caller leaves or the client is closed', async () => {
    await start(1);
    cluster.before = (call) => {
      if (call.method === 'Scan') return false;
      call.fail(queueFull);
      return true;
    };
    const waiting = claim('a', 60_000).catch((error: unknown) => error);
    await sleep(300);
    const controller = new AbortController();
    const check = { row: qualifier, qualifier, expected: null, value: qualifier };
    const { signal } = controller;
    const leaving = client
      .checkAndPut(place, check, { timeoutMs: 60_000, signal })
      .catch((error: unknown) => error);
    await sleep(50);
    controller.abort();
    expect(await leaving).toMatchObject({ code: 'STORE_ABORTED' });
    client.close();
    expect(await waiting).toMatchObject({ code: 'STORE_CLOSED', remedy: 'give-up' });
  }, 20_000);
});
