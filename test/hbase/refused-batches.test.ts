// Calls that a server refuses as a whole: each poisoned put is found and named, the others arrive,
// and a server that refuses whatever it is given costs a bounded number of calls.
import { afterEach, beforeEach, describe, expect, test } from '@jest/globals';
import { HBaseClient } from '../../src/hbase/hbase-client.ts';
import { hbaseMultiPutsMax, hbaseRefusalsInARowMax } from '../../src/limits.ts';
import { PutBatch } from '../../src/model/rows.ts';
import { putsOf } from './cells.ts';
import { clientOptions } from './client-options.ts';
import { FakeServer, multiReply } from './fake-server.ts';
import type { FakeCall } from './fake-server.ts';

const place = { table: 't', family: Buffer.from('c') };
const refusing = 'org.apache.hadoop.hbase.DoNotRetryIOException';
const inTime = { timeoutMs: 60_000 };
const many = 100_000;

describe('batches that are refused', () => {
  let server: FakeServer;
  let client: HBaseClient;
  beforeEach(async () => {
    server = await FakeServer.listen();
    client = new HBaseClient({ ...clientOptions('127.0.0.1:9'), discovery: server.discovery });
  });
  afterEach(async () => {
    client.close();
    await server.close();
  });
  const multis = (): number => server.calls.filter((call) => call.method === 'Multi').length;

  test('three poisoned puts among 100,000 are found by about two calls for each halving', async () => {
    const poison = new Set([7, 49_999, 77_777]);
    server.handler = (call) => {
      const rows = numbersOf(call);
      if (rows.some((i) => poison.has(i))) call.fail(refusing);
      else call.answer(multiReply(rows.map(() => null)));
    };
    const { confirmedCount, failures } = await client.put(place, batchOf(many), inTime);
    expect(confirmedCount).toBe(many - poison.size);
    expect([...failures.keys()].toSorted((a, b) => a - b)).toEqual([...poison]);
    for (const failure of failures.values()) {
      expect(failure).toMatchObject({ code: 'STORE_REFUSED', remedy: 'give-up' });
    }
    const halvings = Math.ceil(Math.log2(hbaseMultiPutsMax));
    expect(multis()).toBeLessThanOrEqual(many / hbaseMultiPutsMax + poison.size * 2 * halvings);
  }, 90_000);

  test('a server that refuses everything is asked a bounded number of times', async () => {
    server.handler = (call) => call.fail(refusing);
    const { confirmedCount, failures } = await client.put(place, batchOf(many), inTime);
    expect(confirmedCount).toBe(0);
    expect(failures.size).toBe(many);
    // What was not proven to be refused for good may be put again another time.
    const codes = new Set(
      [...failures.values()].map((failure) => (failure as { code?: string }).code),
    );
    expect(codes.has('STORE_BATCH_REFUSED')).toBe(true);
    expect(multis()).toBeLessThanOrEqual(4 * hbaseRefusalsInARowMax + many / hbaseMultiPutsMax);
  }, 90_000);

  test('denied access is no reason to cut a call in two', async () => {
    server.handler = (call) => call.fail('org.apache.hadoop.hbase.security.AccessDeniedException');
    const { failures } = await client.put(place, batchOf(20_000), inTime);
    expect(failures.size).toBe(20_000);
    expect(failures.get(0)).toMatchObject({ code: 'STORE_ACCESS_DENIED', remedy: 'give-up' });
    expect(multis()).toBe(20_000 / hbaseMultiPutsMax);
  }, 60_000);

  test('how many rows a server takes at once is learned once', async () => {
    const trace = 'java.io.IOException: Rejecting large batch operation for current batch';
    server.handler = (call) => {
      const rows = numbersOf(call);
      if (rows.length > 1_000) call.fail('java.io.IOException', trace);
      else call.answer(multiReply(rows.map(() => null)));
    };
    const { confirmedCount } = await client.put(place, batchOf(many), inTime);
    expect(confirmedCount).toBe(many);
    // Calls of 625, after two lanes have halved 5,000 three times.
    expect(multis()).toBeLessThanOrEqual(many / 625 + 2 * (1 + 2 + 4) + 2);
  }, 90_000);
});

function batchOf(count: number): PutBatch {
  const batch = new PutBatch(count);
  const qualifier = Buffer.from([1]);
  for (let i = 0; i < count; i++) {
    const row = Buffer.alloc(4);
    row.writeUInt32BE(i, 0);
    batch.add({ row, qualifier, value: qualifier, version: 1 });
  }
  return batch;
}

function numbersOf(call: FakeCall): number[] {
  return putsOf(call.cells).map(({ row }) => row.readUInt32BE(0));
}
