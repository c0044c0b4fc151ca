// A server that answers nothing: one whose session with ZooKeeper has ended is left at once, with
// all that waits on it; one that is only slow is waited for, and costs ZooKeeper a few questions.
// Whichever it is, puts for other servers do not wait for it.
import { setTimeout as sleep } from 'node:timers/promises';
import { afterEach, beforeEach, describe, expect, test } from '@jest/globals';
import { HBaseClient } from '../../src/hbase/hbase-client.ts';
import { hbaseLookMs, hbasePresenceKeptMs, hbaseSilenceMs } from '../../src/limits.ts';
import type { Put } from '../../src/model/rows.ts';
import { until } from '../support/until.ts';
import { everything, put, putAll } from './cells.ts';
import { clientOptions } from './client-options.ts';
import { FakeCluster } from './fake-cluster.ts';
import type { FakeCall } from './fake-server.ts';

const place = { table: 't', family: Buffer.from('c') };
const longMs = 60_000;
/** Far less than a call may take, far more than one takes that is made anew. */
const soonMs = 20_000;

function cellAt(key: string): Put {
  return {
    row: Buffer.from(key),
    qualifier: Buffer.from([1]),
    value: Buffer.from('v'),
    version: 1,
  };
}

describe('a server that answers nothing', () => {
  let cluster: FakeCluster;
  let client: HBaseClient;
  beforeEach(async () => {
    cluster = await FakeCluster.start(['m', 's'], 3);
    client = new HBaseClient({
      ...clientOptions('127.0.0.1:9'),
      rpcTimeoutMs: longMs,
      discovery: cluster.discovery,
    });
    await putAll(client, place, ['a', 'n', 't'].map(cellAt));
  });
  afterEach(async () => {
    client.close();
    await cluster.close();
  });

  /** One call each; a test that fails before it waits for them shall say why. */
  function putMany(count: number): Promise<unknown> {
    const calls = Array.from({ length: count }, async (_, i) => {
      await putAll(client, place, [cellAt(`b${i}`)]);
    });
    const all = Promise.all(calls);
    all.catch(() => undefined);
    return all;
  }

  /** The first server, its regions and meta at the second one. */
  function goneAndReplaced(): void {
    const [first, second] = [cluster.at(0), cluster.at(1)];
    first.dark = true;
    cluster.gone.add(first);
    cluster.metaServer = second;
    for (const region of cluster.regions) if (region.server === first) region.server = second;
  }

  test('is left when ZooKeeper lets it go, by every call, long before its time is over', async () => {
    const askMaster = async (): Promise<void> => {
      await expect(client.nowMs({ timeoutMs: longMs })).rejects.toMatchObject({
        code: 'STORE_REFUSED',
      });
    };
    await askMaster();
    const called = cluster.at(0).calls.length;
    goneAndReplaced();
    const startMs = performance.now();
    const check = { ...cellAt('b'), expected: null };
    await Promise.all([
      putAll(client, place, [cellAt('b')]),
      client.scan(place, everything, () => undefined, { timeoutMs: longMs }),
      client.checkAndPut(place, check, { timeoutMs: longMs }),
      askMaster(),
    ]);
    expect(performance.now() - startMs).toBeLessThan(soonMs);
    expect(cluster.at(0).calls.length - called).toBe(4);
    // When it is there again, it is used again.
    cluster.at(0).dark = false;
    cluster.gone.clear();
    for (const region of cluster.regions) region.server = cluster.at(0);
    await putAll(client, place, ['b', 'n', 't'].map(cellAt));
    expect(performance.now() - startMs).toBeLessThan(soonMs);
    expect(cluster.at(0).calls.length - called).toBeGreaterThan(4);
  }, 60_000);

  test('is left by calls that had waited for it while its session lasted', async () => {
    cluster.at(0).dark = true;
    const puts = putMany(20);
    await sleep(hbaseLookMs + 200);
    goneAndReplaced();
    const startMs = performance.now();
    await puts;
    expect(performance.now() - startMs).toBeLessThan(soonMs);
  }, 60_000);

  test('one that is only slow is waited for: nothing is sent twice, and ZooKeeper asked at times', async () => {
    const held: FakeCall[] = [];
    cluster.before = (call, at) => at === cluster.at(0) && held.push(call) > 0;
    const multis = cluster.calls('Multi');
    const puts = putMany(50);
    const heldMs = hbaseLookMs + 2 * hbasePresenceKeptMs;
    await sleep(heldMs);
    const { looks } = cluster;
    cluster.before = () => false;
    for (const call of held) cluster.at(0).handler(call);
    await puts;
    expect(cluster.calls('Multi') - multis).toBe(50);
    expect(cluster.at(0).connections).toBe(1);
    expect(looks).toBeGreaterThan(0);
    expect(looks).toBeLessThanOrEqual(1 + heldMs / hbasePresenceKeptMs);
  }, 30_000);

  test('while meta still names one that is gone, nobody waits there, and few ask', async () => {
    const first = cluster.at(0);
    first.dark = true;
    cluster.gone.add(first);
    cluster.metaServer = cluster.at(1);
    const called = first.calls.length;
    const puts = putMany(20);
    await sleep(hbaseLookMs + 1_500);
    expect(first.calls.length - called).toBe(20);
    expect(first.connections).toBe(1);
    // Every 50 ms to 2 s by each of the puts, but those of a moment together.
    expect(cluster.metaQuestions).toBeLessThan(20 * 8);
    expect(cluster.looks).toBeLessThan(8);
    goneAndReplaced();
    await puts;
  }, 30_000);

  test('the other puts of its batch are sent on, to where their region moved too', async () => {
    const [first, second, third] = [cluster.at(0), cluster.at(1), cluster.at(2)];
    cluster.metaServer = third;
    await putAll(client, place, [cellAt('t')]);
    first.dark = true;
    cluster.move(cluster.regionOf(Buffer.from('n')), third, { hint: false });
    const before = cluster.puts.length;
    const batch = put(client, place, ['b', 'n', 't'].map(cellAt), 4_000);
    await until(() => cluster.puts.length === before + 2, 3_500);
    const { confirmedCount, failures } = await batch;
    expect(confirmedCount).toBe(2);
    expect([...failures.keys()]).toEqual([0]);
    expect(second.dark).toBe(false);
  }, 30_000);

  test('a region that is to be looked up holds up no put whose region is known', async () => {
    const [first, , third] = [cluster.at(0), cluster.at(1), cluster.at(2)];
    // The client forgets where `n` is, and cannot ask.
    const region = cluster.regionOf(Buffer.from('n'));
    cluster.move(region, third, { hint: false });
    first.dark = true;
    await put(client, place, [cellAt('n')], 500);
    const before = cluster.puts.length;
    const batch = put(client, place, ['n', 't'].map(cellAt), 8_000);
    await until(() => cluster.puts.length === before + 1, 1_000);
    first.dark = false;
    expect((await batch).confirmedCount).toBe(2);
  }, 30_000);
});

