// The embedded store, killed in the middle of its work, on a disk that is full or hangs.
import { spawn } from 'node:child_process';
import { EventEmitter, once } from 'node:events';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { afterEach, beforeEach, describe, expect, test } from '@jest/globals';
import { EmbeddedRowStore } from '../../src/store/embedded/embedded-row-store.ts';
import { CounterError } from '../../src/model/errors.ts';
import { openLevel } from '../../src/store/embedded/level.ts';
import type { Level } from '../../src/store/embedded/level.ts';
import { put, putAll, scanCells } from '../support/rows.ts';
import { rowsPerBatch } from '../support/put-forever.ts';

const all = { start: Buffer.alloc(0), stop: Buffer.alloc(0) };
const cell = (version: number): Parameters<typeof put>[2][number] => ({
  row: Buffer.from('a'),
  qualifier: Buffer.of(1),
  value: Buffer.from(`v${version}`),
  version,
});

describe('the embedded store', () => {
  let dataDir: string;
  let store: EmbeddedRowStore | undefined;
  beforeEach(async () => {
    dataDir = await mkdtemp(join(tmpdir(), 'adcounter-faults-'));
  });
  afterEach(async () => {
    await store?.close();
    store = undefined;
    await rm(dataDir, { recursive: true });
  });

  test('killed between and within its writes, keeps all that it confirmed', async () => {
    let confirmed = 0;
    for (let kill = 0; kill < 4; kill++) {
      const begun = confirmed;
      confirmed = await putAndKill(dataDir, confirmed + 1, 40 + Math.random() * 150);
      expect(confirmed).toBeGreaterThan(begun);
      store = await EmbeddedRowStore.open({ dataDir });
      const cells = await scanCells(store, 'counts', all);
      await store.close();
      expect(cells.length).toBe(rowsPerBatch);
      const versions = cells.map(({ version }) => version);
      // The batch that was under way may be there, in part: it is whole in each of its writes.
      expect(Math.min(...versions)).toBeGreaterThanOrEqual(confirmed);
      expect(Math.max(...versions)).toBeLessThanOrEqual(confirmed + 1);
      expect(cells.every(({ value, version }) => value.toString() === `${version}`)).toBe(true);
      confirmed = Math.max(...versions);
    }
  }, 60_000);

  test('cannot be reopened while the disk is full: a passing failure, then all is well', async () => {
    let full = false;
    const onFullDisk: typeof openLevel = async (folder, options) => {
      if (full) throw new CounterError('STORE_UNOPENED', 'give-up', { detail: 'No space left' });
      const level = await openLevel(folder, options);
      return level && withFaults(level, () => full);
    };
    store = await EmbeddedRowStore.open({ dataDir, openLevel: onFullDisk });
    await putAll(store, 'counts', [cell(1)]);
    full = true;
    const failures = [];
    for (let i = 0; i < 3; i++)
      failures.push((await put(store, 'counts', [cell(2)])).failures.get(0));
    const passing = { code: 'STORE_FAILED', remedy: 'retry' };
    expect(failures).toMatchObject([passing, passing, passing]);
    await expect(scanCells(store, 'counts', all)).rejects.toMatchObject(passing);
    full = false;
    await putAll(store, 'counts', [cell(2)]);
    expect(await scanCells(store, 'counts', all)).toEqual([cell(2)]);
  });

  test('answers a scan in time, also where the disk hangs', async () => {
    const disk = new EventEmitter();
    const comesBack = once(disk, 'back');
    const hanging: typeof openLevel = async (folder, options) => {
      const level = await openLevel(folder, options);
      return level && withSlowScans(level, comesBack);
    };
    store = await EmbeddedRowStore.open({ dataDir, openLevel: hanging });
    const startMs = performance.now();
    const scan = store.scan('counts', all, () => undefined, { timeoutMs: 200 });
    await expect(scan).rejects.toMatchObject({ code: 'STORE_TIMEOUT', remedy: 'retry' });
    expect(performance.now() - startMs).toBeLessThan(1_000);
    disk.emit('back');
  });
});

/** The last batch that was told as confirmed. */
async function putAndKill(dataDir: string, first: number, afterMs: number): Promise<number> {
  const script = join(import.meta.dirname, '..', 'support', 'put-forever.ts');
  const child = spawn(process.execPath, ['--import', 'tsx', script, dataDir, `${first}`], {
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  let said = '';
  child.stdout.on('data', (chunk: Buffer) => (said += chunk.toString()));
  await once(child.stdout, 'data');
  await sleep(afterMs);
  const closed = once(child, 'close');
  child.kill('SIGKILL');
  await closed;
  return Number(said.trim().split('\n').at(-1));
}

/** The level, but for its batches: they fail while `fails` says so, as on a full disk. */
function withFaults(level: Level, fails: () => boolean): Level {
  const batch = level.batch.bind(level);
  const failing = (): unknown => {
    if (!fails()) return batch();
    return { put: () => undefined, write: () => Promise.reject(new Error('No space left')) };
  };
  return Object.assign(level, { batch: failing });
}

/** The level, but for its iterators: their steps and their end take until the disk is back. */
function withSlowScans(level: Level, comesBack: Promise<unknown>): Level {
  const iterate = level.iterator.bind(level);
  const slow = (): unknown => {
    const iterator = iterate();
    const nextv = iterator.nextv.bind(iterator);
    const close = iterator.close.bind(iterator);
    return Object.assign(iterator, {
      nextv: (cells: number) => comesBack.then(() => nextv(cells)),
      close: () => comesBack.then(() => close()),
    });
  };
  return Object.assign(level, { iterator: slow });
}
