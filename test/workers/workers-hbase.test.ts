// Several workers as one service on a real HBase, as an operator meets them: killed under load one
// after the other, replaced by a SIGHUP, stopped. Exact by the sender's ledger, request by request.
import { mkdtemp, readdir, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { expect, test } from '@jest/globals';
import { freshTables } from '../crash/hbase.ts';
import { Ledger } from '../crash/ledger.ts';
import { Load } from '../crash/load.ts';
import { seededRandom } from '../crash/random.ts';
import { Reader } from '../crash/reader.ts';
import { freePort, isAlive, ServiceProcess } from '../crash/service-process.ts';
import { describeOnHBase, startTimeoutMs } from '../hbase/with-hbase.ts';
import { until } from '../support/until.ts';

const workers = 3;
const kills = 6;
const senders = 16;

interface WorkerStatus {
  readonly worker: number;
  readonly pid: number;
  readonly state: string;
}

interface Status {
  readonly workers: readonly WorkerStatus[];
  readonly writers: readonly { readonly state: string }[];
  readonly unflushed: { readonly counts: number };
}

describeOnHBase('workers', (on) => {
  for (const ack of ['journal', 'store'] as const) {
    test(
      `killed under load lose and double nothing that was acknowledged at ${ack}`,
      async () => {
        const env = await freshTables(on().shared.zookeeper);
        await withService(env, async (service, home) => {
          const random = seededRandom(20_261_125);
          const ledger = new Ledger();
          const load = new Load({
            ledger,
            random,
            ack,
            senders,
            sharedEvents: 3,
            sharedSites: 20,
          });
          const reader = new Reader(service.address, ledger);
          load.aim(service.address);
          load.start();
          try {
            for (let kill = 1; kill <= kills; kill++) {
              const before = ledger.acknowledged.length;
              await until(() => ledger.acknowledged.length >= before + 300, 60_000);
              let pid: number | undefined;
              await until(async () => {
                pid = killOneOf(await servingOf(service), random());
                return pid !== undefined;
              }, 60_000);
              if (kill === kills / 2) process.kill(service.pid, 'SIGHUP');
              await until(() => pid === undefined || !isAlive(pid), 30_000);
            }
            await until(() => service.countOf('workers.rolled') === 1, 60_000);
            await load.stop();
            await until(() => isSettled(service), 60_000);
          } finally {
            await load.stop();
            await reader.stop();
          }
          expect(await reader.stop()).toBe(0);
          const found = await reader.compare([]);
          expect(found).toMatchObject({ lost: 0, doubled: 0, marksMissing: 0, marksWrong: 0 });
          expect(found.acknowledged).toBeGreaterThan(300 * kills);
          expect(await reader.unaccounted()).toBe(0);
          expect(await service.stop()).toBe(0);
          expect(await segmentsIn(path.join(home, 'data'))).toBe(0);
        });
      },
      startTimeoutMs,
    );
  }

  test(
    'answer for one another: what one counted any of them tells, and flushes',
    async () => {
      const env = await freshTables(on().shared.zookeeper);
      await withService({ ...env, ADCOUNTER_FLUSH_SECONDS: '60' }, async (service) => {
        await until(async () => (await servingOf(service)).length === workers, 60_000);
        for (let i = 0; i < 12; i++) expect(await countOne(service)).toBe(202);
        const seen = await answers<Total>(service, '/v1/ads/a');
        for (const { impressions, unflushed } of seen) {
          expect(impressions.counted + unflushed.impressions).toBe(12);
        }
        for (const { impressions, unflushed } of await answers<Total>(
          service,
          '/v1/ads/a?fresh=true',
        )) {
          expect([impressions.counted, unflushed.impressions]).toEqual([12, 0]);
        }
        const ready = await answers<{ status: string }>(service, '/readyz');
        expect(new Set(ready.map(({ status }) => status))).toEqual(new Set(['ok']));
        const scrape = await (await fetch(`${service.address}/metrics`)).text();
        expect(scrape).toMatch(/^adcounter_workers\{state="serving"\} 3$/m);
        expect(scrape).toMatch(
          /^adcounter_events_total\{measure="impressions",result="counted"\} 12$/m,
        );
        expect(scrape).toMatch(/^adcounter_unaccounted_counts 0$/m);
      });
    },
    startTimeoutMs,
  );

  test(
    'a fresh answer holds what a worker had counted that was killed a moment ago',
    async () => {
      const env = await freshTables(on().shared.zookeeper);
      await withService({ ...env, ADCOUNTER_FLUSH_SECONDS: '60' }, async (service) => {
        for (let round = 1; round <= 4; round++) {
          await until(async () => (await servingOf(service)).length === workers, 60_000);
          for (let i = 0; i < 12; i++) expect(await countOne(service)).toBe(202);
          for (const { pid } of (await servingOf(service)).slice(0, 2)) {
            process.kill(pid, 'SIGKILL');
          }
          const fresh = await untilAnswered(service, '/v1/ads/a?fresh=true');
          expect(fresh.impressions.counted).toBe(12 * round);
        }
      });
    },
    startTimeoutMs,
  );
});

/** Its pid; undefined: there was none, or it ended by itself in between (a rolling restart). */
function killOneOf(serving: readonly { readonly pid: number }[], at: number): number | undefined {
  const chosen = serving[Math.floor(at * serving.length)];
  if (chosen === undefined) return undefined;
  try {
    process.kill(chosen.pid, 'SIGKILL');
    return chosen.pid;
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ESRCH') return undefined;
    throw error;
  }
}

interface Total {
  readonly impressions: { readonly counted: number };
  readonly unflushed: { readonly impressions: number };
}

async function withService(
  env: Readonly<Record<string, string>>,
  use: (service: ServiceProcess, home: string) => Promise<void>,
): Promise<void> {
  const home = await mkdtemp(path.join(tmpdir(), 'adcounter-workers-'));
  const service = new ServiceProcess({
    dataDir: path.join(home, 'data'),
    port: await freePort(),
    env: { ...env, ADCOUNTER_WORKERS: String(workers) },
  });
  try {
    await service.logged('workers.start', 60_000);
    await use(service, home);
  } catch (thrown) {
    throw new Error(`${String(thrown)}\n${service.tail()}`, { cause: thrown });
  } finally {
    await service.kill9();
    await rm(home, { recursive: true, force: true });
  }
}

/** On a connection of its own, so that many come to different workers. */
async function countOne(service: ServiceProcess): Promise<number> {
  const headers = { 'content-type': 'application/json', connection: 'close' };
  const body = '{"ad":"a","site":"s.example"}';
  const url = `${service.address}/v1/impressions`;
  return (await fetch(url, { method: 'POST', headers, body })).status;
}

/** A connection may have been that of a killed worker, and what it left may take a second look. */
async function untilAnswered(service: ServiceProcess, question: string): Promise<Total> {
  let total: Total | undefined;
  await until(async () => {
    const headers = { connection: 'close' };
    const response = await fetch(`${service.address}${question}`, { headers }).catch(
      () => undefined,
    );
    if (response?.status === 200) total = (await response.json()) as Total;
    return total !== undefined;
  }, 90_000);
  if (total === undefined) throw new Error('no answer');
  return total;
}

/** The same question on connections of their own. */
async function answers<Answer>(service: ServiceProcess, question: string): Promise<Answer[]> {
  const all: Answer[] = [];
  for (let i = 0; i < 2 * workers; i++) {
    const headers = { connection: 'close' };
    const response = await fetch(`${service.address}${question}`, { headers });
    all.push((await response.json()) as Answer);
  }
  return all;
}

async function statusOf(service: ServiceProcess): Promise<Status> {
  return (await (await fetch(`${service.address}/v1/status`)).json()) as Status;
}

async function servingOf(service: ServiceProcess): Promise<WorkerStatus[]> {
  const { workers: all } = await statusOf(service);
  return all.filter(({ state }) => state === 'serving');
}

/** All that ever wrote is sealed but the living, and they hold nothing. */
async function isSettled(service: ServiceProcess): Promise<boolean> {
  const flush = await fetch(`${service.address}/v1/flush`, { method: 'POST' });
  const { outcome } = (await flush.json()) as { outcome: string };
  const { workers: all, writers, unflushed } = await statusOf(service);
  const serving = all.filter(({ state }) => state === 'serving').length;
  const open = writers.filter(({ state }) => state === 'open').length;
  const isStill = unflushed.counts === 0 && open === workers && serving === workers;
  return outcome === 'success' && isStill;
}

async function segmentsIn(dataDir: string): Promise<number> {
  const names = await readdir(path.join(dataDir, 'journal'), { recursive: true });
  return names.filter((name) => name.endsWith('.segment') && !name.includes('aside')).length;
}
