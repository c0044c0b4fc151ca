// The command: exit codes, the shape of its JSON, where it writes. What it finds: test/doctor.
import { mkdtemp, readdir, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from '@jest/globals';
import { fakeCluster, nowMs, type FakeCluster } from '../doctor/fake-cluster.ts';
import { run } from './run.ts';

let folder: string;
let cluster: FakeCluster | null = null;

beforeEach(async () => {
  folder = await mkdtemp(path.join(tmpdir(), 'adcounter-doctor-'));
});

afterEach(async () => {
  await cluster?.close();
  cluster = null;
  await rm(folder, { recursive: true });
});

async function doctor(...args: string[]) {
  return await run('doctor', '--data-dir', folder, ...args);
}

async function doctorOf(changes: Parameters<typeof fakeCluster>[0], ...args: string[]) {
  cluster = await fakeCluster(changes);
  return await doctor('--hbase-zookeeper', `127.0.0.1:${cluster.zookeeper.port}`, ...args);
}

interface Report {
  readonly checks: readonly { readonly check: string; readonly outcome: string }[];
}

describe('on an embedded store', () => {
  test('there is nothing to check over a network: 0', async () => {
    const { code, out, err } = await doctor();
    expect(code).toBe(0);
    expect(out).toContain('the store is embedded');
    expect(out).toMatch(/2 ok, 0 warn, 0 fail, 1 skipped\. Nothing stands in the way\.\n$/);
    expect(err).toBe('Looking at this machine ...\n');
    expect(await readdir(folder)).toEqual([]);
  });
});

describe('on HBase', () => {
  test('0 and a summary where all is well; progress goes to stderr', async () => {
    const { code, out, err } = await doctorOf({ skewMs: Date.now() - nowMs });
    expect(code).toBe(0);
    expect(out).toMatch(/16 ok, 0 warn, 0 fail, 0 skipped\. Nothing stands in the way\.\n$/);
    expect(err.split('\n')).toEqual([
      'Looking at this machine ...',
      'Looking at ZooKeeper ...',
      'Looking at the master and 1 region server ...',
      'Looking at the tables ...',
      '',
    ]);
  });

  test('1 where something fails, and --quiet says only that', async () => {
    const { code, out, err } = await doctorOf({ salts: 8 }, '--hbase-salts', '16', '--quiet');
    expect(code).toBe(1);
    expect(out).toContain('ADCOUNTER_HBASE_SALTS=8');
    expect(out).not.toContain('ok  ');
    expect(err).toBe('');
  });

  test('--json is one object of this shape', async () => {
    const { code, out } = await doctorOf({ salts: 8 }, '--hbase-salts', '16', '--json');
    expect(code).toBe(1);
    expect(out.trimEnd()).not.toContain('\n');
    const report = JSON.parse(out) as Report;
    expect(Object.keys(report)).toEqual(['outcome', 'store', 'counts', 'checks']);
    expect(report).toMatchObject({ outcome: 'fail', store: 'hbase' });
    for (const check of report.checks) {
      expect(Object.keys(check)).toEqual([
        'check',
        'subject',
        'outcome',
        'ms',
        'seen',
        'cause',
        'fix',
      ]);
    }
    expect(report.checks.find(({ check }) => check === 'layout')).toMatchObject({
      check: 'layout',
      subject: '',
      outcome: 'fail',
      ms: expect.any(Number),
      seen: 'the store has 8 salts, created 2026-11-24T00:00:00Z; ADCOUNTER_HBASE_SALTS is 16',
      cause: expect.stringContaining('Salts are fixed'),
      fix: ['ADCOUNTER_HBASE_SALTS=8', expect.any(String)],
    });
  });

  test('nothing of it is coloured', async () => {
    expect((await doctorOf({})).out).not.toContain('\u001b');
  });
});

test('2 for a wrong use', async () => {
  expect((await doctor('--hbase-salts', '16')).code).toBe(2);
  expect((await doctor('everything')).code).toBe(2);
});
