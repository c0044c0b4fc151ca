// Regions of a real HBase move and split under load: puts and scans find them again by themselves.
import { expect, test } from '@jest/globals';
import { HBaseClient } from '../../src/hbase/hbase-client.ts';
import type { HBaseObserver } from '../../src/hbase/observer.ts';
import { silentObserver } from '../../src/hbase/observer.ts';
import type { Put } from '../../src/model/rows.ts';
import { put, putAll, read } from './cells.ts';
import { clientOptions, inTime } from './client-options.ts';
import { describeOnHBase, newTable } from './with-hbase.ts';

const qualifier = Buffer.from([1]);

describeOnHBase('regions that change', (on) => {
  test('a region that moved is found again, for puts, scans and check-and-put', async () => {
    const { client } = on();
    const place = await newTable(on(), [Buffer.from([8])]);
    const other = await newTable(on());
    await putAll(client, place, cellsOf(0));
    for (let round = 1; round <= 2; round++) {
      await moveEverything(place.table);
      await putAll(client, place, cellsOf(round));
      await moveEverything(place.table);
      const { cells } = await read(client, place);
      expect(cells).toEqual(cellsOf(round));
      await moveEverything(other.table);
      const check = { row: Buffer.from([100, round]), qualifier, expected: null };
      const claim = { ...check, value: Buffer.from([1]) };
      expect(await client.checkAndPut(other, claim, inTime)).toBe(true);
    }
  }, 120_000);

  test('under load, regions move and split, and nothing is lost or left out', async () => {
    const place = await newTable(on());
    const seen = counting();
    await withClient(seen, async (client) => {
      await putAll(client, place, spread(0));
      let round = 0;
      const trouble = { done: false };
      let scans = 0;
      const load = async (): Promise<void> => {
        while (!trouble.done) {
          round++;
          const { failures } = await put(client, place, spread(round));
          expect([...failures.values()]).toEqual([]);
        }
      };
      // M24: a scan beside a split, which sees every row once and whole.
      const look = async (): Promise<void> => {
        while (!trouble.done) {
          const { cells, tally } = await read(client, place);
          expect(cells.length).toBe(2 * spreadRows);
          expect(tally.rows).toBe(spreadRows);
          scans++;
        }
      };
      const cause = async (): Promise<void> => {
        try {
          for (const at of [128, 64, 192, 32]) {
            await splitAt(place.table, at);
            await moveEverything(place.table);
          }
        } finally {
          trouble.done = true;
        }
      };
      await Promise.all([load(), load(), look(), cause()]);
      expect(scans).toBeGreaterThan(2);
      expect(seen.relocations).toBeGreaterThan(3);
      const { cells } = await read(client, place);
      const last = cells.filter((cell) => cell.value.readUInt32BE(0) === round);
      expect(last.length).toBe(2 * spreadRows);
      await withClient(silentObserver, async (fresh) => {
        expect((await fresh.regions(place.table, inTime)).length).toBe(5);
      });
    });
  }, 180_000);

  async function withClient(
    observer: HBaseObserver,
    use: (client: HBaseClient) => Promise<void>,
  ): Promise<void> {
    const client = new HBaseClient({ ...clientOptions(on().shared.zookeeper), observer });
    try {
      await use(client);
    } finally {
      client.close();
    }
  }

  /** Each region to the server that it is not on; done when meta says so. */
  async function moveEverything(table: string): Promise<void> {
    await withClient(silentObserver, async (client) => {
      const servers = await client.servers(inTime);
      expect(servers.length).toBe(2);
      const regions = await client.regions(table, inTime);
      await Promise.all(
        regions.map(async (region) => {
          const other = servers.find((server) => server.port !== region.server.port);
          if (other === undefined) throw new Error('there is no other server');
          await client.moveRegion(region, other, inTime);
        }),
      );
    });
  }

  async function splitAt(table: string, row: number): Promise<void> {
    await withClient(silentObserver, async (client) => {
      const key = Buffer.from([row]);
      const regions = await client.regions(table, inTime);
      const region = [...regions].toReversed().find(({ startKey }) => startKey.compare(key) < 0);
      if (region === undefined) throw new Error('there is no region to split');
      await client.splitRegion(region, key, inTime);
    });
  }
});

const spreadRows = 512;

/** Two cells in each of many rows, all over the key space. */
function spread(round: number): Put[] {
  return Array.from({ length: 2 * spreadRows }, (_, i) => {
    const value = Buffer.alloc(4);
    value.writeUInt32BE(round, 0);
    const row = Buffer.from([(i >>> 1) & 0xff, i >>> 9]);
    return { row, qualifier: Buffer.from([i & 1]), value, version: 1 + round };
  });
}

function cellsOf(round: number): Put[] {
  return Array.from({ length: 16 }, (_, i) => ({
    row: Buffer.from([i]),
    qualifier,
    value: Buffer.from([round]),
    version: 1 + round,
  }));
}

interface Counting extends HBaseObserver {
  relocations: number;
}

function counting(): Counting {
  const seen: Counting = {
    ...silentObserver,
    relocations: 0,
    relocation: () => {
      seen.relocations++;
    },
  };
  return seen;
}
