// What the embedded store promises beyond the contract: who holds it, what survives, what its
// keys look like, and that a failed write never leads to a lost one.
import { spawn } from 'node:child_process';
import type { ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { copyFile, mkdir, mkdtemp, readFile, rm, stat, writeFile } from 'node:fs/promises';
import { hostname, tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, afterEach, describe, expect, test } from '@jest/globals';
import * as fc from 'fast-check';
import type { Put } from '../../src/model/rows.ts';
import { EmbeddedRowStore } from '../../src/store/embedded/embedded-row-store.ts';
import type { EmbeddedOptions } from '../../src/store/embedded/embedded-row-store.ts';
import { lockFolder, tryLock } from '../../src/store/embedded/folder-lock.ts';
import { openLevel } from '../../src/store/embedded/level.ts';
import type { Level } from '../../src/store/embedded/level.ts';
import { orderedKey, versionOf, versionedValue } from '../../src/store/embedded/ordered-key.ts';
import { batchOf, inTime, ownRows, put, putAll, scanCells } from '../support/rows.ts';

const folders: string[] = [];
const stores: EmbeddedRowStore[] = [];
const children: ChildProcess[] = [];

async function newFolder(): Promise<string> {
  const folder = await mkdtemp(join(tmpdir(), 'adcounter-embedded-'));
  folders.push(folder);
  return folder;
}

async function open(options: EmbeddedOptions): Promise<EmbeddedRowStore> {
  const store = await EmbeddedRowStore.open(options);
  stores.push(store);
  return store;
}

afterEach(async () => {
  for (const store of stores.splice(0)) await store.close();
  for (const child of children.splice(0)) child.kill('SIGKILL');
});

afterAll(async () => {
  for (const folder of folders) await rm(folder, { recursive: true });
});

const all = { start: Buffer.alloc(0), stop: Buffer.alloc(0) };
const cell = (row: string, version: number, value = `v${version}`): Put => {
  return { row: Buffer.from(row), qualifier: Buffer.of(1), value: Buffer.from(value), version };
};

describe('keys', () => {
  test('are table, escaped row, 00 00, qualifier; values are version, value', () => {
    const key = orderedKey('counts', Buffer.of(0x0b, 0x61, 0, 0xff, 0), Buffer.of(1, 0, 2));
    expect(key.toString('hex')).toBe('010b6100ffff00ff0000010002');
    const tags = (['counts', 'summaries', 'sites', 'meta', 'tokens'] as const).map(
      (table) => orderedKey(table, Buffer.alloc(0), Buffer.alloc(0))[0],
    );
    expect(tags).toEqual([1, 2, 3, 4, 5]);
    const value = versionedValue(1_791_000_000_301, Buffer.from('v'));
    expect(value.toString('hex')).toBe('000001a0ffeb372d76');
    for (const version of [0, 1, 2 ** 32 - 1, 2 ** 32, 2 ** 52 + 1, 2 ** 53 - 1]) {
      expect(versionOf(versionedValue(version, Buffer.alloc(0)))).toBe(version);
    }
  });

  test('order as rows and qualifiers do, and no two cells share one', () => {
    const bytes = fc.array(fc.constantFrom(0, 1, 0x61, 0xfe, 0xff), { maxLength: 5 });
    const law = fc.property(bytes, bytes, bytes, bytes, (rowA, qualifierA, rowB, qualifierB) => {
      const [a, b] = [Buffer.from(rowA), Buffer.from(rowB)];
      const [qa, qb] = [Buffer.from(qualifierA), Buffer.from(qualifierB)];
      const order = orderedKey('counts', a, qa).compare(orderedKey('counts', b, qb));
      expect(order).toBe(a.compare(b) || qa.compare(qb));
    });
    fc.assert(law, { numRuns: 2_000 });
  });
});

describe('durability', () => {
  test('what was confirmed is there after closing and opening again', async () => {
    const dataDir = await newFolder();
    const first = await open({ dataDir });
    await putAll(first, 'counts', [cell('a', 5), cell('b', 7)]);
    await first.close();
    const second = await open({ dataDir });
    expect(await scanCells(second, 'counts', all)).toEqual([cell('a', 5), cell('b', 7)]);
  });

  test('its folder is for the owner only', async () => {
    const dataDir = join(await newFolder(), 'data');
    await open({ dataDir });
    expect((await stat(join(dataDir, 'store'))).mode & 0o777).toBe(0o700);
  });

  test('equal versions with other values: neither wins in silence', async () => {
    const store = await open({ dataDir: await newFolder() });
    await putAll(store, 'counts', [cell('a', 5)]);
    const outcome = await put(store, 'counts', [cell('b', 1), cell('a', 5, 'other')]);
    expect([...outcome.confirmed]).toEqual([1, 0]);
    const conflict = { code: 'STORE_VERSION_CONFLICT', remedy: 'give-up' };
    expect(outcome.failures.get(1)).toMatchObject(conflict);
    expect(await scanCells(store, 'counts', all)).toEqual([cell('a', 5), cell('b', 1)]);
  });

  test('a check-and-put is newer than what it replaced, also when the clock goes back', async () => {
    let wallMs = 2_000;
    const store = await open({ dataDir: await newFolder(), wallMs: () => wallMs });
    const check = { row: Buffer.from('r'), qualifier: Buffer.of(1) };
    const [old, next] = [Buffer.from('old'), Buffer.from('next')];
    await store.checkAndPut('meta', { ...check, expected: null, value: old }, inTime);
    wallMs = 1_000;
    await store.checkAndPut('meta', { ...check, expected: old, value: next }, inTime);
    expect(await scanCells(store, 'meta', all)).toMatchObject([{ value: next, version: 2_001 }]);
    expect(await store.nowMs(inTime)).toBe(1_000);
  });

  test('after a failed write it reopens: nothing confirmed is lost, the next put works', async () => {
    let failing = false;
    let openings = 0;
    const flaky: typeof openLevel = async (folder, options) => {
      openings++;
      const level = await openLevel(folder, options);
      return level && withWrites(level, () => failing);
    };
    const store = await open({ dataDir: await newFolder(), openLevel: flaky });
    await putAll(store, 'counts', [cell('a', 5)]);
    failing = true;
    const outcome = await put(store, 'counts', [cell('a', 6), cell('b', 1)]);
    expect(outcome.confirmedCount).toBe(0);
    expect([...outcome.failures.values()]).toMatchObject([
      { code: 'STORE_FAILED', remedy: 'retry' },
      { code: 'STORE_FAILED', remedy: 'retry' },
    ]);
    failing = false;
    await putAll(store, 'counts', [cell('a', 6)]);
    expect(openings).toBe(2);
    expect(await scanCells(store, 'counts', all)).toEqual([cell('a', 6)]);
  });

  test('a closed store refuses, and waits for what is under way', async () => {
    const store = await open({ dataDir: await newFolder() });
    const putting = put(store, 'counts', [cell('a', 5)]);
    await store.close();
    expect((await putting).confirmedCount).toBe(1);
    const closed = { code: 'STORE_CLOSED', remedy: 'give-up' };
    expect((await put(store, 'counts', [cell('a', 6)])).failures.get(0)).toMatchObject(closed);
    await expect(scanCells(store, 'counts', all)).rejects.toMatchObject(closed);
    await expect(store.nowMs(inTime)).rejects.toMatchObject(closed);
  });

  test('puts beyond the bound of its queue are told to come back', async () => {
    const store = await open({ dataDir: await newFolder() });
    const { rowOf } = ownRows();
    const one = { row: rowOf(1), qualifier: Buffer.of(1), value: Buffer.of(1), version: 1 };
    const puts = Array.from({ length: 1_010 }, () => store.put('counts', batchOf([one]), inTime));
    const outcomes = await Promise.all(puts);
    expect(outcomes.filter((outcome) => outcome.confirmedCount === 1).length).toBe(1_000);
    expect(outcomes.at(-1)?.failures.get(0)).toMatchObject({ remedy: 'throttle' });
  });

  test('bytes that rotted fail the scan, they are not skipped', async () => {
    const dataDir = await newFolder();
    const level = await openLevel(join(dataDir, 'store'), { cacheBytes: 0, writeBufferBytes: 1 });
    await level?.put(orderedKey('counts', Buffer.from('a'), Buffer.of(1)), Buffer.from('short'));
    await level?.close();
    const store = await open({ dataDir });
    const invalid = { code: 'BYTES_INVALID', remedy: 'give-up' };
    await expect(scanCells(store, 'counts', all)).rejects.toMatchObject(invalid);
  });
});

describe('who holds it', () => {
  test('a second opening is refused and told who has it', async () => {
    const dataDir = await newFolder();
    const startedMs = Date.UTC(2026, 4, 6, 7, 8, 9);
    await open({ dataDir, wallMs: () => startedMs });
    const who = `process ${process.pid} on ${hostname()}, started 2026-05-06T07:08:09.000Z`;
    await expect(EmbeddedRowStore.open({ dataDir })).rejects.toMatchObject({
      code: 'STORE_LOCKED',
      remedy: 'give-up',
      message: `STORE_LOCKED: ${join(dataDir, 'store')} is held by ${who}`,
    });
  });

  test('a holder file that cannot be read still leaves a message', async () => {
    const dataDir = await newFolder();
    await open({ dataDir });
    await writeFile(join(dataDir, 'store', 'holder'), 'no JSON');
    await expect(EmbeddedRowStore.open({ dataDir })).rejects.toThrow(/is held by another process/);
  });

  test('a holder file that cannot be written ends the opening, and frees the lock', async () => {
    const dataDir = await newFolder();
    const holder = join(dataDir, 'store', 'holder');
    await mkdir(holder, { recursive: true });
    const refused = { code: 'STORE_UNOPENED', remedy: 'give-up' };
    await expect(EmbeddedRowStore.open({ dataDir })).rejects.toMatchObject(refused);
    await rm(holder, { recursive: true });
    expect((await open({ dataDir })).kind).toBe('embedded');
  });

  test('another process is refused; kill -9 frees the store at once', async () => {
    const dataDir = await newFolder();
    const holder = await hold('store', dataDir);
    expect(holder.said).toBe('held');
    const refused = EmbeddedRowStore.open({ dataDir });
    await expect(refused).rejects.toThrow(`process ${holder.child.pid} on ${hostname()}`);
    await kill(holder.child);
    await putAll(await open({ dataDir }), 'counts', [cell('a', 1)]);
  }, 30_000);
});

describe('the lock of a folder', () => {
  test('is held once, by this process too, until it is released', async () => {
    const folder = await newFolder();
    const lock = await lockFolder(folder);
    expect(await tryLock(folder)).toBeUndefined();
    const refused = { code: 'FOLDER_LOCKED', remedy: 'give-up' };
    await expect(lockFolder(folder)).rejects.toMatchObject(refused);
    await lock.release();
    await (await lockFolder(folder)).release();
  });

  test('is free at once when its process was killed by -9', async () => {
    const folder = await newFolder();
    const holder = await hold('journal', folder);
    expect(holder.said).toBe('held');
    expect(await tryLock(folder)).toBeUndefined();
    await kill(holder.child);
    const lock = await tryLock(folder);
    await lock?.release();
    expect(lock).toBeDefined();
  }, 30_000);

  test('of a copied folder is another one', async () => {
    const [folder, copy] = [await newFolder(), await newFolder()];
    const lock = await lockFolder(folder);
    await (await lockFolder(copy)).release();
    await copyFile(join(folder, 'lock', 'LOCK'), join(copy, 'lock', 'LOCK'));
    const copied = await tryLock(copy);
    expect(copied).toBeDefined();
    await copied?.release();
    await lock.release();
  });

  test('a folder that cannot be opened is an error, not a held lock', async () => {
    const folder = await newFolder();
    await writeFile(join(folder, 'lock'), 'a file where the folder should be');
    await expect(tryLock(folder)).rejects.toMatchObject({ code: 'STORE_UNOPENED' });
    expect(await readFile(join(folder, 'lock'), 'utf8')).toContain('a file');
  });
});

async function hold(
  kind: 'store' | 'journal',
  folder: string,
): Promise<{ readonly child: ChildProcess; readonly said: string }> {
  const script = join(import.meta.dirname, '..', 'support', 'lock-holder.ts');
  const child = spawn(process.execPath, ['--import', 'tsx', script, kind, folder], {
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  children.push(child);
  const [said] = (await once(child.stdout, 'data')) as [Buffer];
  return { child, said: said.toString().trim() };
}

async function kill(child: ChildProcess): Promise<void> {
  const gone = once(child, 'exit');
  child.kill('SIGKILL');
  await gone;
}

/** The level, but for its batches: they fail while `fails` says so, as on a full disk. */
function withWrites(level: Level, fails: () => boolean): Level {
  const batch = level.batch.bind(level);
  const failing = (): unknown => {
    if (!fails()) return batch();
    return { put: () => undefined, write: () => Promise.reject(new Error('No space left')) };
  };
  return Object.assign(level, { batch: failing });
}
