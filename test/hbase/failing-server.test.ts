// What the client does when a server is away, silent, overloaded or out of its mind.
import net from 'node:net';
import { afterEach, beforeEach, describe, expect, test } from '@jest/globals';
import { HBaseClient } from '../../src/hbase/hbase-client.ts';
import { messages } from '../../src/hbase/messages.ts';
import { silentObserver } from '../../src/hbase/observer.ts';
import { hbaseFrameBytesMax, hbaseThrottleWaitMs } from '../../src/limits.ts';
import { PutBatch } from '../../src/model/rows.ts';
import { everything, put, read } from './cells.ts';
import { clientOptions } from './client-options.ts';
import { answerScan, FakeServer, multiReply, regionFailure } from './fake-server.ts';
import type { FakeCall } from './fake-server.ts';

const place = { table: 't', family: Buffer.from('c') };
const qualifier = Buffer.from([1]);
const value = Buffer.from('v');
const cellOf = (row: string): Parameters<typeof put>[2][number] => ({
  row: Buffer.from(row),
  qualifier,
  value,
  version: 5,
});
const batchOf = (...rows: readonly string[]): PutBatch => {
  const batch = new PutBatch(rows.length);
  for (const row of rows) batch.add(cellOf(row));
  return batch;
};
const rowsOf = (call: FakeCall): string[] => {
  const rows: string[] = [];
  for (let at = 0; at < call.cells.length; at += 4 + call.cells.readInt32BE(at)) {
    const length = call.cells.readUInt16BE(at + 12);
    rows.push(call.cells.toString('latin1', at + 14, at + 14 + length));
  }
  return rows;
};

const doneAll = (call: FakeCall): void => call.answer(multiReply(rowsOf(call).map(() => null)));

const tooLarge =
  'java.io.IOException: Rejecting large batch operation for current batch with firstRegionName';

