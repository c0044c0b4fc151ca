// A real HBase that loses what it had confirmed: a table made anew under a running service and
// under one that is killed, and rows that somebody deleted. What is known comes back, or is named.
import { mkdtemp, readdir, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { expect, test } from '@jest/globals';
import { run } from '../cli/run.ts';
import { freshTables } from '../crash/hbase.ts';
import { freePort, ServiceProcess } from '../crash/service-process.ts';
import { until } from '../support/until.ts';
import { runJava } from './java/run.ts';
import { tendRegions } from './server/region-commands.ts';
import { describeOnHBase, startTimeoutMs } from './with-hbase.ts';

describeOnHBase('counts that HBase lost', (on) => {
  test(
    'come back from memory, from the journal, or by adcounter reassert, and are named where hidden',
    async () => {
      const { shared } = on();
      const env = await freshTables(shared.zookeeper);
      const table = `${env['ADCOUNTER_HBASE_TABLE_PREFIX'] ?? ''}counts`;
      const home = await mkdtemp(path.join(tmpdir(), 'adcounter-lost-'));
      const dataDir = path.join(home, 'data');
      const services: ServiceProcess[] = [];
      const start = async (): Promise<ServiceProcess> => {
        const port = await freePort();
        // Rounds come when the test asks for them.
        const more = { ADCOUNTER_FLUSH_SECONDS: '60' };
        const service = new ServiceProcess({ dataDir, port, env: { ...env, ...more } });
        services.push(service);
        await service.logged('service.start', 30_000);
        return service;
      };
      const flags = ['--data-dir', dataDir, ...flagsOf(env)];
      try {
        // A stop reads back, puts again what the table lost, and only then seals.
        const first = await start();
        await post(first, 40);
        await flush(first);
        await runJava(shared, ['truncate', table]);
        await until(async () => (await totalAt(first)) === 0, 30_000);
        const [writer = ''] = await readdir(path.join(dataDir, 'journal'));
        expect(await first.stop()).toBe(0);
        expect(first.countOf('read_back.missing')).toBe(1);
        expect(first.countOf('read_back.healed')).toBe(1);
        expect(await readdir(path.join(dataDir, 'journal', writer))).toContain('aside');

        // Killed, and the table lost everything: a recovery knows what is in the living journal.
        const second = await start();
        await until(async () => (await totalAt(second)) === 40, 30_000);
        await post(second, 2);
        await flush(second);
        await second.kill9();
        await runJava(shared, ['truncate', table]);
        const third = await start();
        await until(async () => (await totalAt(third)) === 2, 30_000);

        // What is aside is put again by an operator, beside the running service.
        const dry = await run('reassert', '--dry-run', '--json', ...flags);
        expect(dry.code).toBe(1);
        const missing = { table, intact: 1, missing: 1, healed: 0 };
        expect(JSON.parse(dry.out)).toMatchObject({ outcome: 'missing', tables: [missing] });
        expect(await totalAt(third)).toBe(2);
        const healed = await run('reassert', '--yes', ...flags);
        expect(healed).toMatchObject({ code: 0 });
        expect(healed.err).toContain('adcounter: audit: reassert of');
        expect(healed.out).toContain(`${table}: 2 cells put: 1 intact, 1 healed, 0 masked`);
        expect(await totalAt(third)).toBe(42);

        // Deleted by hand: puts are confirmed and hidden, until a major compaction.
        await runJava(shared, ['deleteall', table]);
        expect(await totalAt(third)).toBe(0);
        const masked = await run('reassert', '--yes', ...flags);
        expect(masked.code).toBe(1);
        expect(masked.out).toContain('stopped at the first check');
        expect(masked.err).toContain(`major_compact '${table}'`);
        expect(await totalAt(third)).toBe(0);
        const target = { zookeeper: shared.zookeeper, serverNames: {}, say: () => undefined };
        await tendRegions(target, { table, row: undefined }, 'flush');
        await tendRegions(target, { table, row: undefined }, 'major');
        expect(await run('reassert', '--yes', '--quiet', ...flags)).toMatchObject({ code: 0 });
        expect(await totalAt(third)).toBe(42);
      } finally {
        await Promise.all(services.map((service) => service.kill9()));
        await rm(home, { recursive: true });
      }
    },
    startTimeoutMs,
  );
});

function flagsOf(env: Readonly<Record<string, string>>): string[] {
  return Object.entries(env).flatMap(([name, value]) => {
    return [`--${name.replace('ADCOUNTER_', '').toLowerCase().replaceAll('_', '-')}`, value];
  });
}

async function post({ address }: ServiceProcess, n: number): Promise<void> {
  const response = await fetch(`${address}/v1/impressions`, {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify({ ad: 'a', site: 's.example', n }),
  });
  expect(response.status).toBe(202);
}

async function flush({ address }: ServiceProcess): Promise<void> {
  const response = await fetch(`${address}/v1/flush`, { method: 'POST' });
  expect(await response.json()).toMatchObject({ outcome: 'success' });
}

/** -1: the table is just being made anew. */
async function totalAt({ address }: ServiceProcess): Promise<number> {
  const answer = await fetch(`${address}/v1/ads/a`);
  if (!answer.ok) return -1;
  const { impressions } = (await answer.json()) as { impressions: { counted: number } };
  return impressions.counted;
}
