// After close() nothing of a client is left, whatever it was waiting for; and nothing is printed.
import { execFile } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { expect, test } from '@jest/globals';
import { HBaseClient } from '../../src/hbase/hbase-client.ts';
import { hbaseFrameBytesMax } from '../../src/limits.ts';
import { putAll } from './cells.ts';
import { clientOptions } from './client-options.ts';
import { FakeCluster } from './fake-cluster.ts';

const place = { table: 't', family: Buffer.from('c') };
const bytes = Buffer.from('x');
const cell = { row: bytes, qualifier: bytes, value: bytes, version: 1 };

test('a process whose clients were closed in every kind of wait ends by itself, without a word', async () => {
  const program = fileURLToPath(new URL('silent-waits-program.ts', import.meta.url));
  const tsx = fileURLToPath(new URL('../../node_modules/.bin/tsx', import.meta.url));
  const { stdout, stderr } = await promisify(execFile)(tsx, [program], { timeout: 60_000 });
  expect({ stdout, stderr }).toEqual({ stdout: '', stderr: '' });
}, 90_000);

test('two clients of one process know nothing of each other', async () => {
  const cluster = await FakeCluster.start([], 1);
  const options = { ...clientOptions('127.0.0.1:9'), discovery: cluster.discovery };
  const [one, other] = [new HBaseClient(options), new HBaseClient(options)];
  await Promise.all([putAll(one, place, [cell]), putAll(other, place, [cell])]);
  expect(cluster.at(0).connections).toBe(2);
  one.close();
  await putAll(other, place, [cell]);
  await expect(
    one.checkAndPut(place, { ...cell, expected: null }, { timeoutMs: 2_000 }),
  ).rejects.toMatchObject({ code: 'STORE_CLOSED' });
  other.close();
  await cluster.close();
});

test('a call beyond the bound of a frame is refused here, and costs no connection', async () => {
  const cluster = await FakeCluster.start([], 1);
  const client = new HBaseClient({
    ...clientOptions('127.0.0.1:9'),
    discovery: cluster.discovery,
  });
  await putAll(client, place, [cell]);
  const value = Buffer.alloc(hbaseFrameBytesMax);
  const check = { ...cell, value, expected: null };
  await expect(client.checkAndPut(place, check, { timeoutMs: 20_000 })).rejects.toMatchObject({
    code: 'STORE_REFUSED',
    remedy: 'give-up',
  });
  await putAll(client, place, [cell]);
  expect(cluster.at(0).connections).toBe(1);
  client.close();
  await cluster.close();
}, 60_000);
