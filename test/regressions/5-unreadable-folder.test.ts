// A writer's folder that this process may not read ended every measurement of the journals: the
// service did not start, and on a full journal nothing that was aside gave way any more.
import { mkdir, readdir, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { afterAll, expect, test } from '@jest/globals';
import { JournalSpace, measureJournals } from '../../src/journal/journal-space.ts';
import { freshFolder, removeFolders } from '../support/core-harness.ts';
import { FaultyDisk } from '../support/faulty-disk.ts';

afterAll(removeFolders);

const [first, broken, last] = ['0000000000000002', '0000000000000004', '0000000000000006'];

async function world(): Promise<{ readonly disk: FaultyDisk; readonly folder: string }> {
  const folder = await freshFolder();
  for (const writer of [first, broken, last]) {
    const aside = path.join(folder, writer, 'aside');
    await mkdir(aside, { recursive: true });
    await writeFile(path.join(folder, writer, '00000002.segment'), Buffer.alloc(1_000, 1));
    await writeFile(path.join(aside, '00000001.segment'), Buffer.alloc(2_000, 1));
  }
  return { disk: new FaultyDisk(), folder };
}

test('a folder that cannot be read is left out of what the journals occupy', async () => {
  const place = await world();
  place.disk.fault = (call, file) =>
    call === 'list' && file === path.join(place.folder, broken) ? 'EACCES' : undefined;
  const { keptBytes, aside } = await measureJournals(place);
  expect(keptBytes).toBe(2_000);
  expect(aside).toMatchObject([{ bytes: 2_000 }, { bytes: 2_000 }]);
});

test('a file that cannot be deleted keeps no other from giving way', async () => {
  const { disk, folder } = await world();
  const asideOf = (writer: string): Promise<string[]> =>
    readdir(path.join(folder, writer, 'aside'));
  const isStuck = (file: string): boolean => file.startsWith(path.join(folder, first));
  disk.fault = (call, file) => (call === 'unlink' && isStuck(file) ? 'EACCES' : undefined);
  const gone: unknown[] = [];
  const space = new JournalSpace({
    disk,
    folder,
    maxBytes: 9_000,
    monotonicMs: () => 0,
    onGaveWay: (each) => gone.push(each),
  });
  expect(await space.makeRoom(4_000)).toBe(true);
  expect(gone).toEqual([{ files: 2, bytes: 4_000 }]);
  expect([await asideOf(first), await asideOf(broken), await asideOf(last)]).toEqual([
    ['00000001.segment'],
    [],
    [],
  ]);
  // Only where all the others are not enough it is trouble, and told as such.
  await expect(space.makeRoom(6_500)).rejects.toMatchObject({ code: 'EACCES' });
});