describe('a server that fails', () => {
  let server: FakeServer;
  let client: HBaseClient;
  let relocations: number;
  beforeEach(async () => {
    server = await FakeServer.listen();
    relocations = 0;
    client = new HBaseClient({
      ...clientOptions('127.0.0.1:9'),
      discovery: server.discovery,
      observer: { ...silentObserver, relocation: () => relocations++ },
    });
  });
  afterEach(async () => {
    client.close();
    await server.close();
  });
  const multis = (): FakeCall[] => server.calls.filter((call) => call.method === 'Multi');

  test('only what failed is sent again', async () => {
    server.handler = (call) => {
      if (multis().length > 1) doneAll(call);
      else call.answer(multiReply([null, 'org.apache.hadoop.hbase.RegionTooBusyException', null]));
    };
    const startMs = performance.now();
    const outcome = await put(client, place, [cellOf('a'), cellOf('b'), cellOf('c')]);
    expect(outcome.confirmedCount).toBe(3);
    expect(outcome.failures.size).toBe(0);
    expect(multis().map(rowsOf)).toEqual([['a', 'b', 'c'], ['b']]);
    expect(performance.now() - startMs).toBeGreaterThanOrEqual(hbaseThrottleWaitMs);
  });

  test('a region that is not there is looked up again', async () => {
    server.handler = (call) => {
      if (multis().length > 1) doneAll(call);
      else call.answer(regionFailure('org.apache.hadoop.hbase.NotServingRegionException'));
    };
    expect((await put(client, place, [cellOf('a')])).confirmedCount).toBe(1);
    expect(relocations).toBe(1);
    expect(server.calls.map((call) => call.method)).toEqual(['Scan', 'Multi', 'Scan', 'Multi']);
  });

  test('of a call that is refused as a whole, all but the guilty put get through', async () => {
    server.handler = (call) => {
      if (rowsOf(call).includes('bad')) call.fail('java.lang.IllegalArgumentException');
      else doneAll(call);
    };
    const rows = ['a', 'b', 'c', 'bad', 'd', 'e', 'f'];
    const outcome = await put(client, place, rows.map(cellOf));
    expect([...outcome.confirmed]).toEqual([1, 1, 1, 0, 1, 1, 1]);
    expect(outcome.failures.get(3)).toMatchObject({ remedy: 'give-up' });
  });

  test('a server that takes fewer rows at once gets fewer', async () => {
    server.handler = (call) => {
      if (rowsOf(call).length > 2) call.fail('java.io.IOException', tooLarge);
      else doneAll(call);
    };
    const outcome = await put(client, place, ['a', 'b', 'c', 'd', 'e', 'f', 'g'].map(cellOf));
    expect(outcome.confirmedCount).toBe(7);
  });

  test('an action that a reply leaves out is not confirmed but sent again', async () => {
    server.handler = (call) => call.answer(multiReply([null]));
    const outcome = await put(client, place, [cellOf('a'), cellOf('b')]);
    expect(outcome.confirmedCount).toBe(2);
    expect(multis().map(rowsOf)).toEqual([['a', 'b'], ['b']]);
  });

  test('each attempt carries the time that it has', async () => {
    server.handler = doneAll;
    await client.put(place, batchOf('a'), { timeoutMs: 2_000 });
    const [call] = multis();
    expect(call?.header.timeout).toBeLessThanOrEqual(2_000);
    expect(call?.header.timeout).toBeGreaterThan(1_000);
  });

  test('a closed connection fails its calls at once, and the next attempt makes a new one', async () => {
    server.handler = (call) => {
      if (multis().length === 1) call.socket.destroy();
      else doneAll(call);
    };
    const startMs = performance.now();
    expect((await put(client, place, [cellOf('a')])).confirmedCount).toBe(1);
    expect(performance.now() - startMs).toBeLessThan(2_000);
    expect(server.connections).toBeGreaterThan(1);
  });

  test('a refused connection fails at once, with a remedy', async () => {
    const { port } = server;
    await server.close();
    const startMs = performance.now();
    const outcome = await client.put(place, batchOf('a'), { timeoutMs: 2_000 });
    expect(performance.now() - startMs).toBeLessThan(4_000);
    const [failure] = outcome.failures.values();
    expect(failure).toMatchObject({ code: 'STORE_UNREACHABLE', remedy: 'relocate' });
    expect(failure?.message).toContain(String(port));
    server = await FakeServer.listen();
  });

  test('a caller that goes away gets its answer at once', async () => {
    const controller = new AbortController();
    setTimeout(() => controller.abort(), 50);
    const outcome = await client.put(place, batchOf('a'), {
      timeoutMs: 10_000,
      signal: controller.signal,
    });
    expect(outcome.failures.get(0)).toMatchObject({ code: 'STORE_ABORTED', remedy: 'give-up' });
  });

  test('many calls of one caller hang on one signal without a warning', async () => {
    const warnings: Error[] = [];
    const onWarning = (warning: Error): number => warnings.push(warning);
    process.on('warning', onWarning);
    const { signal } = new AbortController();
    server.handler = (call) => setTimeout(() => doneAll(call), 100);
    const calls = Array.from({ length: 30 }, (_, i) =>
      client.put(place, batchOf(`r${i}`), { timeoutMs: 5_000, signal }),
    );
    expect((await Promise.all(calls)).every(({ confirmedCount }) => confirmedCount === 1)).toBe(
      true,
    );
    process.off('warning', onWarning);
    expect(warnings).toEqual([]);
    // All of them looked for the same region: one asked.
    expect(server.calls.filter((call) => call.method === 'Scan').length).toBe(1);
  });

  test.each([
    ['a frame beyond the bound', lengthOnly(hbaseFrameBytesMax + 1)],
    ['bytes that are no frame', Buffer.concat([lengthOnly(4), Buffer.alloc(4, 0xff)])],
  ])('%s ends the connection, not the process', async (_what, bytes) => {
    server.handler = (call) => {
      if (multis().length === 1) call.socket.write(bytes);
      else doneAll(call);
    };
    expect((await put(client, place, [cellOf('a')])).confirmedCount).toBe(1);
    expect(server.connections).toBe(2);
  });

  test('a scan goes on behind the last row after its scanner was lost', async () => {
    let scans = 0;
    server.handler = (call) => {
      scans++;
      if (scans === 1)
        answerScan(call, [[cellOf('a')], [cellOf('b'), cellOf('b')]], { more: true });
      else if (scans === 2) call.fail('org.apache.hadoop.hbase.UnknownScannerException');
      else answerScan(call, [[cellOf('c')]], { more: false });
    };
    const { cells } = await read(client, place);
    expect(cells.map((cell) => cell.row.toString())).toEqual(['a', 'b', 'b', 'c']);
    const scanner = server.calls.findLast((call) => call.method === 'Scan');
    const request = messages.scanRequest.decode(scanner?.message ?? Buffer.alloc(0));
    expect(Buffer.from(request.scan?.startRow ?? []).toString()).toBe('b');
    expect(request.scan?.includeStartRow).toBe(false);
  });

  test('a heartbeat without rows is not the end', async () => {
    let scans = 0;
    server.handler = (call) => {
      scans++;
      answerScan(call, scans === 3 ? [[cellOf('a')]] : [], { more: scans < 3 });
    };
    const { cells, tally } = await read(client, place);
    expect(cells.length).toBe(1);
    expect(tally.calls).toBe(3);
  });

  test('a part of a row is never taken for a row', async () => {
    server.handler = (call) => answerScan(call, [[cellOf('a')]], { more: false, partial: true });
    const scan = client.scan(place, everything, () => undefined, { timeoutMs: 2_000 });
    await expect(scan).rejects.toMatchObject({ code: 'STORE_REPLY_INVALID' });
  });

  test("a visitor's own error comes through, and nothing is read again", async () => {
    server.handler = (call) => answerScan(call, [[cellOf('a')]], { more: false });
    const mine = new Error('mine');
    const scan = client.scan(
      place,
      everything,
      () => {
        throw mine;
      },
      { timeoutMs: 1_000 },
    );
    await expect(scan).rejects.toBe(mine);
  });
});

