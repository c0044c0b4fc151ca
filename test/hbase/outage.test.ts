// A real HBase is killed and comes back: calls fail in time with a remedy, what was acknowledged
// is there, and the same client goes on by itself. A service counts meanwhile up to its bound,
// and catches up without a storm.
import { afterAll, beforeAll, expect, test } from '@jest/globals';
import { HBaseClient } from '../../src/hbase/hbase-client.ts';
import type { Put } from '../../src/model/rows.ts';
import { removeFolders } from '../support/core-harness.ts';
import { put, putAll, read } from './cells.ts';
import { clientOptions, inTime } from './client-options.ts';
import { countAfterwards, countBefore, countWhileDown } from './counting-through-outage.ts';
import { ownFolder } from './server/shared.ts';
import { startHBase } from './server/standalone.ts';
import type { RunningHBase } from './server/standalone.ts';
import { describeWithJava, family, startTimeoutMs } from './with-hbase.ts';

describeWithJava('an HBase that is killed', () => {
  let hbase: RunningHBase | null = null;
  let client: HBaseClient | null = null;
  const place = { table: 'ads:outage', family };

  beforeAll(async () => {
    hbase = await startHBase({ folder: ownFolder('outage'), fresh: true });
    client = new HBaseClient(clientOptions(hbase.zookeeper));
    const families = new Map([['c', new Map([['VERSIONS', '1']])]]);
    const splitKeys = [Buffer.from([64]), Buffer.from([128])];
    await client.createTable({ name: place.table, families, splitKeys }, inTime);
  }, startTimeoutMs);

  afterAll(async () => {
    client?.close();
    await hbase?.kill9();
    await removeFolders();
  }, 60_000);

  test('calls fail in time, and go on by themselves when it is back, nothing lost', async () => {
    if (hbase === null || client === null) throw new Error('HBase did not start');
    await putAll(client, place, cellsOf(1));
    const counting = await countBefore(hbase.zookeeper);
    await hbase.kill9();

    const startMs = performance.now();
    const whileDown = { timeoutMs: 1_500 };
    const scan = client.scan(place, { start: family, stop: family }, () => undefined, whileDown);
    await expect(scan).resolves.toMatchObject({ rows: 0 }); // an empty range asks nobody
    await expect(client.nowMs(whileDown)).rejects.toMatchObject({
      remedy: expect.stringMatching(/^(retry|relocate)$/),
    });
    expect(performance.now() - startMs).toBeLessThan(4_000);

    await countWhileDown(counting);

    // Begun while it is down, ended when it is back: one call rides over the whole outage.
    const longCall = put(client, place, cellsOf(2));
    await hbase.restart();
    const outcome = await longCall;
    const recovered = outcome.confirmedCount === 2_000 ? 2 : 1;
    const { cells } = await read(client, place);
    expect(cells.length).toBe(2_000);
    expect(cells.every((cell) => (cell.value[0] ?? 0) >= recovered)).toBe(true);
    await putAll(client, place, cellsOf(3));
    expect((await read(client, place)).cells).toEqual(inOrder(cellsOf(3)));
    expect(Math.abs((await client.nowMs(inTime)) - Date.now())).toBeLessThan(10_000);
    await countAfterwards(counting);
  }, 240_000);
});

function cellsOf(round: number): Put[] {
  return Array.from({ length: 2_000 }, (_, i) => ({
    row: Buffer.from([i & 0xff, i >>> 8]),
    qualifier: Buffer.from([1]),
    value: Buffer.from([round]),
    version: round,
  }));
}

function inOrder(cells: readonly Put[]): Put[] {
  return cells.toSorted((a, b) => a.row.compare(b.row));
}
