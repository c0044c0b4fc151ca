// Our client as a player of the bench: a flush through the row store, and scans of an ad's day as
// a query reads it, one range per salt, all at once.
import { HBaseRowStore } from '../src/store/hbase/hbase-row-store.ts';
import { AdRowsReader } from '../src/store/ad-rows-reader.ts';
import { silentObserver } from '../src/hbase/observer.ts';
import type { RowRange } from '../src/model/rows.ts';
import { countIn, day, newBatch, queriedAd, salts } from './hbase-cells.ts';
import type { BenchCell } from './hbase-cells.ts';
import type { ScanSum } from './hbase-package.ts';

const inTime = { timeoutMs: 120_000 };

export async function openOurs(zookeeper: string, tablePrefix: string): Promise<HBaseRowStore> {
  const store = new HBaseRowStore({
    zookeeper,
    znode: '/hbase',
    hostMap: new Map(),
    user: 'adcounter',
    durability: 'sync_wal',
    rpcTimeoutMs: 30_000,
    observer: silentObserver,
    tablePrefix,
    salts,
    retentionDays: 400,
  });
  await store.createTables(inTime);
  return store;
}

/** The batch is filled within, as a flush fills it. */
export async function putByUs(
  store: HBaseRowStore,
  cells: readonly BenchCell[],
  version?: number,
): Promise<number> {
  const outcome = await store.put('counts', newBatch(cells, version), inTime);
  for (const failure of outcome.failures.values()) throw failure;
  if (outcome.confirmedCount !== cells.length) throw new Error('not all cells were confirmed');
  return outcome.confirmedCount;
}

export async function scanByUs(
  store: HBaseRowStore,
  ranges: readonly RowRange[],
): Promise<ScanSum> {
  let cells = 0;
  let sum = 0;
  const scan = async (range: RowRange): Promise<void> => {
    const tally = await store.scan(
      'counts',
      range,
      ({ bytes, valueStart }) => {
        sum += countIn(bytes, valueStart);
      },
      inTime,
    );
    cells += tally.cells;
  };
  await Promise.all(ranges.map(scan));
  return { cells, sum };
}

/** The same cells, read as the product does: checked, by site. */
export async function queryByUs(
  store: HBaseRowStore,
  ranges: readonly RowRange[],
): Promise<ScanSum> {
  const bySite = new Map<string, number>();
  const query = async (range: RowRange): Promise<number> => {
    const reader = new AdRowsReader({
      ad: queriedAd as never,
      quarters: { first: day * 96, end: (day + 1) * 96 },
      visit: ({ site, counts }) => {
        bySite.set(site, (bySite.get(site) ?? 0) + (counts[1] ?? 0));
      },
    });
    const { cells } = await store.scan('counts', range, (cell) => reader.add(cell), inTime);
    reader.end();
    return cells;
  };
  const cells = (await Promise.all(ranges.map(query))).reduce((all, some) => all + some, 0);
  return { cells, sum: [...bySite.values()].reduce((all, count) => all + count, 0) };
}
