// One cell among a hundred thousand that HBase refuses for good (M20: an operator's bound on
// versions): the others arrive, it is named, it holds watermark and journal through kill -9, and
// it goes in by itself once the cause is gone.
import { mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { setTimeout as passes } from 'node:timers/promises';
import { afterAll, beforeAll, expect, test } from '@jest/globals';
import { freshTables } from '../crash/hbase.ts';
import { freePort, ServiceProcess } from '../crash/service-process.ts';
import { until } from '../support/until.ts';
import { ownFolder } from './server/shared.ts';
import { startHBase } from './server/standalone.ts';
import type { RunningHBase } from './server/standalone.ts';
import { describeWithJava, startTimeoutMs } from './with-hbase.ts';

const slop = 'hbase.hregion.keyvalue.timestamp.slop.millisecs';
const slopMs = '60000';
const others = 99_999;
/** Three hours of milliseconds ahead of any clock: a version is the quarter's start plus n. */
const poisonCounts = 12_000_000;
const requestEvents = 9_000;

interface Status {
  readonly completeThrough: string | null;
  readonly unflushed: { readonly counts: number };
  readonly setAside: {
    readonly cells: number;
    readonly examples: readonly Readonly<Record<string, unknown>>[];
  };
}

describeWithJava('a cell that HBase refuses for good', () => {
  let hbase: RunningHBase | null = null;
  let home = '';
  beforeAll(async () => {
    hbase = await startHBase({
      folder: ownFolder('set-aside'),
      fresh: true,
      site: { [slop]: slopMs },
    });
    home = await mkdtemp(path.join(tmpdir(), 'adcounter-aside-'));
  }, startTimeoutMs);
  afterAll(async () => {
    await hbase?.kill9();
    await rm(home, { recursive: true, force: true });
  }, 60_000);

  test('is set aside and named; it goes in when the cause is gone, and nothing is lost', async () => {
    if (hbase === null) throw new Error('HBase did not start');
    const dataDir = path.join(home, 'data');
    const tables = await freshTables(hbase.zookeeper);
    const env = { ...tables, ADCOUNTER_FLUSH_SECONDS: '5' };
    const start = async (): Promise<ServiceProcess> => {
      const service = new ServiceProcess({ dataDir, port: await freePort(), env });
      await service.logged('service.start', 60_000);
      return service;
    };

    let service = await start();
    try {
      await countOthers(service);
      await post(
        service,
        Array.from({ length: 12 }, () => event('poison.example', 1_000_000)),
      );
      expect(await json(service, '/v1/flush', 'POST')).toMatchObject({ outcome: 'partial' });

      const held = await untilSetAside(service);
      expect(held.unflushed).toMatchObject({ counts: poisonCounts, cells: 1 });
      expect(service.countOf('flush.set_aside')).toBe(1);
      expect(service.tail()).toContain('poison.example');
      expect(await countsOf(service)).toBe(others);
      const [writer = ''] = await readdir(path.join(dataDir, 'journal'));
      const segments = await segmentsOf(dataDir, writer);
      expect(segments.length).toBeGreaterThan(0);

      // Rounds go on, and the watermark stands.
      await passes(6_000);
      expect(await statusOf(service)).toMatchObject({ completeThrough: held.completeThrough });

      await service.kill9();
      service = await start();
      expect(await untilSetAside(service)).toMatchObject({ completeThrough: held.completeThrough });
      expect(await segmentsOf(dataDir, writer)).toEqual(segments);
      expect(await countsOf(service)).toBe(others);

      await withoutSlop(hbase);
      await soon(async () => (await statusOf(service)).setAside.cells === 0, 240_000);
      await soon(async () => (await countsOf(service)) === others + poisonCounts, 60_000);
      await soon(async () => later(await statusOf(service), held), 60_000);
      const { text } = await metricsOf(service);
      expect(text).toContain('adcounter_unaccounted_counts 0');
    } finally {
      await service.stop();
    }
  }, 600_000);
});

/** The bound is taken away, as an operator would: by the server's settings and a restart. */
async function withoutSlop(hbase: RunningHBase): Promise<void> {
  const file = path.join(hbase.folder, 'conf', 'hbase-site.xml');
  const xml = await readFile(file, 'utf8');
  expect(xml).toContain(slop);
  await writeFile(file, xml.replace(slop, 'no.longer.set'));
  await hbase.kill9();
  await hbase.restart();
}

async function untilSetAside(service: ServiceProcess): Promise<Status> {
  await soon(async () => (await statusOf(service)).setAside.cells === 1, 60_000);
  const status = await statusOf(service);
  const [cell] = status.setAside.examples;
  expect(cell).toMatchObject({ table: 'counts', ad: 'a', site: 'poison.example' });
  expect(String(cell?.['reason'])).toContain('FailedSanityCheckException');
  const { text, ready } = await metricsOf(service);
  expect(text).toContain('adcounter_cells_set_aside 1\n');
  expect(ready.reasons).toContain('cells_set_aside');
  return status;
}

async function countOthers(service: ServiceProcess): Promise<void> {
  for (let first = 0; first < others; first += requestEvents) {
    const length = Math.min(requestEvents, others - first);
    await post(
      service,
      Array.from({ length }, (_, k) => event(`s${first + k}.example`, 1)),
    );
  }
}

function event(site: string, n: number): unknown {
  return { ad: 'a', site, n };
}

async function post(service: ServiceProcess, events: unknown): Promise<void> {
  const response = await fetch(`${service.address}/v1/impressions`, {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify(events),
  });
  expect(response.status).toBe(202);
}

async function json(service: ServiceProcess, route: string, method = 'GET'): Promise<unknown> {
  return (await fetch(`${service.address}${route}`, { method })).json();
}

async function statusOf(service: ServiceProcess): Promise<Status> {
  return (await json(service, '/v1/status')) as Status;
}

/** What the store holds; 0 while it is away. */
async function countsOf(service: ServiceProcess): Promise<number> {
  const answer = (await json(service, '/v1/ads/a')) as { impressions?: { counted: number } };
  return answer.impressions?.counted ?? 0;
}

async function metricsOf(
  service: ServiceProcess,
): Promise<{ readonly text: string; readonly ready: { readonly reasons: readonly string[] } }> {
  const text = await (await fetch(`${service.address}/metrics`)).text();
  const ready = (await json(service, '/readyz')) as { reasons: readonly string[] };
  return { text, ready };
}

async function segmentsOf(dataDir: string, writer: string): Promise<readonly string[]> {
  const names = await readdir(path.join(dataDir, 'journal', writer));
  return names.filter((name) => /^\d+\.segment$/.test(name)).toSorted();
}

function later(status: Status, than: Status): boolean {
  return Date.parse(status.completeThrough ?? '') > Date.parse(than.completeThrough ?? '');
}

/** Each look asks the store: not more often than that. */
async function soon(condition: () => Promise<boolean>, timeoutMs: number): Promise<void> {
  const slowly = async (): Promise<boolean> => {
    await passes(200);
    return condition();
  };
  await until(slowly, timeoutMs);
}
