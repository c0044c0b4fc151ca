// From one machine to a real HBase: an embedded service is killed, copied, and asked again as a
// service on HBase; and a copy that is itself killed again and again.
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdir, mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { expect, test } from '@jest/globals';
import { EmbeddedRowStore } from '../../src/store/embedded/embedded-row-store.ts';
import { drawWriterId } from '../../src/model/writer-id.ts';
import { run } from '../cli/run.ts';
import { count, linkTo } from '../copy/stores.ts';
import { freshTables } from '../crash/hbase.ts';
import { freePort, mainFile, ServiceProcess } from '../crash/service-process.ts';
import { ad, cellOf, site } from '../support/cells.ts';
import { until } from '../support/until.ts';
import { inTime } from './client-options.ts';
import { Proxies } from './proxy/proxies.ts';
import { describeOnHBase, family, startTimeoutMs } from './with-hbase.ts';

interface Answer {
  readonly impressions: { readonly counted: number };
  readonly clicks: { readonly counted: number };
  readonly completeThrough: string;
  readonly dead?: readonly string[];
}

const ads = ['a', 'b', 'c'];

async function serve(dataDir: string, env: Readonly<Record<string, string>>) {
  const options = { ADCOUNTER_FLUSH_SECONDS: '60', ...env };
  const service = new ServiceProcess({ dataDir, port: await freePort(), env: options });
  await service.logged('service.start', 30_000);
  return service;
}

async function post({ address }: ServiceProcess, measure: string, n: number): Promise<void> {
  const events = ads.flatMap((id) =>
    ['x.example', 'y.example'].map((to) => ({ ad: id, site: to, n })),
  );
  const response = await fetch(`${address}/v1/${measure}`, {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify(events),
  });
  expect(response.status).toBe(202);
}

async function flush({ address }: ServiceProcess): Promise<void> {
  const response = await fetch(`${address}/v1/flush`, { method: 'POST' });
  expect(await response.json()).toMatchObject({ outcome: 'success' });
}

/** Of each ad: impressions and clicks. */
async function totals({ address }: ServiceProcess): Promise<readonly (readonly number[])[]> {
  const asked = ads.map(async (id) => {
    const answer = (await (await fetch(`${address}/v1/ads/${id}`)).json()) as Answer;
    return [answer.impressions.counted, answer.clicks.counted];
  });
  return Promise.all(asked);
}

function flagsOf(env: Readonly<Record<string, string>>): string[] {
  return Object.entries(env).flatMap(([name, value]) => {
    return [`--${name.replace('ADCOUNTER_', '').toLowerCase().replaceAll('_', '-')}`, value];
  });
}

