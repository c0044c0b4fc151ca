// Puts of one batch that come to one region one after the other, while its server is slow: the
// later ones took the place of the earlier ones, which were then not sent at all.
import { setTimeout as sleep } from 'node:timers/promises';
import { afterEach, beforeEach, expect, test } from '@jest/globals';
import { HBaseClient } from '../../src/hbase/hbase-client.ts';
import type { Put } from '../../src/model/rows.ts';
import { put, putAll } from '../hbase/cells.ts';
import { clientOptions } from '../hbase/client-options.ts';
import { FakeCluster } from '../hbase/fake-cluster.ts';
import type { FakeCall } from '../hbase/fake-server.ts';
import { until } from '../support/until.ts';

const place = { table: 't', family: Buffer.from('c') };
let cluster: FakeCluster;
let client: HBaseClient;

beforeEach(async () => {
  cluster = await FakeCluster.start(['m', 's'], 3);
  client = new HBaseClient({ ...clientOptions('127.0.0.1:9'), discovery: cluster.discovery });
  await putAll(client, place, ['a', 'n', 't'].map(cellAt));
});
afterEach(async () => {
  client.close();
  await cluster.close();
});

function cellAt(key: string): Put {
  return {
    row: Buffer.from(key),
    qualifier: Buffer.from([1]),
    value: Buffer.from('v'),
    version: 1,
  };
}

test('puts of two regions that were merged onto a slow server are all sent there', async () => {
  const [first, second, slow] = [cluster.at(0), cluster.at(1), cluster.at(2)];
  const region = cluster.regionOf(Buffer.from('a'));
  cluster.merge(region);
  cluster.move(cluster.regionOf(Buffer.from('a')), slow, { hint: false });
  const held = new Map<typeof first, FakeCall>();
  cluster.before = (call, at) => {
    if (call.method !== 'Multi' || at === first || held.has(at)) return false;
    held.set(at, call);
    return true;
  };
  const batch = put(client, place, ['b', 'o', 'u'].map(cellAt), 8_000);
  // `b` has found its new region, and stands behind `u`; then `o` does.
  await until(() => held.size === 2, 3_000);
  await sleep(500);
  const release = (at: typeof first): void => {
    const call = held.get(at);
    if (call !== undefined) at.handler(call);
  };
  release(second);
  await sleep(500);
  release(slow);
  const { confirmedCount, failures } = await batch;
  expect([...failures.values()]).toEqual([]);
  expect(confirmedCount).toBe(3);
}, 20_000);
