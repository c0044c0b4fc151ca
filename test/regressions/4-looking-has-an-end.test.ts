// A call to a server that was gone asked ZooKeeper first whether it is back, and waited for its
// answer however little time the call had.
import { afterEach, beforeEach, expect, test } from '@jest/globals';
import { HBaseClient } from '../../src/hbase/hbase-client.ts';
import type { Discovery } from '../../src/hbase/discovery.ts';
import { hbasePresenceKeptMs } from '../../src/limits.ts';
import type { Put } from '../../src/model/rows.ts';
import { setTimeout as sleep } from 'node:timers/promises';
import { everything, put, putAll } from '../hbase/cells.ts';
import { clientOptions } from '../hbase/client-options.ts';
import { FakeCluster } from '../hbase/fake-cluster.ts';
import { Held } from '../support/until.ts';

const place = { table: 't', family: Buffer.from('c') };
const cell: Put = {
  row: Buffer.from('a'),
  qualifier: Buffer.from([1]),
  value: Buffer.from('v'),
  version: 1,
};
let cluster: FakeCluster;
let client: HBaseClient;
let held: Held | null;

beforeEach(async () => {
  cluster = await FakeCluster.start(['m'], 2);
  cluster.metaServer = cluster.at(1);
  held = null;
  const answers = cluster.discovery;
  const discovery: Discovery = {
    ...answers,
    regionServers: async (deadline) => {
      await held?.passed;
      return await answers.regionServers(deadline);
    },
  };
  client = new HBaseClient({ ...clientOptions('127.0.0.1:9'), discovery });
  await putAll(client, place, [cell]);
  const first = cluster.at(0);
  first.dark = true;
  cluster.gone.add(first);
  await put(client, place, [cell], 2_500);
  await sleep(hbasePresenceKeptMs + 100);
  // From now on ZooKeeper answers nothing.
  held = new Held();
});
afterEach(async () => {
  held?.letGo();
  client.close();
  await cluster.close();
});

test('a call ends in time, or with its caller, while ZooKeeper is asked for its server', async () => {
  const startMs = performance.now();
  const check = { ...cell, expected: null };
  const abort = new AbortController();
  const options = { timeoutMs: 60_000, signal: abort.signal };
  const aborted = client.checkAndPut(place, check, options).catch((error: unknown) => error);
  const outcomes = await Promise.all([
    put(client, place, [cell], 400),
    client.checkAndPut(place, check, { timeoutMs: 400 }).catch((error: unknown) => error),
    client.scan(place, everything, () => undefined, { timeoutMs: 400 }).catch((e: unknown) => e),
  ]);
  expect(performance.now() - startMs).toBeLessThan(2_000);
  expect(outcomes[0].confirmedCount).toBe(0);
  for (const outcome of outcomes.slice(1)) expect(outcome).toMatchObject({ remedy: 'relocate' });
  abort.abort();
  expect(await aborted).toMatchObject({ code: 'STORE_ABORTED' });
  expect(performance.now() - startMs).toBeLessThan(3_000);
}, 30_000);
