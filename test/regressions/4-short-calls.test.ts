// Where a call may take less time than a silence takes to be seen, a dark server was never left:
// each call that ran out of time began the silence anew.
import { afterEach, beforeEach, expect, test } from '@jest/globals';
import { HBaseClient } from '../../src/hbase/hbase-client.ts';
import { hbaseLookMs, hbaseSilenceMs } from '../../src/limits.ts';
import type { Put } from '../../src/model/rows.ts';
import { put, putAll } from '../hbase/cells.ts';
import { clientOptions } from '../hbase/client-options.ts';
import { FakeCluster } from '../hbase/fake-cluster.ts';

const place = { table: 't', family: Buffer.from('c') };
const callMs = 600;
const cell: Put = {
  row: Buffer.from('a'),
  qualifier: Buffer.from([1]),
  value: Buffer.from('v'),
  version: 1,
};
let cluster: FakeCluster;
let client: HBaseClient;

beforeEach(async () => {
  cluster = await FakeCluster.start(['m'], 2);
  cluster.metaServer = cluster.at(1);
  client = new HBaseClient({
    ...clientOptions('127.0.0.1:9'),
    rpcTimeoutMs: callMs,
    discovery: cluster.discovery,
  });
  await putAll(client, place, [cell]);
});
afterEach(async () => {
  client.close();
  await cluster.close();
});

function darkAndReplaced(): void {
  cluster.at(0).dark = true;
  for (const region of cluster.regions) region.server = cluster.at(1);
}

test('calls of less time than a silence leave a server that ZooKeeper let go', async () => {
  expect(callMs).toBeLessThan(hbaseLookMs);
  darkAndReplaced();
  cluster.gone.add(cluster.at(0));
  expect(await put(client, place, [cell], 15_000)).toMatchObject({ confirmedCount: 1 });
  expect(cluster.looks).toBeGreaterThan(0);
}, 30_000);

test('and one whose connection leads nowhere, though it is there', async () => {
  expect(callMs).toBeLessThan(hbaseSilenceMs);
  darkAndReplaced();
  expect(await put(client, place, [cell], 15_000)).toMatchObject({ confirmedCount: 1 });
}, 30_000);

test('a server that answers some of them is not silent', async () => {
  let calls = 0;
  cluster.before = ({ method }) => method === 'Multi' && ++calls % 3 > 0;
  for (let i = 0; i < 2; i++) {
    expect(await put(client, place, [cell], 15_000)).toMatchObject({ confirmedCount: 1 });
  }
  expect(cluster.at(0).connections).toBe(1);
}, 60_000);
