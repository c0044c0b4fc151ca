// Real processes without a store: who starts, who is started again, who ends with whom. The store
// is away, as in an outage: workers count into their journals all the same.
import { execFile } from 'node:child_process';
import { mkdir, mkdtemp, readdir, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { promisify } from 'node:util';
import { afterEach, beforeEach, expect, test } from '@jest/globals';
import { freePort, isAlive, mainFile, ServiceProcess } from '../crash/service-process.ts';
import { until } from '../support/until.ts';

const run = promisify(execFile);
const startTimeoutMs = 60_000;
const testTimeoutMs = 180_000;

let home: string;
let service: ServiceProcess | undefined;

beforeEach(async () => {
  home = await mkdtemp(path.join(tmpdir(), 'adcounter-processes-'));
});

afterEach(async () => {
  await service?.kill9();
  service = undefined;
  await rm(home, { recursive: true, force: true });
});

async function begin(env: Readonly<Record<string, string>> = {}): Promise<ServiceProcess> {
  service = new ServiceProcess({
    dataDir: path.join(home, 'data'),
    port: await freePort(),
    // Nobody listens there.
    env: {
      ADCOUNTER_HBASE_ZOOKEEPER: '127.0.0.1:1',
      ADCOUNTER_SHUTDOWN_GRACE_MS: '3000',
      ...env,
    },
  });
  return service;
}

/** The ids of the processes whose journals are locked, that is of those that count. */
async function workersOf({ pid }: ServiceProcess): Promise<number[]> {
  const { stdout } = await run('ps', ['--ppid', String(pid), '-o', 'pid=']).catch(() => ({
    stdout: '',
  }));
  return stdout.split('\n').flatMap((line) => (line.trim() === '' ? [] : [Number(line)]));
}

function count({ address }: ServiceProcess): Promise<Response> {
  const headers = { 'content-type': 'application/json', connection: 'close' };
  const body = '{"ad":"a","site":"s.example"}';
  return fetch(`${address}/v1/impressions`, { method: 'POST', headers, body });
}

test(
  'one process starts no other',
  async () => {
    const alone = await begin({ ADCOUNTER_WORKERS: '1' });
    await alone.logged('service.start', startTimeoutMs);
    expect(await workersOf(alone)).toEqual([]);
    expect((await count(alone)).status).toBe(202);
    expect(alone.countOf('workers.start')).toBe(0);
  },
  testTimeoutMs,
);

test(
  'a killed worker is followed by another while the others go on',
  async () => {
    const crew = await begin({ ADCOUNTER_WORKERS: '2' });
    await crew.logged('workers.start', startTimeoutMs);
    const before = await workersOf(crew);
    expect(before).toHaveLength(2);
    expect((await count(crew)).status).toBe(202);
    process.kill(before[0] ?? Number.NaN, 'SIGKILL');
    await crew.logged('worker.crashed', startTimeoutMs);
    expect((await count(crew)).status).toBe(202);
    await until(async () => (await workersOf(crew)).length === 2, startTimeoutMs);
    expect(await workersOf(crew)).not.toContain(before[0]);
    // Told to stop by itself it ends well, and is followed all the same.
    process.kill(before[1] ?? Number.NaN, 'SIGTERM');
    await until(() => crew.countOf('worker.crashed') === 2, startTimeoutMs);
    await until(async () => (await workersOf(crew)).length === 2, startTimeoutMs);
  },
  testTimeoutMs,
);

test(
  'a SIGTERM ends all of them, a terminal that asks all at once too',
  async () => {
    const crew = await begin({ ADCOUNTER_WORKERS: '2' });
    await crew.logged('workers.start', startTimeoutMs);
    const workers = await workersOf(crew);
    expect((await count(crew)).status).toBe(202);
    // As a terminal or a service manager does: the primary and the workers, in any order.
    for (const pid of workers) process.kill(pid, 'SIGINT');
    expect(await crew.stop()).toBe(0);
    expect(workers.filter(isAlive)).toEqual([]);
    expect(crew.countOf('worker.crashed')).toBe(0);
    expect(crew.countOf('workers.stopped')).toBe(1);
    // What the store did not take is in the journal.
    expect(await readdir(path.join(home, 'data', 'journal'))).toHaveLength(2);
  },
  testTimeoutMs,
);

test(
  'no worker outlives a primary that is killed',
  async () => {
    const crew = await begin({ ADCOUNTER_WORKERS: '2' });
    await crew.logged('workers.start', startTimeoutMs);
    const workers = await workersOf(crew);
    await crew.kill9();
    await until(() => workers.every((pid) => !isAlive(pid)), startTimeoutMs);
    expect(workers).toHaveLength(2);
  },
  testTimeoutMs,
);

test(
  'what no worker can start with ends the start, with its reason',
  async () => {
    // The folder of an embedded store.
    await mkdir(path.join(home, 'data', 'store'), { recursive: true });
    const crew = await begin({ ADCOUNTER_WORKERS: '2' });
    await crew.ended;
    expect(await crew.stop()).toBe(1);
    expect(crew.tail()).toContain('belongs to an embedded store');
    expect(crew.countOf('worker.crashed')).toBe(1);
  },
  testTimeoutMs,
);

test(
  'several workers on the embedded store are refused, with what helps',
  async () => {
    const flags = [mainFile, '--workers', '2', '--data-dir', path.join(home, 'data')];
    const failed = run(process.execPath, flags, { env: { PATH: process.env['PATH'] ?? '' } });
    await expect(failed).rejects.toMatchObject({
      code: 2,
      stderr: expect.stringContaining('--workers is 2, but one process holds the embedded store'),
    });
  },
  testTimeoutMs,
);
