// `npm run hbase:smoke`: the built service on a fresh standalone HBase of one version, from its
// tables to a total after a restart, with regions moved and split in between. Says passed, or fails
// with what was seen. Leaves nothing running and no data.
import { mkdtempSync, rmSync } from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { freshTables } from '../../crash/hbase.ts';
import { freePort, ServiceProcess } from '../../crash/service-process.ts';
import { inTime } from '../client-options.ts';
import { hbaseVersion } from './conf.ts';
import { withFreshClient } from './fresh-client.ts';
import { hbaseRoot, startHBase } from './standalone.ts';

type Say = (line: string) => void;

const serviceTimeoutMs = 30_000;
const flushTimeoutMs = 60_000;
const ads = 20;
const sites = 5;

export async function smoke(say: Say): Promise<void> {
  const version = hbaseVersion();
  const folder = path.join(hbaseRoot, `smoke-${process.pid}`);
  const dataDir = mkdtempSync(path.join(os.tmpdir(), 'adcounter-smoke-'));
  say(`HBase ${version}, standalone with two region servers`);
  const hbase = await startHBase({ folder, fresh: true, regionServers: 2 });
  let service: ServiceProcess | null = null;
  try {
    const env = await freshTables(hbase.zookeeper);
    const counts = `${env['ADCOUNTER_HBASE_TABLE_PREFIX']}counts`;
    say('tables are made');
    service = await serve(dataDir, env);
    await count(service, 1);
    await verify(service, 1, say);
    await changeRegions(hbase.zookeeper, counts, say);
    await count(service, 2);
    await verify(service, 2, say);
    await hbase.stop();
    await hbase.restart();
    say('HBase was restarted');
    await count(service, 3);
    await verify(service, 3, say);
    await service.stop();
    // Nothing of its own is left to it: what it says now is what HBase kept.
    rmSync(dataDir, { recursive: true, force: true });
    service = await serve(dataDir, env);
    await verify(service, 3, say);
    say(`passed: HBase ${version}`);
  } catch (error) {
    throw new Error(`failed: HBase ${version}: ${(error as Error).message}`, { cause: error });
  } finally {
    await service?.kill9();
    await hbase.kill9();
    rmSync(folder, { recursive: true, force: true });
    rmSync(dataDir, { recursive: true, force: true });
  }
}

async function serve(
  dataDir: string,
  env: Readonly<Record<string, string>>,
): Promise<ServiceProcess> {
  const service = new ServiceProcess({ dataDir, port: await freePort(), env });
  await service.logged('service.start', serviceTimeoutMs);
  return service;
}

/** Each ad once on each site, `round` impressions each. */
async function count(service: ServiceProcess, round: number): Promise<void> {
  const events = Array.from({ length: ads * sites }, (_, i) => ({
    ad: `ad${i % ads}`,
    site: `site${Math.floor(i / ads)}.example`,
    n: round,
  }));
  await ask(service, 'POST', '/v1/impressions', { events });
  // After a restart of HBase the first one may come while its regions are still on their way.
  const deadline = Date.now() + flushTimeoutMs;
  for (;;) {
    const flushed = await flush(service);
    if (flushed === null) return;
    if (Date.now() > deadline) throw new Error(`no flush was whole in time: ${flushed}`);
    await sleep(500);
  }
}

/** Null: all is in HBase. */
async function flush(service: ServiceProcess): Promise<string | null> {
  try {
    const { outcome } = await ask(service, 'POST', '/v1/flush');
    return outcome === 'success' ? null : JSON.stringify(outcome);
  } catch (error) {
    return (error as Error).message;
  }
}

async function verify(service: ServiceProcess, rounds: number, say: Say): Promise<void> {
  const expected = (sites * rounds * (rounds + 1)) / 2;
  for (let ad = 0; ad < ads; ad++) {
    const { impressions } = await ask(service, 'GET', `/v1/ads/ad${ad}`);
    const { counted } = impressions as { readonly counted: unknown };
    if (counted !== expected) {
      throw new Error(`ad${ad} has a total of ${JSON.stringify(counted)} instead of ${expected}`);
    }
  }
  say(`${ads} totals of ${expected} each are right`);
}

async function changeRegions(zookeeper: string, table: string, say: Say): Promise<void> {
  const changed = await withFreshClient(zookeeper, async (client) => {
    const [servers, regions] = [await client.servers(inTime), await client.regions(table, inTime)];
    const moved = regions.slice(0, 4);
    for (const region of moved) {
      const other = servers.find(({ port }) => port !== region.server.port);
      if (other === undefined) throw new Error('there is no second region server');
      await client.moveRegion(region, other, inTime);
    }
    const last = regions.at(-1);
    if (last === undefined) throw new Error(`${table} has no regions`);
    await client.flushRegion(last, inTime);
    await client.splitRegion(last, Buffer.concat([last.startKey, Buffer.from([0x80])]), inTime);
    await client.compactRegion(moved[0] ?? last, { major: true }, inTime);
    return { before: regions.length, moved };
  });
  await withFreshClient(zookeeper, async (client) => {
    const regions = await client.regions(table, inTime);
    const stayed = changed.moved.filter((before) =>
      regions.some(
        ({ name, server }) => name.equals(before.name) && server.port === before.server.port,
      ),
    );
    if (stayed.length > 0) throw new Error(`${stayed.length} regions were not moved`);
    if (regions.length !== changed.before + 1) throw new Error('no region was split');
  });
  say(`${changed.moved.length} regions were moved, one flushed, split and one compacted`);
}

async function ask(
  service: ServiceProcess,
  method: 'GET' | 'POST',
  route: string,
  body?: unknown,
): Promise<Readonly<Record<string, unknown>>> {
  const response = await fetch(service.address + route, {
    method,
    headers: { 'Content-Type': 'application/json' },
    ...(body === undefined ? {} : { body: JSON.stringify(body) }),
    signal: AbortSignal.timeout(serviceTimeoutMs),
  });
  const text = await response.text();
  if (!response.ok) throw new Error(`${method} ${route}: ${response.status} ${text}`);
  return JSON.parse(text) as Readonly<Record<string, unknown>>;
}