describeOnHBase('copy', (on) => {
  test(
    'what a killed service had counted is answered by HBase, once, however often it is copied',
    async () => {
      const home = await mkdtemp(path.join(tmpdir(), 'adcounter-copy-'));
      const [before, after] = [path.join(home, 'embedded'), path.join(home, 'hbase')];
      const tables = await freshTables(on().shared.zookeeper, { ADCOUNTER_HBASE_SALTS: '5' });
      const copyFlags = ['--data-dir', before, ...flagsOf(tables), '--json'];
      const copy = async () => {
        const { code, out, err } = await run('copy', ...copyFlags);
        return { code, err, ...(JSON.parse(out) as Record<string, unknown>) };
      };
      let service = await serve(before, {});
      try {
        await post(service, 'impressions', 10);
        await flush(service);
        await post(service, 'impressions', 3);
        await post(service, 'clicks', 2);
        const busy = await run('copy', ...copyFlags);
        expect(busy).toMatchObject({ code: 1, out: '' });
        expect(busy.err).toContain('STORE_LOCKED');
        expect(busy.err).toContain('stop the service on it first');
        await service.kill9();
        const compared = { ads: 3, missing: 0, ahead: 0, adsDiffering: 0 };
        const sums = { impressions: 78, clicks: 12, filtered: 0 };
        expect(await copy()).toMatchObject({
          code: 0,
          outcome: 'done',
          source: { salts: 16 },
          target: { salts: 5 },
          writersNew: 1,
          compared: { ...compared, source: sums, target: sums },
          unrecovered: [],
        });
        service = await serve(after, tables);
        expect(await totals(service)).toEqual(ads.map(() => [26, 4]));
        await post(service, 'impressions', 100);
        await flush(service);
        expect(await copy()).toMatchObject({
          code: 0,
          outcome: 'done',
          writersNew: 0,
          unrecovered: [],
        });
        expect(await totals(service)).toEqual(ads.map(() => [226, 4]));
        // The old one is started once more by mistake: a further copy brings what it counted.
        const old = await serve(before, {});
        await post(old, 'clicks', 7);
        await old.stop();
        expect(await copy()).toMatchObject({ code: 0, outcome: 'done', writersNew: 1 });
        expect(await totals(service)).toEqual(ads.map(() => [226, 18]));
        await flush(service);
        const answer = await fetch(`${service.address}/v1/ads/a`);
        const { completeThrough, dead = [] } = (await answer.json()) as Answer;
        // None of the copied writers holds it back.
        expect(dead).toEqual([]);
        expect(Date.now() - Date.parse(completeThrough)).toBeLessThan(120_000);
      } finally {
        await service.kill9();
        await rm(home, { recursive: true });
      }
    },
    startTimeoutMs,
  );

  test(
    'killed by -9 as soon as it has begun, and while it puts, it is finished by the next one',
    async () => {
      const home = await mkdtemp(path.join(tmpdir(), 'adcounter-copy-'));
      const dataDir = path.join(home, 'data');
      const tables = await freshTables(on().shared.zookeeper);
      await fill(dataDir);
      const cellsIn = async (name: string): Promise<number> => {
        const table = `${tables['ADCOUNTER_HBASE_TABLE_PREFIX']}${name}`;
        const { cells } = await on().client.scan({ table, family }, all, () => undefined, inTime);
        return cells;
      };
      const states = async (): Promise<readonly string[]> => {
        // From where the embedded store was served: its folder is nothing to the list.
        const { out } = await run('writers', '--json', '--data-dir', dataDir, ...flagsOf(tables));
        const { writers } = JSON.parse(out) as { writers: readonly { state: string }[] };
        return writers.map(({ state }) => state);
      };
      const proxies = await Proxies.around(on().shared.zookeeper);
      const killOnce = async (condition: () => Promise<boolean>): Promise<void> => {
        const env = {
          PATH: process.env['PATH'],
          ADCOUNTER_DATA_DIR: dataDir,
          ADCOUNTER_HBASE_HOST_MAP: proxies.setting,
          ...tables,
        };
        const child = spawn(process.execPath, [mainFile, 'copy'], { env, stdio: 'ignore' });
        const ended = once(child, 'exit');
        await until(condition, 60_000);
        child.kill('SIGKILL');
        await ended;
        expect(child.signalCode).toBe('SIGKILL');
        expect(await states()).toEqual(['open']);
      };
      // The layout, and the writer that is held.
      await killOnce(async () => (await cellsIn('meta')) === 2);
      // It never hears of its first batch, though that is there: the second cannot have begun.
      proxies.arm({ kind: 'Multi', times: 1000, at: 'reply', act: 'swallow' });
      await killOnce(async () => (await cellsIn('counts')) > 0);
      expect(proxies.struck('Multi').length).toBeGreaterThan(0);
      await proxies.close();
      const left = await cellsIn('counts');
      expect(left).toBeGreaterThan(0);
      expect(left).toBeLessThan(cellsFilled);
      const last = await run('copy', '--data-dir', dataDir, ...flagsOf(tables), '--json');
      expect(last).toMatchObject({ code: 0 });
      const sums = { impressions: cellsFilled, clicks: 0, filtered: 0 };
      expect(JSON.parse(last.out)).toMatchObject({
        outcome: 'done',
        compared: { ads: adsFilled, missing: 0, ahead: 0, source: sums, target: sums },
      });
      expect(await states()).toEqual(['sealed']);
      expect(await cellsIn('counts')).toBe(cellsFilled);
      await rm(home, { recursive: true });
    },
    startTimeoutMs,
  );
});

const cellsFilled = 30_000;
const adsFilled = 300;
const all = { start: Buffer.alloc(0), stop: Buffer.alloc(0) };

/** An embedded store of many long rows, as if a service had counted them. */
async function fill(dataDir: string): Promise<void> {
  await mkdir(path.join(dataDir, 'journal'), { recursive: true });
  const rows = await EmbeddedRowStore.open({ dataDir });
  const writer = drawWriterId();
  const cells = Array.from({ length: cellsFilled }, (_, i) =>
    cellOf({
      writer,
      ad: ad(`${i % adsFilled}-${'ad'.repeat(55)}`),
      site: site(`${i}-${'site'.repeat(25)}`),
    }),
  );
  await count(await linkTo(rows, 16), cells);
  await rows.close();
}
