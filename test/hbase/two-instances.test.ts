// Several instances need nothing from one another: the built service twice on one HBase and one
// data folder, each a writer with a journal of its own, and the same sum from both.
import { mkdtemp, readdir, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { expect, test } from '@jest/globals';
import { freshTables } from '../crash/hbase.ts';
import { freePort, ServiceProcess } from '../crash/service-process.ts';
import { describeOnHBase, startTimeoutMs } from './with-hbase.ts';

describeOnHBase('two instances at once, on one data folder', (on) => {
  test(
    'give the right sum, the same from both',
    async () => {
      const env = await freshTables(on().shared.zookeeper);
      const home = await mkdtemp(path.join(tmpdir(), 'adcounter-two-'));
      const dataDir = path.join(home, 'data');
      const services: ServiceProcess[] = [];
      try {
        for (let i = 0; i < 2; i++) {
          const service = new ServiceProcess({ dataDir, port: await freePort(), env });
          services.push(service);
          await service.logged('service.start', 30_000);
        }
        const addresses = services.map(({ address }) => address);
        // The same cell in both, and one that only one of them counts.
        const events = [
          [{ ad: 'a', site: 'shared.example', n: 17 }],
          [
            { ad: 'a', site: 'shared.example', n: 20 },
            { ad: 'a', site: 'second.example', n: 5 },
          ],
        ];
        await Promise.all(addresses.map((address, i) => post(address, events[i])));
        for (const address of addresses) {
          const flush = await fetch(`${address}/v1/flush`, { method: 'POST' });
          expect(await flush.json()).toMatchObject({ outcome: 'success' });
        }
        const totals = await Promise.all(addresses.map((address) => totalAt(address)));
        expect(totals).toEqual([42, 42]);
        expect(await readdir(path.join(dataDir, 'journal'))).toHaveLength(2);
      } finally {
        await Promise.all(services.map((service) => service.stop()));
        await rm(home, { recursive: true });
      }
    },
    startTimeoutMs,
  );
});

async function post(address: string, events: unknown): Promise<void> {
  const response = await fetch(`${address}/v1/impressions`, {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify(events),
  });
  expect(response.status).toBe(202);
}

async function totalAt(address: string): Promise<number> {
  const answer = await fetch(`${address}/v1/ads/a`);
  const { impressions } = (await answer.json()) as { impressions: { counted: number } };
  return impressions.counted;
}
