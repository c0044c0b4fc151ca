// Where regions are, asked of a cluster that counts the questions: a failure makes the client
// forget exactly what it proves wrong; meta is asked once for a region, however many look for it.
import { afterEach, describe, expect, test } from '@jest/globals';
import { HBaseClient } from '../../src/hbase/hbase-client.ts';
import { put, putAll } from './cells.ts';
import { clientOptions } from './client-options.ts';
import { FakeCluster } from './fake-cluster.ts';
import type { FakeServer } from './fake-server.ts';

const place = { table: 't', family: Buffer.from('c') };
const qualifier = Buffer.from([1]);
const rows = ['a', 'h', 'p', 'w'];
const cells = rows.map((row) => cellOf(row));

function cellOf(row: string): Parameters<typeof put>[2][number] {
  return { row: Buffer.from(row), qualifier, value: Buffer.from('v'), version: 5 };
}

describe('locations of regions', () => {
  let cluster: FakeCluster;
  let client: HBaseClient;
  /** Four regions, on two servers in turn. */
  const start = async (keys = ['f', 'm', 't'], servers = 2): Promise<void> => {
    cluster = await FakeCluster.start(keys, servers);
    const { discovery } = cluster;
    client = new HBaseClient({ ...clientOptions('127.0.0.1:9'), discovery });
  };
  afterEach(async () => {
    client.close();
    await cluster.close();
  });
  const regionAt = (row: string): FakeCluster['regions'][number] =>
    cluster.regionOf(Buffer.from(row));
  const other = (server: FakeServer): FakeServer =>
    server === cluster.at(0) ? cluster.at(1) : cluster.at(0);

  test('are asked for once each', async () => {
    await start();
    for (let i = 0; i < 3; i++) await putAll(client, place, cells);
    expect(cluster.metaQuestions).toBe(4);
  });

  test('a hundred calls for four regions that moved ask four times', async () => {
    await start();
    await putAll(client, place, cells);
    for (const region of cluster.regions) {
      cluster.move(region, other(region.server), { hint: false });
    }
    cluster.metaQuestions = 0;
    await Promise.all(
      Array.from({ length: 100 }, async (_, i) => {
        const row = `${rows[i % 4]}${i}`;
        if (i % 2 === 0) await putAll(client, place, [cellOf(row)]);
        else await client.checkAndPut(place, checkOf(row), { timeoutMs: 20_000 });
      }),
    );
    expect(cluster.metaQuestions).toBe(4);
  }, 30_000);

  test('NotServingRegion makes one region be asked for again, and no other', async () => {
    await start();
    await putAll(client, place, cells);
    cluster.move(regionAt('h'), other(regionAt('h').server), { hint: false });
    cluster.metaQuestions = 0;
    await putAll(client, place, cells);
    expect(cluster.metaQuestions).toBe(1);
  });

  test('RegionMoved says where a region is: puts, check-and-puts and scans ask nobody', async () => {
    await start();
    await putAll(client, place, cells);
    const turn = (): void => {
      cluster.move(regionAt('h'), other(regionAt('h').server), { hint: true });
      cluster.metaQuestions = 0;
    };
    turn();
    await putAll(client, place, cells);
    expect(cluster.metaQuestions).toBe(0);
    // One that is known by its word alone is asked of meta when it moves on.
    turn();
    await putAll(client, place, cells);
    expect(cluster.metaQuestions).toBe(1);
    turn();
    expect(await client.checkAndPut(place, checkOf('h'), { timeoutMs: 20_000 })).toBe(true);
    expect(cluster.metaQuestions).toBe(0);
    turn();
    await putAll(client, place, cells);
    turn();
    const range = { start: Buffer.alloc(0), stop: Buffer.alloc(0) };
    const tally = await client.scan(place, range, () => undefined, { timeoutMs: 20_000 });
    expect(tally.rows).toBe(4);
    expect(cluster.metaQuestions).toBe(0);
  }, 30_000);

  test('a wrong word about the new place leads back to meta', async () => {
    await start(['f', 'm', 't'], 3);
    await putAll(client, place, cells);
    const region = regionAt('h');
    const [, , third] = cluster.servers;
    if (third === undefined) throw new Error('there is a third server');
    cluster.move(region, cluster.at(0), { hint: false });
    cluster.hints.set(region.name, third.port);
    cluster.metaQuestions = 0;
    await putAll(client, place, cells);
    expect(cluster.metaQuestions).toBe(1);
  });

  test('a place that cannot be dialled is forgotten again', async () => {
    await start(['f', 'm', 't'], 3);
    await putAll(client, place, cells);
    const region = regionAt('h');
    const [, , third] = cluster.servers;
    if (third === undefined) throw new Error('there is a third server');
    cluster.move(region, cluster.at(0), { hint: false });
    cluster.hints.set(region.name, third.port);
    await third.close();
    cluster.metaQuestions = 0;
    await putAll(client, place, [cellOf('h')]);
    expect(cluster.metaQuestions).toBe(1);
  });

  test('a lost connection makes all regions of its server be asked for again, and no others', async () => {
    await start();
    await putAll(client, place, cells);
    const lost = cluster.at(1); // not that of meta
    let cut = false;
    cluster.before = (call, at) => {
      if (cut || at !== lost || call.method !== 'Multi') return false;
      cut = true;
      call.socket.destroy();
      return true;
    };
    cluster.metaQuestions = 0;
    await putAll(client, place, [cellOf('h')]);
    expect(cut).toBe(true);
    await putAll(client, place, cells);
    expect(cluster.metaQuestions).toBe(2);
  });

  test('so does a server that stops, which says so in a reply', async () => {
    await start();
    await putAll(client, place, cells);
    let stopped = false;
    cluster.before = (call, at) => {
      if (stopped || at !== cluster.at(1) || call.method !== 'Multi') return false;
      stopped = true;
      call.fail('org.apache.hadoop.hbase.regionserver.RegionServerStoppedException');
      return true;
    };
    cluster.metaQuestions = 0;
    await putAll(client, place, [cellOf('h')]);
    await putAll(client, place, cells);
    expect(cluster.metaQuestions).toBe(2);
  });

  test('meta itself is found again where it moved to', async () => {
    await start();
    await putAll(client, place, [cellOf('a')]);
    cluster.metaServer = cluster.at(1);
    await putAll(client, place, cells);
    const at = cluster.at(1).calls.filter((call) => call.method === 'Scan').length;
    expect(at).toBe(3);
  });

  test('a table that was disabled says so soon, and is found when it is enabled', async () => {
    await start();
    await putAll(client, place, cells);
    expect(cluster.stateQuestions).toBe(0);
    cluster.disabled = true;
    for (const region of cluster.regions) region.state = 'CLOSED';
    const startMs = performance.now();
    const outcome = await put(client, place, cells);
    expect(performance.now() - startMs).toBeLessThan(10_000);
    for (const failure of outcome.failures.values()) {
      expect(failure).toMatchObject({ code: 'STORE_TABLE_DISABLED', remedy: 'retry' });
    }
    expect(outcome.failures.size).toBe(4);
    await expect(
      client.checkAndPut(place, checkOf('a'), { timeoutMs: 20_000 }),
    ).rejects.toMatchObject({ code: 'STORE_TABLE_DISABLED' });
    cluster.disabled = false;
    for (const region of cluster.regions) region.state = 'OPEN';
    await putAll(client, place, cells);
  }, 60_000);

  test('a region that is between two places is waited for, by one question at a time', async () => {
    await start([]);
    regionAt('a').state = 'CLOSED';
    setTimeout(() => {
      regionAt('a').state = 'OPEN';
    }, 1_000);
    const calls = Array.from({ length: 50 }, async (_, i) => {
      await putAll(client, place, [cellOf(`r${i}`)]);
    });
    await Promise.all(calls);
    // One in 50 ms at most, for all of them together.
    expect(cluster.metaQuestions).toBeLessThanOrEqual(60);
  }, 30_000);

  test('a row of the greatest length is found', async () => {
    await start();
    await putAll(client, place, [cellOf('z'.repeat(32_767))]);
    const range = { start: Buffer.alloc(0), stop: Buffer.alloc(0) };
    const tally = await client.scan(place, range, () => undefined, { timeoutMs: 20_000 });
    expect(tally.rows).toBe(1);
  });
});

function checkOf(row: string): Parameters<HBaseClient['checkAndPut']>[1] {
  return { row: Buffer.from(row), qualifier, expected: null, value: Buffer.from('v') };
}