describe('a ZooKeeper that fails', () => {
  test('refused, the call fails in time and says retry', async () => {
    expect(await failureWith(await closedPort())).toMatchObject({ remedy: 'retry' });
  });

  test('silent, the call fails in time and says retry', async () => {
    const sockets = new Set<net.Socket>();
    const silent = net.createServer((socket) => sockets.add(socket.on('error', () => undefined)));
    await new Promise<void>((resolve) => {
      silent.listen(0, '127.0.0.1', resolve);
    });
    const { port } = silent.address() as net.AddressInfo;
    expect(await failureWith(port)).toMatchObject({ remedy: 'retry' });
    for (const socket of sockets) socket.destroy();
    silent.close();
  });

  test('who has less time does not wait for who has more', async () => {
    const sockets = new Set<net.Socket>();
    const silent = net.createServer((socket) => sockets.add(socket.on('error', () => undefined)));
    await new Promise<void>((resolve) => {
      silent.listen(0, '127.0.0.1', resolve);
    });
    const { port } = silent.address() as net.AddressInfo;
    const client = new HBaseClient(clientOptions(`127.0.0.1:${port}`));
    const startMs = performance.now();
    const patient = client.nowMs({ timeoutMs: 20_000 }).catch((error: unknown) => error);
    await expect(client.nowMs({ timeoutMs: 100 })).rejects.toMatchObject({ remedy: 'retry' });
    client.close();
    expect(await patient).toMatchObject({ code: 'STORE_CLOSED', remedy: 'give-up' });
    expect(performance.now() - startMs).toBeLessThan(2_000);
    for (const socket of sockets) socket.destroy();
    silent.close();
  });
});

async function failureWith(port: number): Promise<unknown> {
  const client = new HBaseClient(clientOptions(`127.0.0.1:${port}`));
  const startMs = performance.now();
  try {
    return await client.nowMs({ timeoutMs: 500 }).catch((error: unknown) => error);
  } finally {
    client.close();
    expect(performance.now() - startMs).toBeLessThan(2_000);
  }
}

function lengthOnly(length: number): Buffer {
  const bytes = Buffer.alloc(4);
  bytes.writeUInt32BE(length, 0);
  return bytes;
}

async function closedPort(): Promise<number> {
  const server = await FakeServer.listen();
  const { port } = server;
  await server.close();
  return port;
}
