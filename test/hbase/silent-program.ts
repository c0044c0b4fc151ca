// Run by hbase-client.test.ts: uses a client, closes it, and must then end without a word.
import { HBaseClient } from '../../src/hbase/hbase-client.ts';
import { PutBatch } from '../../src/model/rows.ts';
import { clientOptions } from './client-options.ts';

const [zookeeper = '', table = ''] = process.argv.slice(2);
const client = new HBaseClient(clientOptions(zookeeper));
const place = { table, family: Buffer.from('c') };
const batch = new PutBatch(1);
const row = Buffer.from('r');
batch.add({ row, qualifier: row, value: row, version: 1 });
const outcome = await client.put(place, batch, { timeoutMs: 10_000 });
const nowMs = await client.nowMs({ timeoutMs: 10_000 });
if (outcome.confirmedCount !== 1 || nowMs === 0) process.exitCode = 1;
client.close();
// One more, whose ZooKeeper is not there, closed while it asks.
const lost = new HBaseClient(clientOptions('127.0.0.1:9'));
const asked = lost.nowMs({ timeoutMs: 10_000 }).catch(() => undefined);
setTimeout(() => lost.close(), 100);
await asked;
