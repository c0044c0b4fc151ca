// What can be checked without a network: the settings together, the data folder, the embedded
// store. Never makes the folder; writes one file of a few bytes into it, and deletes that.
import { access, constants, open, stat, unlink } from 'node:fs/promises';
import path from 'node:path';
import type { Config } from '../config.ts';
import { diskCode, nodeDisk } from '../journal/disk.ts';
import { doctorDiskLowBytes, doctorCallMs, journalDiskFreeBytesMin } from '../limits.ts';
import { CounterError, toError } from '../model/errors.ts';
import { refuseOtherStore } from '../store-folder.ts';
import { EmbeddedRowStore } from '../store/embedded/embedded-row-store.ts';
import { guardLayout } from '../store/layout.ts';
import { checkOf, type Check } from './check.ts';

export function checkSettings(config: Config, warnings: readonly string[]): Check {
  const { ok, warn } = checkOf('settings');
  const entries = config.hbaseHostMap.size;
  const hostMap = entries === 0 ? 'no host map' : `a host map of ${entries}`;
  const seen =
    config.store === 'embedded'
      ? 'the store is embedded'
      : `HBase at ${config.hbaseZookeeper.join(',')}${config.hbaseZnode}, ` +
        `tables ${config.hbaseTablePrefix}*, user ${config.hbaseUser}, ${hostMap}`;
  if (warnings.length === 0) return ok(seen);
  return warn(`${seen}; ${warnings.join('; ')}`, {
    cause: 'A variable is misspelt, or belongs to another release.',
    fix: ['Compare its name with the table of settings, `adcounter serve --help`.'],
  });
}

export async function checkDataDir(config: Config): Promise<Check> {
  const { dataDir } = config;
  const { ok, warn, fail } = checkOf('data-dir', dataDir);
  const startMs = performance.now();
  try {
    await refuseOtherStore(config);
    const there = await isFolder(dataDir);
    const place = there ? dataDir : await nearestFolder(dataDir);
    if (there) await tryToWrite(dataDir);
    else await access(place, constants.W_OK | constants.X_OK);
    const free = await nodeDisk.freeBytes(place);
    const ms = performance.now() - startMs;
    const state = there ? 'written and synced' : 'not there yet: the first start makes it';
    const seen = `${state}; ${bytesText(free)} free`;
    if (free >= doctorDiskLowBytes) return ok(seen, { ms });
    const cause = `Under ${bytesText(journalDiskFreeBytesMin)} counting is refused with 503.`;
    const fix = ['Free or enlarge the disk, or move ADCOUNTER_DATA_DIR to a larger one.'];
    return (free < journalDiskFreeBytesMin ? fail : warn)(seen, { ms, cause, fix });
  } catch (thrown) {
    if (thrown instanceof CounterError) {
      const seen = thrown.message.replace(`${thrown.code}: `, '');
      const cause = 'A journal holds counts that only its own store may get.';
      return fail(seen, { cause, fix: ['Set ADCOUNTER_DATA_DIR to another folder.'] });
    }
    return unwritable(config, thrown);
  }
}

/** Opened for a moment, as the service would; one that a service holds has been checked by it. */
export async function checkEmbeddedStore(config: Config): Promise<Check> {
  const { dataDir } = config;
  const { ok, fail, skipped } = checkOf('embedded-store');
  if (!(await isFolder(path.join(dataDir, 'store')))) {
    return skipped('there is none yet: the first start makes it');
  }
  const startMs = performance.now();
  try {
    const rows = await EmbeddedRowStore.open({ dataDir });
    try {
      const guard = { createIfMissing: false, salts: config.hbaseSalts };
      const { salts } = await guardLayout(rows, guard, { timeoutMs: doctorCallMs });
      return ok(`it opens, and nobody holds it; ${salts} salts`, { ms: msSince(startMs) });
    } finally {
      await rows.close();
    }
  } catch (thrown) {
    const { message } = toError(thrown);
    const code = thrown instanceof CounterError ? thrown.code : '';
    if (code === 'STORE_LOCKED') {
      return ok(`in use: ${message.replace(/^\w+: /, '')}`, { ms: msSince(startMs) });
    }
    if (code === 'SCHEMA_MISSING') return ok('it opens, and is empty', { ms: msSince(startMs) });
    return fail(message, {
      ms: msSince(startMs),
      cause: 'The files of the store are damaged, not readable, or of another release.',
      fix: ['Look at the owner of the folder; else restore it from a backup.'],
    });
  }
}

function unwritable({ dataDir }: Config, thrown: unknown): Check {
  const code = diskCode(thrown) || toError(thrown).message;
  const user = process.getuid?.();
  const whose = user === undefined ? 'this user' : `uid ${user}`;
  const known: Readonly<Record<string, readonly [cause: string, fix: string]>> = {
    EACCES: [
      `The folder belongs to another user than ${whose}, under which this runs.`,
      `Give it to that user (chown -R ${user ?? '<uid>'}), or set ADCOUNTER_DATA_DIR to another.`,
    ],
    EROFS: ['The file system is mounted read-only.', 'Mount a writable volume there.'],
    ENOTDIR: ['A part of the path is a file.', 'Set ADCOUNTER_DATA_DIR to a folder.'],
    ENOSPC: ['The disk is full.', 'Free the disk, or move ADCOUNTER_DATA_DIR to a larger one.'],
  };
  const [cause, fix] = known[code] ?? ['', 'Set ADCOUNTER_DATA_DIR to a folder on a local disk.'];
  const why = cause === '' ? 'The disk, or the file system on it, does not do its work.' : cause;
  return checkOf('data-dir', dataDir).fail(`it cannot be written (${code})`, {
    cause: why,
    fix: [fix],
  });
}

async function tryToWrite(folder: string): Promise<void> {
  const file = path.join(folder, `.doctor-${process.pid}`);
  const handle = await open(file, 'wx', 0o600);
  try {
    await handle.writeFile('adcounter doctor\n');
    await handle.datasync();
  } finally {
    await handle.close();
    await unlink(file);
  }
}

/** A file in its place is told as what it is. */
async function isFolder(place: string): Promise<boolean> {
  try {
    if ((await stat(place)).isDirectory()) return true;
    throw Object.assign(new Error(`${place} is no folder`), { code: 'ENOTDIR' });
  } catch (thrown) {
    if (diskCode(thrown) === 'ENOENT') return false;
    throw thrown;
  }
}

async function nearestFolder(place: string): Promise<string> {
  let folder = path.resolve(place);
  while (!(await isFolder(folder))) folder = path.dirname(folder);
  return folder;
}

function bytesText(bytes: number): string {
  const gib = bytes / 2 ** 30;
  return gib >= 1 ? `${gib.toFixed(1)} GiB` : `${Math.floor(bytes / 2 ** 20)} MiB`;
}

function msSince(startMs: number): number {
  return performance.now() - startMs;
}
