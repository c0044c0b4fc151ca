// `adcounter reassert` on the embedded store: restored from an older copy, it gets back what the
// journals still hold. Looks first, asks, and changes nothing without a yes.
import { cp, mkdtemp, readdir, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { afterAll, beforeAll, expect, test } from '@jest/globals';
import { runCli } from '../../src/cli/cli.ts';
import type { AdId } from '../../src/model/cell.ts';
import { CounterStore } from '../../src/store/counter-store.ts';
import { EmbeddedRowStore } from '../../src/store/embedded/embedded-row-store.ts';
import { freePort, ServiceProcess } from '../crash/service-process.ts';
import { run } from './run.ts';

let home: string;
let dataDir: string;
let whole: number;

/** Counts 40, keeps a copy of the store, counts 2 more, and puts the copy in its place. */
beforeAll(async () => {
  home = await mkdtemp(path.join(tmpdir(), 'adcounter-reassert-'));
  dataDir = path.join(home, 'data');
  const store = path.join(dataDir, 'store');
  await count(40);
  await cp(store, path.join(home, 'backup'), { recursive: true });
  await count(2);
  whole = await stored();
  await rm(store, { recursive: true });
  await cp(path.join(home, 'backup'), store, { recursive: true });
}, 60_000);

afterAll(async () => {
  await rm(home, { recursive: true });
});

async function count(n: number): Promise<void> {
  const service = new ServiceProcess({ dataDir, port: await freePort(), env: {} });
  await service.logged('service.start', 30_000);
  const response = await fetch(`${service.address}/v1/impressions`, {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify({ ad: 'a', site: 's.example', n }),
  });
  expect(response.status).toBe(202);
  await service.stop();
}

async function stored(): Promise<number> {
  const rows = await EmbeddedRowStore.open({ dataDir });
  try {
    const inTime = { timeoutMs: 5_000 };
    const store = await CounterStore.open(rows, { createIfMissing: false }, inTime);
    let sum = 0;
    const everything = { first: 0, end: 65_536 * 96 };
    await store.readAd('a' as AdId, everything, ({ counts }) => (sum += counts[1] ?? 0), inTime);
    return sum;
  } finally {
    await rows.close();
  }
}

async function segments(): Promise<string[]> {
  const names = await readdir(path.join(dataDir, 'journal'), { recursive: true });
  return names.filter((name) => name.endsWith('.segment')).sort();
}

const command = (...more: string[]): ReturnType<typeof run> =>
  run('reassert', '--data-dir', dataDir, ...more);

test('it looks first, and without a yes it only looks', async () => {
  expect([whole, await stored()]).toEqual([42, 40]);
  const dry = await command('--dry-run');
  // The writer of the two is not in the store's registry any more: it may belong to another store.
  expect(dry.code).toBe(1);
  expect(dry.out).toContain('left alone: the store does not know it');
  const looked = await command('--even-unknown');
  expect(looked.code).toBe(1);
  expect(looked.out).toContain('counts: 2 cells looked at: 1 intact, 1 missing');
  expect(looked.err).toContain('nothing was put (--yes in a script)');
  const answered = await runCli(['reassert', '--data-dir', dataDir, '--even-unknown', '--quiet'], {
    out: () => undefined,
    err: () => undefined,
    ask: (question) => {
      expect(question).toBe('Type yes to put 1 cell again: ');
      return Promise.resolve('no');
    },
  });
  expect(answered).toBe(1);
  expect(await stored()).toBe(40);
});

test('then it heals, says so, and does not touch the journals', async () => {
  const before = await segments();
  const healed = await command('--even-unknown', '--yes', '--json');
  expect(healed.code).toBe(0);
  expect(healed.err).toMatch(/^adcounter: audit: reassert of .* into embedded, table counts, by /);
  const sum = { table: 'counts', cells: 2, intact: 1, missing: 1, healed: 1, masked: 0, tooOld: 0 };
  expect(JSON.parse(healed.out)).toMatchObject({ outcome: 'healed', dryRun: false, tables: [sum] });
  expect(await stored()).toBe(42);
  expect(await segments()).toEqual(before);
  const again = await command('--even-unknown');
  expect(again).toMatchObject({ code: 0, err: '' });
  expect(again.out).toContain('2 intact, 0 missing');
});

test('moments that are none, or the wrong way round, are a wrong use', async () => {
  for (const range of [
    ['--from', 'yesterday'],
    ['--to', '2026-02-30'],
    ['--from', '2026-02-02', '--to', '2026-02-01T12:00Z'],
  ]) {
    const { code, err } = await command(...range);
    expect({ range, code }).toEqual({ range, code: 2 });
    expect(err).toContain('--from and --to are moments like');
  }
});

test('a running service holds its store, and is named', async () => {
  const service = new ServiceProcess({ dataDir, port: await freePort(), env: {} });
  try {
    await service.logged('service.start', 30_000);
    const { code, err } = await command('--yes');
    expect(code).toBe(1);
    expect(err).toContain(`process ${service.pid}`);
    expect(err).toContain('stop the service first');
  } finally {
    await service.stop();
  }
}, 60_000);
