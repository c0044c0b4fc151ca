// A reply lost after a real HBase has applied the call, for each kind of call that the client
// sends: whatever it does next, the result is exact. Each cut is seen to hit.
import { afterAll, beforeAll, expect, jest, test } from '@jest/globals';
import { HBaseClient } from '../../src/hbase/hbase-client.ts';
import type { Place } from '../../src/hbase/hbase-client.ts';
import type { CheckAndPut, Put } from '../../src/model/rows.ts';
import { settings } from '../../src/settings.ts';
import { Proxies } from './proxy/proxies.ts';
import { lineOf, put, putAll, read } from './cells.ts';
import { clientOptions, inTime } from './client-options.ts';
import { describeOnHBase, newTable } from './with-hbase.ts';

jest.setTimeout(120_000);

const qualifier = Buffer.from([1]);
const rows = 3_000;

describeOnHBase('a reply cut after it was applied', (on) => {
  let proxies: Proxies;
  let client: HBaseClient;
  let place: Place;

  beforeAll(async () => {
    proxies = await Proxies.around(on().shared.zookeeper);
    // The way of an operator: the setting's text, as the service reads it.
    const hostMap = settings.hbaseHostMap.schema.parse(proxies.setting);
    client = new HBaseClient({ ...clientOptions(on().shared.zookeeper), hostMap });
    place = await newTable(on(), [Buffer.from([64]), Buffer.from([0x80, 0xff])]);
    await putAll(client, place, cells(1));
  });

  afterAll(async () => {
    client.close();
    await proxies.close();
  });

  test('all calls of the client go through the proxies', () => {
    expect(proxies.all.length).toBe(3);
    expect(proxies.all.filter(({ connections }) => connections > 0).length).toBe(2);
  });

  test('Multi: every put is confirmed, and read back', async () => {
    for (const version of [2, 3, 4, 5, 6]) {
      const cut = proxies.arm({ kind: 'Multi', times: 2, at: 'reply', act: 'cut' });
      const { confirmedCount } = await put(client, place, cells(version));
      expect({ confirmedCount, left: cut.left }).toEqual({ confirmedCount: rows, left: 0 });
      expect(await linesRead()).toEqual(cells(version).map(lineOf));
    }
    expect(proxies.struck('Multi').length).toBe(10);
  });

  test('Multi: a row mutation that is done twice is done once', async () => {
    const row = Buffer.from([0x90, 1]);
    const cellAt = (name: string, version: number): Put => ({
      row,
      qualifier: Buffer.from(name),
      value: Buffer.from(`${name}${version}`),
      version,
    });
    const other = await newTable(on());
    await putAll(client, other, [cellAt('a', 5), cellAt('b', 7)]);
    for (let version = 10; version < 15; version++) {
      const cut = proxies.arm({ kind: 'Multi', times: 2, at: 'reply', act: 'cut' });
      const deletes = [{ kind: 'upTo', qualifier: Buffer.from('a'), version: 5 }] as const;
      const mutation = { row, puts: [cellAt('c', version)], deletes };
      await client.mutateRow(other, mutation, inTime);
      expect(cut.left).toBe(0);
      const { cells: left } = await read(client, other);
      expect(left.map(({ value }) => value.toString())).toEqual(['b7', `c${version}`]);
    }
  });

  test.each(['ScanOpen', 'ScanNext', 'MetaScan'])('%s: each row comes once', async (kind) => {
    await putAll(client, place, cells(7));
    const before = proxies.struck(kind).length;
    for (const times of [1, 2, 3]) {
      const cut = proxies.arm({ kind, times, at: 'reply', act: 'cut' });
      // Meta is asked by who knows nothing yet.
      const fresh = new HBaseClient({
        ...clientOptions(on().shared.zookeeper),
        hostMap: proxies.hostMap,
      });
      expect((await read(fresh, place)).cells.map(lineOf)).toEqual(cells(7).map(lineOf));
      fresh.close();
      expect(cut.left).toBe(0);
    }
    expect(proxies.struck(kind).length - before).toBe(6);
  });

  test('Mutate: a check-and-put that was done says no, and its own value stands there', async () => {
    for (let i = 0; i < 5; i++) {
      const cut = proxies.arm({ kind: 'Mutate', times: 1, at: 'reply', act: 'cut' });
      const claim = claimOf(i, null, 1);
      // Sent again, it finds what it wrote itself.
      expect(await client.checkAndPut(place, claim, inTime)).toBe(false);
      expect(cut.left).toBe(0);
      expect(await valueAt(claim.row)).toEqual(claim.value);
      const next = claimOf(i, claim.value, 2);
      expect(await client.checkAndPut(place, next, inTime)).toBe(true);
      expect(await valueAt(claim.row)).toEqual(next.value);
    }
  });

  test('Mutate: without time for a second try the outcome is unknown, not false', async () => {
    const cut = proxies.arm({ kind: 'Mutate', times: 1, at: 'reply', act: 'swallow' });
    const claim = claimOf(99, null, 1);
    await expect(client.checkAndPut(place, claim, { timeoutMs: 3_000 })).rejects.toMatchObject({
      code: 'STORE_TIMEOUT',
    });
    expect(cut.left).toBe(0);
    expect(await valueAt(claim.row)).toEqual(claim.value);
  });

  test('GetClusterStatus: the clock is asked again', async () => {
    const cut = proxies.arm({ kind: 'GetClusterStatus', times: 3, at: 'reply', act: 'cut' });
    expect(Math.abs((await client.nowMs(inTime)) - Date.now())).toBeLessThan(60_000);
    expect(cut.left).toBe(0);
  });

  test('CreateTable: the table is there, with its regions', async () => {
    const cut = proxies.arm({ kind: 'CreateTable', times: 1, at: 'reply', act: 'cut' });
    const polls = proxies.arm({ kind: 'getProcedureResult', times: 1, at: 'reply', act: 'cut' });
    const table = `cut${process.pid}_${Date.now()}`;
    const families = new Map([['c', new Map([['VERSIONS', '1']])]]);
    await client.createTable({ name: table, families, splitKeys: [Buffer.from([9])] }, inTime);
    expect([cut.left, proxies.struck('CreateTable').length]).toEqual([0, 1]);
    await putAll(client, { table, family: place.family }, cells(1).slice(0, 10));
    expect((await client.regions(table, inTime)).length).toBe(2);
    // Ours to take back: the other test's calls are none of this one's.
    expect(polls.left).toBeLessThanOrEqual(1);
    proxies.disarm();
  });

  test('a server that refuses, resets or half-closes loses nothing', async () => {
    const servers = proxies.all.filter(({ connections }) => connections > 0);
    for (const [i, act] of (['refuse', 'reset', 'server', 'client'] as const).entries()) {
      const writing = put(client, place, cells(10 + i));
      for (const proxy of servers) {
        if (act === 'refuse' || act === 'reset') await proxy.set(act);
        else proxy.halfClose(act);
      }
      await new Promise((resolve) => setTimeout(resolve, 200));
      for (const proxy of servers) await proxy.set('pass');
      expect((await writing).confirmedCount).toBe(rows);
      expect((await read(client, place, ofCells)).cells.map(lineOf)).toEqual(
        cells(10 + i).map(lineOf),
      );
    }
  });

  async function linesRead(): Promise<string[]> {
    return (await read(client, place)).cells.map(lineOf);
  }

  async function valueAt(row: Buffer): Promise<Buffer | undefined> {
    const range = { start: row, stop: Buffer.concat([row, Buffer.from([0])]) };
    const stored = await read(client, place, range);
    return stored.cells[0]?.value;
  }
});

/** Behind all claims. */
const ofCells = { start: Buffer.from([1]), stop: Buffer.alloc(0) };

/** Enough bytes in each region for several replies of a scan. */
function cells(version: number): Put[] {
  return Array.from({ length: rows }, (_, i) => {
    const row = Buffer.from([1 + Math.floor(i / 12), i % 12]);
    return { row, qualifier, value: Buffer.alloc(1_000, version * 31 + i), version };
  });
}

function claimOf(i: number, expected: Buffer | null, n: number): CheckAndPut {
  return { row: Buffer.from([0, i]), qualifier, expected, value: Buffer.from([i + 1, n]) };
}
