// What is done to regions of a real HBase is done when the call returns, once, and to the region
// that was meant: with regions that were just split or merged, replies that are lost, and regions
// that are elsewhere or no more.
import { afterAll, beforeAll, expect, jest, test } from '@jest/globals';
import { HBaseClient } from '../../src/hbase/hbase-client.ts';
import type { Region } from '../../src/hbase/regions.ts';
import { lineOf, putAll, read } from './cells.ts';
import { clientOptions } from './client-options.ts';
import { Proxies } from './proxy/proxies.ts';
import { withFreshClient } from './server/fresh-client.ts';
import { describeOnHBase, newTable } from './with-hbase.ts';

jest.setTimeout(180_000);

const inTime = { timeoutMs: 90_000 };

describeOnHBase('regions in our hands', (on) => {
  let proxies: Proxies;
  let client: HBaseClient;
  /** Kinds of calls that were done and answered. */
  let done: string[] = [];

  beforeAll(async () => {
    const { zookeeper } = on().shared;
    proxies = await Proxies.around(zookeeper);
    client = new HBaseClient({ ...clientOptions(zookeeper), hostMap: proxies.hostMap });
    proxies.onPassed = (_, { kind, applied }) => {
      if (applied) done.push(kind);
    };
  });

  afterAll(async () => {
    client.close();
    await proxies.close();
  });

  test('what was just split is split again, what was just merged is merged again', async () => {
    const place = await newTable(on());
    await putAll(client, place, cells);
    for (const at of [128, 64, 32]) {
      const region = (await regionsNow(place.table)).find((one) => holds(one, at));
      await client.splitRegion(present(region), Buffer.from([at]), inTime);
    }
    expect(await startsOf(place.table)).toEqual([[], [32], [64], [128]]);
    for (const left of [3, 2, 1]) {
      await client.mergeRegions((await regionsNow(place.table)).slice(0, 2), inTime);
      expect((await regionsNow(place.table)).length).toBe(left);
    }
    expect((await read(client, place)).cells.map(lineOf)).toEqual(cells.map(lineOf));
  });

  test('a start whose reply was lost starts nothing twice', async () => {
    const table = `lost${process.pid}_${Date.now()}`;
    const families = new Map([['c', new Map<string, string>()]]);
    const cuts = ['CreateTable', 'SplitRegion', 'MergeTableRegions'].map((kind) =>
      proxies.arm({ kind, times: 1, at: 'reply', act: 'cut' }),
    );
    // True: we have made it, though the second try found it there.
    expect(await client.createTable({ name: table, families, splitKeys: [] }, inTime)).toBe(true);
    const [whole] = await regionsNow(table);
    await client.splitRegion(present(whole), Buffer.from([128]), inTime);
    expect(await startsOf(table)).toEqual([[], [128]]);
    await client.mergeRegions(await regionsNow(table), inTime);
    expect(await startsOf(table)).toEqual([[]]);
    expect(cuts.map(({ left }) => left)).toEqual([0, 0, 0]);
  });

  test('flush and compact are done at the server that has the region, though it has moved', async () => {
    const place = await newTable(on());
    await putAll(client, place, cells);
    const before = present((await regionsNow(place.table))[0]);
    // Now the client knows where it is, and then it is elsewhere.
    expect((await client.regions(place.table, inTime))[0]?.server).toEqual(before.server);
    await withFreshClient(on().shared.zookeeper, async (other) => {
      const servers = await other.servers(inTime);
      const to = servers.find(({ port }) => port !== before.server.port);
      await other.moveRegion(before, present(to), inTime);
    });
    done = [];
    await client.flushRegion(before, inTime);
    expect(done.filter((kind) => kind === 'FlushRegion').length).toBe(1);
    for (const major of [false, true]) await client.compactRegion(before, { major }, inTime);
    expect(done.filter((kind) => kind === 'CompactRegion').length).toBe(2);
    expect(done).toContain('GetRegionInfo');
    expect((await read(client, place)).cells.map(lineOf)).toEqual(cells.map(lineOf));
  });

  test('a region that is no more is a failure for good, and no other is touched', async () => {
    const place = await newTable(on());
    const whole = present((await regionsNow(place.table))[0]);
    await client.splitRegion(whole, Buffer.from([128]), inTime);
    done = [];
    const gone = { code: 'STORE_REGION_GONE', remedy: 'give-up' };
    await expect(client.flushRegion(whole, inTime)).rejects.toMatchObject(gone);
    await expect(client.compactRegion(whole, { major: true }, inTime)).rejects.toMatchObject(gone);
    await expect(client.splitRegion(whole, Buffer.from([64]), inTime)).rejects.toMatchObject(gone);
    await expect(client.mergeRegions([whole, whole], inTime)).rejects.toMatchObject(gone);
    expect(done.filter((kind) => kind !== 'MetaScan' && kind !== 'GetRegionInfo')).toEqual([]);
    expect(await startsOf(place.table)).toEqual([[], [128]]);
  });

  test('what HBase refuses is a failure for good, with its reason', async () => {
    const place = await newTable(on(), [Buffer.from([64]), Buffer.from([128])]);
    const [first, , third] = await regionsNow(place.table);
    const refused = { code: 'STORE_REFUSED', remedy: 'give-up' };
    const apart = client.mergeRegions([present(first), present(third)], inTime);
    await expect(apart).rejects.toMatchObject({
      ...refused,
      message: expect.stringContaining('adjacent'),
    });
    const outside = client.splitRegion(present(first), Buffer.from([200]), inTime);
    await expect(outside).rejects.toMatchObject(refused);
    expect((await regionsNow(place.table)).length).toBe(3);
  });

  /** As somebody finds them who has not asked before. */
  async function regionsNow(table: string): Promise<readonly Region[]> {
    return await withFreshClient(on().shared.zookeeper, (fresh) => fresh.regions(table, inTime));
  }

  async function startsOf(table: string): Promise<number[][]> {
    return (await regionsNow(table)).map(({ startKey }) => Array.from(startKey));
  }
});

const cells = Array.from({ length: 256 }, (_, i) => ({
  row: Buffer.from([i]),
  qualifier: Buffer.from([1]),
  value: Buffer.from('v'),
  version: 1,
}));

function holds({ startKey, endKey }: Region, row: number): boolean {
  return (startKey[0] ?? 0) <= row && row < (endKey[0] ?? 256);
}

function present<T>(found: T | undefined): T {
  if (found === undefined) throw new Error('it is not there');
  return found;
}
