// A cluster of six processes: what it promises those who build on it. Takes its time: all promises
// are held by one cluster, in the order of its life.
import net from 'node:net';
import { afterAll, beforeAll, expect, test } from '@jest/globals';
import { HBaseClient } from '../../src/hbase/hbase-client.ts';
import { silentObserver } from '../../src/hbase/observer.ts';
import type { Region } from '../../src/hbase/regions.ts';
import type { CellCursor } from '../../src/model/rows.ts';
import { until } from '../support/until.ts';
import { everything, lineOf, put, putAll, read } from './cells.ts';
import { clientOptions } from './client-options.ts';
import { clusterIn, startCluster } from './server/cluster.ts';
import type { RunningCluster } from './server/cluster.ts';
import { processNames } from './server/conf-cluster.ts';
import { withFreshClient } from './server/fresh-client.ts';
import { allListeners, listenersOf } from './server/listeners.ts';
import { processesIn } from './server/process.ts';
import { moveRegion } from './server/region-commands.ts';
import { ownFolder } from './server/shared.ts';
import { describeWithJava, family, startTimeoutMs } from './with-hbase.ts';

const place = { table: 'ads:cluster', family };
const qualifier = Buffer.from([1]);
const longTime = { timeoutMs: 90_000 };

describeWithJava('a cluster of several processes', () => {
  const folder = ownFolder('cluster');
  let cluster: RunningCluster;

  beforeAll(async () => {
    // A scanner nobody asks for 2 s is given up within the second: HBase else looks every 10 s.
    const site = {
      'hbase.client.scanner.timeout.period': '2000',
      'hbase.server.thread.wakefrequency': '1000',
    };
    cluster = await startCluster({ folder, fresh: true, site });
  }, startTimeoutMs);

  afterAll(async () => {
    await cluster?.kill9();
  }, 60_000);

  test('six processes run, each by its pid, and all listen on loopback only', () => {
    const pids = processNames.map((name) => cluster.processes[name].pid());
    expect(new Set(pids).size).toBe(6);
    for (const name of processNames) {
      const one = cluster.processes[name];
      expect([name, one.state()]).toEqual([name, 'running']);
      const listeners = listenersOf(one.pid() ?? 0);
      expect([name, listeners.map(({ port }) => port)]).toEqual([
        name,
        expect.arrayContaining([one.port]),
      ]);
      expect([name, ...new Set(listeners.map((where) => where.address))]).toEqual([
        name,
        '127.0.0.1',
      ]);
    }
    expect(clusterIn(folder)?.zookeeper).toBe(cluster.zookeeper);
  });

  test('regions are moved, split, merged, flushed and compacted, and keep every cell', async () => {
    await onCluster(async (client) => {
      const families = new Map([['c', new Map([['VERSIONS', '1']])]]);
      await client.createTable({ name: place.table, families, splitKeys: [] }, longTime);
      expect((await regions(client)).length).toBe(1);
      await putAll(client, place, cells(1));
    });
    for (const name of ['rs1', 'rs2'] as const) {
      const target = { zookeeper: cluster.zookeeper, serverNames: cluster.servers, say: () => {} };
      await moveRegion(target, { table: place.table, row: 'a', server: name });
      expect(await placesNow()).toEqual([cluster.servers[name]]);
    }
    await onCluster(async (client) => {
      const [whole] = await regions(client);
      if (whole === undefined) throw new Error('there is no region');
      await client.flushRegion(whole, longTime);
      await client.splitRegion(whole, Buffer.from([128]), longTime);
    });
    await onCluster(async (client) => {
      const two = await regions(client);
      expect(two.map(({ startKey }) => [...startKey])).toEqual([[], [128]]);
      for (const region of two) await client.compactRegion(region, { major: true }, longTime);
      await client.mergeRegions(two, longTime);
    });
    await onCluster(async (client) => {
      expect((await regions(client)).length).toBe(1);
      expect((await read(client, place)).cells.map(lineOf)).toEqual(cells(1).map(lineOf));
    });
  }, 180_000);

  test('a scan whose scanner has expired goes on behind the last row that came', async () => {
    const large = Array.from({ length: 48 }, (_, i) => {
      return { row: Buffer.from([i]), qualifier, value: Buffer.alloc(32_768, i), version: 1 };
    });
    const outcomes: string[] = [];
    const request = (_op: string, outcome: string): number => outcomes.push(outcome);
    const observer = { ...silentObserver, request };
    const client = new HBaseClient({ ...clientOptions(cluster.zookeeper), observer });
    try {
      const families = new Map([['c', new Map([['VERSIONS', '1']])]]);
      const slow = { table: 'slow', family };
      await client.createTable({ name: slow.table, families, splitKeys: [] }, longTime);
      await putAll(client, slow, large);
      const rows: number[] = [];
      const visit = ({ bytes, rowStart }: CellCursor): void => {
        // Nothing is asked for meanwhile, as by a process that stands still.
        if (rows.length === 0) Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, 5_000);
        rows.push(bytes[rowStart] ?? -1);
      };
      await client.scan(slow, everything, visit, longTime);
      expect(rows).toEqual(large.map(({ row }) => row[0]));
      expect(outcomes).toContain('STORE_SCANNER_LOST');
    } finally {
      client.close();
    }
  }, 120_000);

  test('a region server that is killed is noticed, loses nothing, and comes back on its port', async () => {
    const { rs2 } = cluster.processes;
    const before = rs2.pid();
    await rs2.kill9();
    expect(rs2.state()).toBe('ended');
    // Its session ends after 6 s; how much longer it takes depends on how busy the machine is.
    await until(async () => (await liveServers()).length === 1, 60_000);
    await onCluster(async (client) => {
      const { cells: found } = await read(client, place);
      expect(found.map(lineOf)).toEqual(cells(1).map(lineOf));
    });
    await rs2.restart();
    expect(rs2.pid()).not.toBe(before);
    await until(async () => (await liveServers()).includes(cluster.servers.rs2), 60_000);
  }, 180_000);

  test('one that is paused is left when its session ends, long before calls run out of time', async () => {
    const { rs2 } = cluster.processes;
    const target = { zookeeper: cluster.zookeeper, serverNames: cluster.servers, say: () => {} };
    await moveRegion(target, { table: place.table, row: 'a', server: 'rs2' });
    const options = { ...clientOptions(cluster.zookeeper), rpcTimeoutMs: 120_000 };
    const client = new HBaseClient(options);
    try {
      await putAll(client, place, cells(2));
      rs2.pause();
      const outcome = await put(client, place, cells(3), 90_000);
      expect([...outcome.failures.values()].map(String)).toEqual([]);
      expect((await read(client, place)).cells.map(lineOf)).toEqual(cells(3).map(lineOf));
    } finally {
      client.close();
    }
    expect(await placesNow()).toEqual([cluster.servers.rs1]);
  }, 180_000);

  test('a process that is paused says so, and goes on when it is resumed', async () => {
    const { datanode } = cluster.processes;
    // The system stops it soon, not at once.
    datanode.pause();
    await until(() => datanode.state() === 'paused', 10_000);
    expect(datanode.state()).toBe('paused');
    datanode.resume();
    await until(() => datanode.state() === 'running', 10_000);
    expect(datanode.state()).toBe('running');
  });

  test('stop leaves no process and no port, one that is paused included', async () => {
    const pids = processNames.map((name) => cluster.processes[name].pid() ?? 0);
    const ports = new Set(pids.flatMap((pid) => listenersOf(pid).map(({ port }) => port)));
    cluster.processes.rs2.pause();
    await cluster.stop();
    expect(processesIn(folder).size).toBe(0);
    expect(clusterIn(folder)).toBeNull();
    await until(() => !allListeners().some(({ port }) => ports.has(port)), 10_000);
  }, 120_000);

  test('a start that fails names the process and why, and ends those that had started', async () => {
    const server = net.createServer();
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    try {
      const { port } = server.address() as net.AddressInfo;
      const failing = ownFolder('failing-cluster');
      const start = startCluster({ folder: failing, fresh: true, ports: { datanode: port } });
      await expect(start).rejects.toThrow(
        `datanode cannot start: port ${port} on 127.0.0.1 is in use.`,
      );
      expect(processesIn(failing).size).toBe(0);
    } finally {
      server.close();
    }
  }, 120_000);

  /** With a client that knows nothing of what was before. */
  async function onCluster<T>(use: (client: HBaseClient) => Promise<T>): Promise<T> {
    return await withFreshClient(cluster.zookeeper, use);
  }

  async function placesNow(): Promise<string[]> {
    const found = await onCluster((client) => regions(client));
    return found.map(({ server }) => `${server.host}:${server.port}`);
  }

  async function liveServers(): Promise<string[]> {
    const servers = await onCluster((client) => client.servers(longTime));
    return servers.map(({ hostName, port }) => `${hostName}:${port}`);
  }
});

async function regions(client: HBaseClient): Promise<readonly Region[]> {
  return await client.regions(place.table, longTime);
}

function cells(
  version: number,
): { row: Buffer; qualifier: Buffer; value: Buffer; version: number }[] {
  return Array.from({ length: 256 }, (_, i) => ({
    row: Buffer.from([i]),
    qualifier,
    value: Buffer.from([version]),
    version,
  }));
}
