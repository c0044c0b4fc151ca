// Found by simulation: a data folder that a start makes was synced inside, but not its own name.
// A power cut may take a folder away whose parent was not synced, with all that it holds.
import { mkdtemp, rm, stat } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { expect, test } from '@jest/globals';
import { makePathDurably, nodeDisk } from '../../src/journal/disk.ts';
import type { Disk } from '../../src/journal/disk.ts';
import { ServiceProcess, freePort } from '../crash/service-process.ts';

test('each folder that is made is synced into its parent, and no other is touched', async () => {
  const root = await mkdtemp(path.join(tmpdir(), 'adcounter-new-folder-'));
  const calls: string[] = [];
  const name = (folder: string): string => path.relative(root, folder);
  const disk: Disk = {
    ...nodeDisk,
    makeFolder: (folder) => {
      calls.push(`make ${name(folder)}`);
      return nodeDisk.makeFolder(folder);
    },
    syncFolder: (folder) => {
      calls.push(`sync ${name(folder)}`);
      return nodeDisk.syncFolder(folder);
    },
  };
  const folder = path.join(root, 'a', 'b');
  await makePathDurably(disk, folder);
  expect(calls).toEqual(['make a', 'sync ', 'make a/b', 'sync a']);
  expect((await stat(folder)).mode & 0o777).toBe(0o700);
  await makePathDurably(disk, folder);
  expect(calls).toHaveLength(4);
  await rm(root, { recursive: true });
});

test('a path that leads through a file fails as making it does', async () => {
  const made = makePathDurably(nodeDisk, path.join(import.meta.filename, 'a', 'b'));
  await expect(made).rejects.toMatchObject({ code: 'ENOTDIR', syscall: 'mkdir' });
});

test('a service begins in a folder whose parents are missing too', async () => {
  const root = await mkdtemp(path.join(tmpdir(), 'adcounter-new-folder-'));
  const env = { ADCOUNTER_DATA_DIR: path.join(root, 'a', 'b') };
  const dataDir = path.join(root, 'not-this');
  const service = new ServiceProcess({ dataDir, port: await freePort(), env });
  await service.logged('service.start', 30_000);
  expect((await stat(path.join(root, 'a'))).mode & 0o777).toBe(0o700);
  await service.stop();
  await rm(root, { recursive: true });
}, 60_000);