describe('a connection on which nothing comes', () => {
  let cluster: FakeCluster;
  let client: HBaseClient;
  let held: FakeCall[];
  beforeEach(async () => {
    cluster = await FakeCluster.start([], 1);
    client = new HBaseClient({
      ...clientOptions('127.0.0.1:9'),
      rpcTimeoutMs: longMs,
      discovery: cluster.discovery,
    });
    await putAll(client, place, [cellAt('a')]);
    held = [];
    cluster.before = (call) => held.push(call) > 0;
  });
  afterEach(async () => {
    client.close();
    await cluster.close();
  });

  test('does not end with a call that had little time, while others wait on it', async () => {
    const patient = putAll(client, place, [cellAt('b')]);
    await sleep(hbaseSilenceMs + 100);
    const hasty = await put(client, place, [cellAt('c')], 300);
    expect(hasty.failures.get(0)).toMatchObject({ code: 'STORE_TIMEOUT' });
    cluster.before = () => false;
    for (const call of held) cluster.at(0).handler(call);
    await patient;
    expect(cluster.at(0).connections).toBe(1);
    expect(held.filter(({ method }) => method === 'Multi').length).toBe(2);
  }, 20_000);

  test('is not silent because of a call that nobody waits for any more', async () => {
    await put(client, place, [cellAt('b')], 200);
    await sleep(hbaseLookMs + 500);
    expect(cluster.looks).toBe(0);
    await put(client, place, [cellAt('b')], 200);
    cluster.before = () => false;
    await putAll(client, place, [cellAt('b')]);
    expect(cluster.at(0).connections).toBe(1);
  }, 20_000);
});
