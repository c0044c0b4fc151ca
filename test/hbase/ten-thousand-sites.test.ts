// The mission in one test: the built service on a real HBase, 10,000 sites of an ad, and the total
// held against the sender's ledger and against what HBase's own client sums up from the raw rows.
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { expect, test } from '@jest/globals';
import type { AdId } from '../../src/model/cell.ts';
import { CounterStore } from '../../src/store/counter-store.ts';
import { HBaseRowStore } from '../../src/store/hbase/hbase-row-store.ts';
import { freshTables } from '../crash/hbase.ts';
import { seededRandom } from '../crash/random.ts';
import { freePort, ServiceProcess } from '../crash/service-process.ts';
import { clientOptions, inTime } from './client-options.ts';
import { runJava } from './java/run.ts';
import { describeOnHBase } from './with-hbase.ts';

const sites = 10_000;
const eventsPerRequest = 1000;
const allQuarters = { first: 0, end: 65_536 * 96 };

describeOnHBase('a total over ten thousand sites', (on) => {
  test("equals the ledger and the official client's sum; a neighbour is never read", async () => {
    const { zookeeper } = on().shared;
    const env = await freshTables(zookeeper);
    const home = await mkdtemp(path.join(tmpdir(), 'adcounter-sites-'));
    const port = await freePort();
    const service = new ServiceProcess({ dataDir: path.join(home, 'data'), port, env });
    try {
      await service.logged('service.start', 30_000);
      // The neighbour's id is a prefix of the ad's, and the other way round for the third.
      const ledger = new Map<string, number>();
      for (const ad of ['ad-7', 'ad-', 'ad-77']) {
        ledger.set(ad, await countSites(service.address, ad));
      }
      const flush = await fetch(`${service.address}/v1/flush`, { method: 'POST' });
      expect(await flush.json()).toMatchObject({ outcome: 'success', cells: 3 * sites });

      for (const ad of ['ad-7', 'ad-', 'ad-77']) {
        const answer = await fetch(`${service.address}/v1/ads/${ad}`);
        const total = (await answer.json()) as { impressions: { counted: number } };
        expect(total.impressions.counted).toBe(ledger.get(ad));
      }
      const table = `${env['ADCOUNTER_HBASE_TABLE_PREFIX'] ?? ''}counts`;
      const sum = await runJava(on().shared, ['total', table, 'ad-7']);
      expect(sum.trim()).toBe(`${sites} ${ledger.get('ad-7')}`);
      expect(await cellsScanned(zookeeper, env, 'ad-7')).toEqual({ rows: sites, cells: sites });
    } finally {
      await service.stop();
      await rm(home, { recursive: true });
    }
  }, 180_000);
});

/** Answers what was acknowledged. */
async function countSites(address: string, ad: string): Promise<number> {
  const random = seededRandom(ad.length);
  let acknowledged = 0;
  for (let first = 0; first < sites; first += eventsPerRequest) {
    const events = Array.from({ length: eventsPerRequest }, (_, i) => ({
      ad,
      site: `site-${first + i}.example`,
      n: 1 + Math.floor(random() * 1000),
    }));
    const response = await fetch(`${address}/v1/impressions`, {
      method: 'POST',
      headers: { 'content-type': 'application/json' },
      body: JSON.stringify(events),
    });
    expect(response.status).toBe(202);
    acknowledged += events.reduce((sum, event) => sum + event.n, 0);
  }
  return acknowledged;
}

async function cellsScanned(
  zookeeper: string,
  env: Readonly<Record<string, string>>,
  ad: string,
): Promise<{ rows: number; cells: number }> {
  const rows = new HBaseRowStore({
    ...clientOptions(zookeeper),
    tablePrefix: env['ADCOUNTER_HBASE_TABLE_PREFIX'] ?? '',
    salts: 16,
    retentionDays: 400,
  });
  try {
    const store = await CounterStore.open(rows, { createIfMissing: false }, inTime);
    const tally = await store.readAd(ad as AdId, allQuarters, () => undefined, inTime);
    return { rows: tally.rows, cells: tally.cells };
  } finally {
    await rows.close();
  }
}
