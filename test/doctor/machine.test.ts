// What is checked without a network: settings, data folder, embedded store.
import { mkdir, mkdtemp, readdir, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from '@jest/globals';
import { checkDataDir, checkEmbeddedStore, checkSettings } from '../../src/doctor/machine.ts';
import { EmbeddedRowStore } from '../../src/store/embedded/embedded-row-store.ts';
import { configOf } from './fake-cluster.ts';

let folder: string;

beforeEach(async () => {
  folder = await mkdtemp(path.join(tmpdir(), 'adcounter-doctor-'));
});

afterEach(async () => {
  await rm(folder, { recursive: true });
});

const configIn = (dataDir: string) => configOf({ 'data-dir': dataDir });

describe('the data folder', () => {
  test('that is not there yet is fine, and stays away', async () => {
    const check = await checkDataDir(configIn(path.join(folder, 'a', 'b')));
    expect(check).toMatchObject({ outcome: 'ok' });
    expect(check.seen).toContain('the first start makes it');
    expect(await readdir(folder)).toEqual([]);
  });

  test('is written to, and nothing stays in it', async () => {
    const check = await checkDataDir(configIn(folder));
    expect(check.seen).toMatch(/^written and synced; [\d.]+ GiB free$/);
    expect(await readdir(folder)).toEqual([]);
  });

  test('that is a file, or under one, is told', async () => {
    const file = path.join(folder, 'file');
    await writeFile(file, '');
    for (const place of [file, path.join(file, 'beneath')]) {
      const check = await checkDataDir(configIn(place));
      expect(check).toMatchObject({ outcome: 'fail', seen: 'it cannot be written (ENOTDIR)' });
      expect(check.fix.join()).toContain('ADCOUNTER_DATA_DIR');
    }
  });

  test('of another kind of store is refused as the service would', async () => {
    await mkdir(path.join(folder, 'store'));
    const config = configOf({ 'data-dir': folder, 'hbase-zookeeper': '127.0.0.1:2181' });
    const check = await checkDataDir(config);
    expect(check.outcome).toBe('fail');
    expect(check.seen).toContain('belongs to an embedded store');
  });
});

describe('the embedded store', () => {
  test('that is not there yet is not made', async () => {
    expect(await checkEmbeddedStore(configIn(folder))).toMatchObject({ outcome: 'skipped' });
    expect(await readdir(folder)).toEqual([]);
  });

  test('opens, and is free again afterwards', async () => {
    const store = await EmbeddedRowStore.open({ dataDir: folder });
    await store.close();
    expect(await checkEmbeddedStore(configIn(folder))).toMatchObject({ outcome: 'ok' });
    await (await EmbeddedRowStore.open({ dataDir: folder })).close();
  });

  test('that another process holds is fine, and names it', async () => {
    const store = await EmbeddedRowStore.open({ dataDir: folder });
    const check = await checkEmbeddedStore(configIn(folder));
    await store.close();
    expect(check.outcome).toBe('ok');
    expect(check.seen).toContain(`process ${process.pid} on`);
  });

  test('that is damaged fails', async () => {
    await (await EmbeddedRowStore.open({ dataDir: folder })).close();
    await writeFile(path.join(folder, 'store', 'CURRENT'), 'nonsense');
    expect(await checkEmbeddedStore(configIn(folder))).toMatchObject({ outcome: 'fail' });
  });
});

test('a variable that is no setting is a warning', () => {
  const warning = 'ADCOUNTER_HBASE_ZOKEEPER is not a setting of adcounter and does nothing';
  const check = checkSettings(configIn(folder), [warning]);
  expect(check.outcome).toBe('warn');
  expect(check.seen).toContain('ADCOUNTER_HBASE_ZOKEEPER');
});

test('a folder that may not be written names the user', async () => {
  const closed = path.join(folder, 'closed');
  await mkdir(closed, { mode: 0o500 });
  // Root may write anywhere, so it is nobody for a moment.
  const root = process.getuid?.() === 0;
  if (root) process.seteuid?.(65_534);
  const check = await checkDataDir(configIn(closed)).finally(() => {
    if (root) process.seteuid?.(0);
  });
  expect(check).toMatchObject({ outcome: 'fail', seen: 'it cannot be written (EACCES)' });
  expect(check.cause).toContain('another user than uid');
});
