// The real disk: the port over node:fs, and a journal on it.
import { mkdtempSync, rmSync, statSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { afterEach, beforeEach, expect, test } from '@jest/globals';
import { diskCode, nodeDisk } from '../../src/journal/disk.ts';
import { Journal } from '../../src/journal/journal.ts';
import { replayQuarter } from '../../src/journal/replay-quarter.ts';
import { replayFolder } from '../../src/journal/replay.ts';
import {
  deleteAside,
  deleteFolder,
  makeWriterFolder,
  moveSegmentsAside,
} from '../../src/journal/writer-folder.ts';
import { appendAll, someSteps, writer, WriterModel } from './workload.ts';

let root: string;
const disk = nodeDisk;

beforeEach(() => {
  root = mkdtempSync(path.join(tmpdir(), 'adcounter-journal-'));
});

afterEach(() => {
  rmSync(root, { recursive: true, force: true });
});

const codeOf = (promise: Promise<unknown>): Promise<string> => promise.then(() => '', diskCode);

test('a journal on the real disk is replayed, set aside and deleted', async () => {
  const folder = path.join(root, 'journal', writer);
  await makeWriterFolder({ disk, folder });
  const errors: Error[] = [];
  const onError = (error: Error): void => void errors.push(error);
  const segmentBytes = 65_536;
  const journal = await Journal.create({ disk, folder, writer, onError, segmentBytes });
  const model = new WriterModel();
  await appendAll(journal, model, someSteps(200));
  await journal.close();
  expect(errors).toEqual([]);

  const { ino, dev } = statSync(folder);
  const survey = await replayFolder({ disk, folder });
  expect(survey.headerFolder).toEqual({ device: String(dev), inode: String(ino) });
  expect(survey.problems).toEqual([]);
  expect(survey.isGapFree(1, 200)).toBe(true);
  let cells = 0;
  for (const quarter of survey.quarters()) {
    cells += (await replayQuarter({ disk, folder }, quarter)).cells.length;
  }
  expect(cells).toBe(model.states.at(-1)?.size);

  expect(await moveSegmentsAside({ disk, folder })).toBe(survey.segments.length);
  expect(await moveSegmentsAside({ disk, folder })).toBe(0);
  expect((await replayFolder({ disk, folder: path.join(folder, 'aside') })).lastPosition).toBe(200);
  expect(await deleteAside({ disk, folder }, Date.now() - 3_600_000)).toBe(survey.segments.length);
  expect(await deleteAside({ disk, folder }, Date.now() + 3_600_000)).toBe(0);
  await deleteFolder({ disk, folder });
  expect(await disk.list(path.dirname(folder))).toEqual([]);
});

test('segments and folders are for their owner alone', async () => {
  const folder = path.join(root, 'journal', writer);
  await makeWriterFolder({ disk, folder });
  const journal = await Journal.create({ disk, folder, writer, onError: String });
  await journal.close();
  await (await disk.create(path.join(folder, 'file'))).close();
  expect(statSync(folder).mode & 0o777).toBe(0o700);
  expect(statSync(path.join(folder, 'file')).mode & 0o777).toBe(0o600);
});

test('a failure carries its code', async () => {
  const missing = path.join(root, 'missing');
  expect(await codeOf(disk.read(missing))).toBe('ENOENT');
  expect(await codeOf(disk.status(missing))).toBe('ENOENT');
  expect(await codeOf(disk.list(missing))).toBe('ENOENT');
  expect(await codeOf(disk.rename(missing, root))).toBe('ENOENT');
  expect(await codeOf(disk.unlink(missing))).toBe('ENOENT');
  expect(await codeOf(disk.syncFolder(missing))).toBe('ENOENT');
  expect(await codeOf(disk.freeBytes(missing))).toBe('ENOENT');
  const file = path.join(root, 'file');
  await (await disk.create(file)).close();
  expect(await codeOf(disk.create(file))).toBe('EEXIST');
  expect(await codeOf(disk.makeFolder(path.join(file, 'below')))).toBe('ENOTDIR');
  expect(await codeOf(disk.removeFolder(root))).toBe('ENOTEMPTY');
});

test('a full device answers ENOSPC, and the journal does not take it for success', async () => {
  // /dev/full takes no byte; it stands in for a segment that lost its room.
  const full = { ...disk, create: async () => openFull() };
  const folder = path.join(root, 'journal', writer);
  await makeWriterFolder({ disk, folder });
  const errors: Error[] = [];
  const onError = (error: Error): void => void errors.push(error);
  const journal = await Journal.create({ disk: full, folder, writer, onError, minFreeBytes: 0 });
  expect(journal.reason()).toBe('disk_full');
  expect(errors).toMatchObject([{ code: 'JOURNAL_TROUBLE' }]);
  await journal.close();
});

async function openFull(): Promise<Awaited<ReturnType<typeof disk.create>>> {
  const { open } = await import('node:fs/promises');
  const handle = await open('/dev/full', 'w');
  return {
    write: async (bytes, offset) =>
      (await handle.write(bytes, 0, bytes.length, offset)).bytesWritten,
    datasync: () => handle.datasync(),
    truncate: (length) => handle.truncate(length),
    close: () => handle.close(),
  };
}

test('status tells files, folders and others apart, and their sizes', async () => {
  const file = path.join(root, 'file');
  const opened = await disk.create(file);
  expect(await opened.write(Buffer.from('12345'), 3)).toBe(5);
  await opened.datasync();
  await opened.truncate(6);
  await opened.close();
  expect(await disk.status(file)).toMatchObject({ kind: 'file', bytes: 6 });
  expect(await disk.read(file)).toEqual(Buffer.from('\0\0\x00123'));
  expect(await disk.status(root)).toMatchObject({ kind: 'folder' });
  expect(await disk.status('/dev/null')).toMatchObject({ kind: 'other' });
  expect(await disk.freeBytes(root)).toBeGreaterThan(0);
});
