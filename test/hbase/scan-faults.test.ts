// Scans of a cluster in which anything happens at any call: regions move, split and merge, scanners
// expire, connections and replies are lost. What is read is exactly what is there, once, in order.
import { describe, expect, test } from '@jest/globals';
import { HBaseClient } from '../../src/hbase/hbase-client.ts';
import type { Put } from '../../src/model/rows.ts';
import { lineOf, randomOf, read } from './cells.ts';
import { clientOptions } from './client-options.ts';
import { FakeCluster, notServing } from './fake-cluster.ts';

const place = { table: 't', family: Buffer.from('c') };
const scansPerSeed = 6;
const seeds = [1, 2, 3, Date.now() % 1_000_000];

describe('scans of a cluster that changes under them', () => {
  test.each(seeds)(
    'seed %i: every row once, whole and in order',
    async (seed) => {
      const random = randomOf(seed);
      const cluster = await FakeCluster.start(['f', 'p'], 3);
      cluster.puts.push(...cellsOf(random));
      const hits = new Set<string>();
      cluster.before = (call) => {
        if (random(5) > 0) return false;
        const region = cluster.regions[random(cluster.regions.length)];
        if (region === undefined) return false;
        const what = random(8);
        if (what === 0) cluster.move(region, cluster.at(random(3)), { hint: random(2) === 0 });
        else if (what === 1) splitSomewhere(cluster, region, random);
        else if (what === 2) cluster.merge(region);
        else if (what === 3) cluster.expireScanners();
        else if (what === 4) cluster.metaServer = cluster.at(random(3));
        else if (what === 5) call.socket.destroy();
        else if (what === 6) call.fail(notServing);
        else {
          // Its rows are taken from the scanner, and never arrive.
          cluster.before = swallowing(cluster, cluster.before);
          return false;
        }
        hits.add(String(what));
        return what >= 5;
      };
      const clients = [0, 1].map(
        () => new HBaseClient({ ...clientOptions('127.0.0.1:9'), discovery: cluster.discovery }),
      );
      try {
        await Promise.all(
          clients.flatMap((client) =>
            Array.from({ length: scansPerSeed }, async () => {
              const range = rangeOf(random);
              const { cells } = await read(client, place, range);
              const expected = cluster.puts.filter(({ row }) => {
                const before = range.stop.length === 0 || row.compare(range.stop) < 0;
                return row.compare(range.start) >= 0 && before;
              });
              expect(cells.map(lineOf)).toEqual(expected.map(lineOf));
            }),
          ),
        );
      } finally {
        for (const client of clients) client.close();
        await cluster.close();
      }
      expect(hits.size).toBeGreaterThan(4);
    },
    120_000,
  );
});

type Before = FakeCluster['before'];

/** The next call is answered into a connection that is gone. */
function swallowing(cluster: FakeCluster, then: Before): Before {
  return (call) => {
    cluster.before = then;
    setImmediate(() => call.socket.destroy());
    call.socket.write = () => true;
    return false;
  };
}

function splitSomewhere(
  cluster: FakeCluster,
  region: FakeCluster['regions'][number],
  random: (below: number) => number,
): void {
  const key = Buffer.from(`${String.fromCodePoint(97 + random(26))}${random(10)}`);
  const inside = key.compare(region.startKey) > 0;
  const before = region.endKey.length === 0 || key.compare(region.endKey) < 0;
  if (inside && before && cluster.regions.length < 12) cluster.split(region, key);
}

/** Sorted; some rows have many cells, some keys are each other's beginning. */
function cellsOf(random: (below: number) => number): Put[] {
  const keys = new Set<string>();
  while (keys.size < 120) {
    const key = String.fromCodePoint(97 + random(26)) + String(random(100));
    keys.add(random(10) === 0 ? `${key}\0` : key);
  }
  return [...keys]
    .toSorted((a, b) => Buffer.from(a).compare(Buffer.from(b)))
    .flatMap((key) =>
      Array.from({ length: 1 + random(4) }, (_, i) => ({
        row: Buffer.from(key),
        qualifier: Buffer.from([i]),
        value: Buffer.from(`${key}${i}`),
        version: 1 + i,
      })),
    );
}

function rangeOf(random: (below: number) => number): { start: Buffer; stop: Buffer } {
  const key = (): Buffer => Buffer.from(String.fromCodePoint(97 + random(26)));
  const start = random(2) === 0 ? Buffer.alloc(0) : key();
  const stop = random(2) === 0 ? Buffer.alloc(0) : key();
  return { start, stop };
}
