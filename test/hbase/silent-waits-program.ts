// Run by closing.test.ts: closes clients in the middle of every kind of wait, and must then end
// without a word. Each call is waited for, so that none is lost with the process.
import net from 'node:net';
import { setTimeout as sleep } from 'node:timers/promises';
import { HBaseClient } from '../../src/hbase/hbase-client.ts';
import type { HBaseClientOptions } from '../../src/hbase/hbase-client.ts';
import { PutBatch } from '../../src/model/rows.ts';
import { clientOptions } from './client-options.ts';
import { FakeCluster } from './fake-cluster.ts';

const place = { table: 't', family: Buffer.from('c') };
const bytes = Buffer.from('x');
const timeoutMs = 60_000;
const calls = [
  async (client: HBaseClient): Promise<unknown> => {
    const batch = new PutBatch(1);
    batch.add({ row: bytes, qualifier: bytes, value: bytes, version: 1 });
    return await client.put(place, batch, { timeoutMs });
  },
  async (client: HBaseClient): Promise<unknown> =>
    await client.scan(place, { start: bytes, stop: bytes.subarray(1) }, () => undefined, {
      timeoutMs,
    }),
  async (client: HBaseClient): Promise<unknown> => {
    const check = { row: bytes, qualifier: bytes, expected: null, value: bytes };
    return await client.checkAndPut(place, check, { timeoutMs });
  },
  async (client: HBaseClient): Promise<unknown> => await client.nowMs({ timeoutMs }),
];

/** Each call waits on what the cluster does to it; then its client is closed. */
async function closeWithin(
  change: (cluster: FakeCluster) => void,
  optionsOf = (cluster: FakeCluster): HBaseClientOptions => ({
    ...clientOptions('127.0.0.1:9'),
    discovery: cluster.discovery,
  }),
): Promise<void> {
  const cluster = await FakeCluster.start(['m'], 2);
  change(cluster);
  const clients = calls.map(() => new HBaseClient(optionsOf(cluster)));
  const ends = clients.map(async (client, i) => await calls[i]?.(client).catch((e: unknown) => e));
  await sleep(400);
  for (const client of clients) client.close();
  for (const end of await Promise.all(ends)) {
    // A put tells what it saw last; the others, why they ended.
    const { code, failures } = end as { code?: string; failures?: ReadonlyMap<number, Error> };
    if (code !== 'STORE_CLOSED' && failures?.size !== 1) process.exitCode = 1;
  }
  await cluster.close();
}

const busy = 'org.apache.hadoop.hbase.CallQueueTooBigException';
// No answer at all; no answer of meta's.
await closeWithin((cluster) => {
  for (const server of cluster.servers) server.dark = true;
});
// Overloaded; not serving; broken: waiting for a turn, or for the next attempt.
for (const name of [busy, 'org.apache.hadoop.hbase.NotServingRegionException', 'some.Exception']) {
  await closeWithin((cluster) => {
    cluster.before = (call) => {
      call.fail(name);
      return true;
    };
  });
}
// A region between two places.
await closeWithin((cluster) => {
  for (const region of cluster.regions) region.state = 'CLOSED';
  cluster.before = (call) => {
    if (call.method === 'Scan') return false;
    call.fail(busy);
    return true;
  };
});
// Nobody takes the connection, the name of the server leads nowhere, ZooKeeper is not there.
const lost = { hostName: '127.0.0.1', port: 9, startCode: 1 };
const nowhere = {
  master: async () => await Promise.resolve(lost),
  metaServer: async () => await Promise.resolve(lost),
  regionServers: async () => await Promise.resolve(new Set<string>()),
  close: () => undefined,
};
await closeWithin(
  () => undefined,
  () => ({ ...clientOptions('127.0.0.1:9'), discovery: nowhere }),
);
const silent = net.createServer(() => undefined);
await new Promise<void>((resolve) => {
  silent.listen(0, '127.0.0.1', resolve);
});
const { port } = silent.address() as net.AddressInfo;
await closeWithin(
  () => undefined,
  () => clientOptions(`127.0.0.1:${port}`),
);
await closeWithin(
  () => undefined,
  () => clientOptions('127.0.0.1:9'),
);
silent.close();
