// The sweep of files aside ended at the first folder that failed: an unreadable folder of one
// writer, or a file that gave way meanwhile, kept the files of all behind it for ever.
import { readdir, unlink } from 'node:fs/promises';
import path from 'node:path';
import { afterAll, expect, test } from '@jest/globals';
import { CoreHarness, freshFolder, removeFolders } from '../support/core-harness.ts';
import { FaultyDisk } from '../support/faulty-disk.ts';

afterAll(removeFolders);

interface World {
  readonly harness: CoreHarness;
  readonly disk: FaultyDisk;
  /** Of three dead writers, in the order in which the disk names them. */
  readonly folders: readonly string[];
}

/** Three writers, one after the other in one data folder, whose files went aside. */
async function world(): Promise<World> {
  const disk = new FaultyDisk();
  const dataDir = await freshFolder();
  let harness = await CoreHarness.start({ dataDir, disk });
  for (let i = 0; i < 3; i++) {
    await harness.count(`a${i}`);
    await harness.stop();
    const { rows, clock } = harness;
    harness = await CoreHarness.start({ dataDir, disk, rows, clock });
    await harness.core.recover();
  }
  const journal = path.join(dataDir, 'journal');
  const own = harness.core.ingest.current?.writer;
  const folders = (await readdir(journal)).filter((name) => name !== own);
  expect(folders).toHaveLength(3);
  for (const name of folders) {
    expect(await readdir(path.join(journal, name, 'aside'))).toEqual(['00000001.segment']);
  }
  return { harness, disk, folders: folders.map((name) => path.join(journal, name)) };
}

const later = (): number => Date.now() + 60_000;

test('a folder that cannot be read keeps no other from being cleaned, and is named', async () => {
  const { harness, disk, folders } = await world();
  const [broken, ...others] = folders;
  disk.fault = (call, file) => (call === 'list' && file === broken ? 'EACCES' : undefined);
  await expect(harness.core.recovery.sweep(later())).rejects.toMatchObject({ code: 'EACCES' });
  const left = await readdir(path.dirname(broken ?? ''));
  for (const other of others) expect(left).not.toContain(path.basename(other));
  expect(left).toContain(path.basename(broken ?? ''));
  const named = harness.logged.filter(({ event }) => event === 'aside.not_swept');
  expect(named).toMatchObject([{ fields: { writer_id: path.basename(broken ?? '') } }]);
  // Once it can be read, it goes like the others.
  disk.fault = () => undefined;
  await harness.core.recovery.sweep(later());
  expect(await readdir(path.dirname(broken ?? ''))).not.toContain(path.basename(broken ?? ''));
  await harness.stop();
});

test('a file that gives way to counting meanwhile is no failure', async () => {
  const { harness, disk, folders } = await world();
  const journal = path.dirname(folders[0] ?? '');
  disk.before = async (call, file) => {
    if (call === 'unlink' && file.includes('aside')) await unlink(file);
  };
  await harness.core.recovery.sweep(later());
  expect(await readdir(journal)).toEqual([harness.core.ingest.current?.writer]);
  await harness.stop();
});

test('a folder that vanishes under the sweep is no failure', async () => {
  const { harness, disk, folders } = await world();
  const [gone] = folders;
  disk.fault = (call, file) => (call === 'list' && file === gone ? 'ENOENT' : undefined);
  await harness.core.recovery.sweep(later());
  expect(await readdir(path.dirname(gone ?? ''))).toHaveLength(2);
  expect(harness.logged.map(({ event }) => event)).not.toContain('aside.not_swept');
  await harness.stop();
});
