// The client's promises on a real HBase: an outcome for each put by itself, check-and-put as the
// server stamps it, clients that do not know of each other, nothing left and nothing printed.
import { execFile } from 'node:child_process';
import net from 'node:net';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { expect, test } from '@jest/globals';
import { HBaseClient } from '../../src/hbase/hbase-client.ts';
import { CounterError } from '../../src/model/errors.ts';
import { PutBatch } from '../../src/model/rows.ts';
import type { Put } from '../../src/model/rows.ts';
import { put, putAll, read } from './cells.ts';
import { clientOptions, inTime } from './client-options.ts';
import { describeOnHBase, family, newTable } from './with-hbase.ts';

const qualifier = Buffer.from([1]);
const cellOf = (row: string, value = 'v', version = 1): Put => ({
  row: Buffer.from(row),
  qualifier,
  value: Buffer.from(value),
  version,
});

describeOnHBase('the client', (on) => {
  test('a put that is refused fails by itself, and the others are confirmed', async () => {
    const { client } = on();
    const place = await newTable(on(), [Buffer.from('m')]);
    const batch = new PutBatch(4);
    batch.add(cellOf('a'));
    batch.add({ ...cellOf('b'), row: Buffer.alloc(40_000, 98) });
    batch.add(cellOf('z'));
    batch.add({ ...cellOf('y'), row: Buffer.alloc(0) });
    const outcome = await client.put(place, batch, inTime);
    expect([...outcome.confirmed]).toEqual([1, 0, 1, 0]);
    expect(outcome.confirmedCount).toBe(2);
    expect([...outcome.failures.keys()]).toEqual([1, 3]);
    for (const failure of outcome.failures.values()) {
      expect(failure).toMatchObject({ code: 'STORE_REFUSED', remedy: 'give-up' });
    }
    const { cells } = await read(client, place);
    expect(cells.map((cell) => cell.row.toString())).toEqual(['a', 'z']);
  });

  test('a family that is not there is refused at once, put by put', async () => {
    const { client } = on();
    const place = { ...(await newTable(on())), family: Buffer.from('nope') };
    const startMs = performance.now();
    const outcome = await put(client, place, [cellOf('a'), cellOf('b')]);
    expect(performance.now() - startMs).toBeLessThan(5_000);
    expect(outcome.confirmedCount).toBe(0);
    expect(
      [...outcome.failures.values()].map((failure) => (failure as CounterError).remedy),
    ).toEqual(['give-up', 'give-up']);
  });

  // M20: an operator's bound on versions refuses one put inside of a Multi that is otherwise fine.
  test('an exception inside of a Multi belongs to its own put', async () => {
    const { client } = on();
    const name = `slop${process.pid}_${Date.now()}`;
    const families = new Map([['c', new Map([['VERSIONS', '1']])]]);
    const attributes = new Map([['hbase.hregion.keyvalue.timestamp.slop.millisecs', '60000']]);
    await client.createTable({ name, families, attributes, splitKeys: [Buffer.from('m')] }, inTime);
    const place = { table: name, family };
    const early = Date.now() + 3_600_000;
    const puts = [cellOf('a'), cellOf('b', 'v', early), cellOf('c'), cellOf('x')];
    const outcome = await put(client, place, puts);
    expect([...outcome.confirmed]).toEqual([1, 0, 1, 1]);
    expect(outcome.failures.get(1)).toMatchObject({ code: 'STORE_REFUSED', remedy: 'give-up' });
    const { cells } = await read(client, place);
    expect(cells.map((cell) => cell.row.toString())).toEqual(['a', 'c', 'x']);
  });

  test('a table that is missing fails at once, and may be tried again later', async () => {
    const place = { table: 'no_such_table', family };
    const startMs = performance.now();
    const outcome = await put(on().client, place, [cellOf('a'), cellOf('b')]);
    expect(outcome.failures.size).toBe(2);
    expect(outcome.failures.get(1)).toMatchObject({ code: 'STORE_TABLE_MISSING', remedy: 'retry' });
    await expect(read(on().client, place)).rejects.toMatchObject({ code: 'STORE_TABLE_MISSING' });
    expect(performance.now() - startMs).toBeLessThan(5_000);
  });

  test('the highest version is read, whatever came last', async () => {
    const place = await newTable(on());
    await putAll(on().client, place, [cellOf('a', 'new', 2 ** 52 - 1)]);
    await putAll(on().client, place, [cellOf('a', 'old', 2 ** 52 - 2)]);
    const { cells } = await read(on().client, place);
    expect(cells).toEqual([cellOf('a', 'new', 2 ** 52 - 1)]);
  });

  // M25: the server stamps with its own time, or the version of the cell that it checked if that
  // is later; what was checked is never left in front of what replaced it.
  test('check-and-put never stamps below the cell that it checked', async () => {
    const { client } = on();
    const place = await newTable(on());
    const nowMs = await client.nowMs(inTime);
    const future = nowMs + 365 * 86_400_000;
    await putAll(client, place, [cellOf('past', 'a', 1), cellOf('future', 'a', future)]);
    const check = { qualifier, expected: Buffer.from('a'), value: Buffer.from('b') };
    for (const row of ['past', 'future']) {
      expect(await client.checkAndPut(place, { ...check, row: Buffer.from(row) }, inTime)).toBe(
        true,
      );
    }
    const { cells } = await read(client, place);
    const [inFuture, inPast] = cells;
    expect(inFuture).toEqual(cellOf('future', 'b', future));
    expect(inPast?.value.toString()).toBe('b');
    expect(Math.abs((inPast?.version ?? 0) - nowMs)).toBeLessThan(60_000);
  });

  test('two clients in one process do not know of each other', async () => {
    const place = await newTable(on());
    const other = new HBaseClient(clientOptions(on().shared.zookeeper));
    await Promise.all([
      putAll(on().client, place, [cellOf('a')]),
      putAll(other, place, [cellOf('b')]),
    ]);
    other.close();
    await expect(read(other, place)).rejects.toMatchObject({ code: 'STORE_CLOSED' });
    expect((await read(on().client, place)).cells.length).toBe(2);
  });

  test('a dead host of the quorum is passed over', async () => {
    const { zookeeper } = on().shared;
    const client = new HBaseClient(clientOptions(`127.0.0.1:9,${zookeeper}`));
    expect(await client.nowMs(inTime)).toBeGreaterThan(0);
    client.close();
  });

  test('a mapped name is dialled at its other address', async () => {
    const place = await newTable(on());
    const proxies: Proxy[] = [];
    const hostMap = new Map<string, { readonly host: string; readonly port: number }>();
    for (const server of await on().client.servers(inTime)) {
      const proxy = await proxyTo(server.port);
      proxies.push(proxy);
      hostMap.set(`${server.hostName}:${server.port}`, { host: '127.0.0.1', port: proxy.port });
    }
    const client = new HBaseClient({ ...clientOptions(on().shared.zookeeper), hostMap });
    await putAll(client, place, [cellOf('a')]);
    expect((await read(client, place)).cells.length).toBe(1);
    client.close();
    expect(proxies.some((proxy) => proxy.connections() > 0)).toBe(true);
    for (const proxy of proxies) proxy.close();
  });

  test('a namespace is made with the first table in it', async () => {
    const { client } = on();
    const name = `n${process.pid}_${Date.now()}:t`;
    const families = new Map([['c', new Map([['VERSIONS', '1']])]]);
    expect(await client.createTable({ name, families, splitKeys: [] }, inTime)).toBe(true);
    expect(await client.createTable({ name, families, splitKeys: [] }, inTime)).toBe(false);
    const place = { table: name, family };
    await putAll(client, place, [cellOf('a')]);
    expect((await read(client, place)).cells.length).toBe(1);
    expect(await client.describeTables([name, 'no_such_table'], inTime)).toMatchObject([{ name }]);
  });

  test('a process that has closed its client ends by itself, and printed nothing', async () => {
    const place = await newTable(on());
    const program = fileURLToPath(new URL('silent-program.ts', import.meta.url));
    const tsx = fileURLToPath(new URL('../../node_modules/.bin/tsx', import.meta.url));
    const { stdout, stderr } = await promisify(execFile)(
      tsx,
      [program, on().shared.zookeeper, place.table],
      { timeout: 30_000 },
    );
    expect({ stdout, stderr }).toEqual({ stdout: '', stderr: '' });
  }, 40_000);
});

interface Proxy {
  readonly port: number;
  connections(): number;
  close(): void;
}

async function proxyTo(port: number): Promise<Proxy> {
  const sockets: net.Socket[] = [];
  const server = net.createServer((near) => {
    const far = net.connect(port, '127.0.0.1');
    sockets.push(near, far);
    for (const socket of [near, far]) socket.on('error', () => undefined);
    near.pipe(far).pipe(near);
  });
  await new Promise<void>((resolve) => {
    server.listen(0, '127.0.0.1', resolve);
  });
  return {
    port: (server.address() as net.AddressInfo).port,
    connections: () => sockets.length / 2,
    close: () => {
      for (const socket of sockets) socket.destroy();
      server.close();
    },
  };
}
