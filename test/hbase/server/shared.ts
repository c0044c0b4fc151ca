// One running HBase for all suites of a test run: started by the first that needs it, ended by
// the run's teardown. Two region servers, so that regions can move. Suites use tables of their own.
// TEST_HBASE_SHARED=1 leaves it running for the next run, which then starts in no time.
import { existsSync, mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { addressIn, endOrphan, hbaseRoot, startHBase } from './standalone.ts';

export interface SharedHBase {
  readonly zookeeper: string;
  readonly jars: string;
}

const runPrefix = 'run-';
const startTimeoutMs = 180_000;

export async function sharedHBase(): Promise<SharedHBase> {
  const folder = runFolder();
  const ready = path.join(folder, 'shared.json');
  const lock = path.join(folder, 'starting');
  // Kept from an earlier run, and ended since.
  if (existsSync(ready) && addressIn(path.join(folder, 'hbase')) === null) {
    rmSync(folder, { recursive: true });
  }
  mkdirSync(folder, { recursive: true });
  const deadline = Date.now() + startTimeoutMs;
  while (!existsSync(ready)) {
    if (taken(lock)) await startInto(folder, ready);
    else if (Date.now() > deadline)
      throw new Error(`HBase did not start; see ${folder}/hbase/logs`);
    else await sleep(100);
  }
  return JSON.parse(readFileSync(ready, 'utf8')) as SharedHBase;
}

/** For a suite that starts an HBase of its own; ended with the run, if not before. */
export function ownFolder(name: string): string {
  return path.join(runFolder(), name);
}

/**
 * At the end of a test run: ends its HBase, and those of runs that were killed.
 * @public called by name from test/support/hbase-end.js
 */
export async function endRuns(): Promise<void> {
  if (!existsSync(hbaseRoot)) return;
  for (const name of readdirSync(hbaseRoot)) {
    const pid = Number(name.slice(runPrefix.length));
    if (!name.startsWith(runPrefix) || !Number.isInteger(pid)) continue;
    if (name !== path.basename(runFolder()) && existsSync(`/proc/${pid}`)) continue;
    const folder = path.join(hbaseRoot, name);
    for (const instance of readdirSync(folder)) await endOrphan(path.join(folder, instance));
    rmSync(folder, { recursive: true, force: true });
  }
}

async function startInto(folder: string, ready: string): Promise<void> {
  const hbase = await startHBase({
    folder: path.join(folder, 'hbase'),
    fresh: true,
    regionServers: 2,
  });
  const { zookeeper, jars } = hbase;
  writeFileSync(`${ready}.new`, JSON.stringify({ zookeeper, jars }));
  // Appears whole, and only when HBase is ready.
  mkdirSync(path.dirname(ready), { recursive: true });
  writeFileSync(ready, readFileSync(`${ready}.new`));
}

function taken(lock: string): boolean {
  try {
    mkdirSync(lock);
    return true;
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'EEXIST') return false;
    throw error;
  }
}

/** By the pid of the whole run (its workers inherit it), or one that stays. */
function runFolder(): string {
  const kept = process.env['TEST_HBASE_SHARED'];
  if (kept !== undefined && kept !== '') return path.join(hbaseRoot, 'shared');
  return path.join(hbaseRoot, runPrefix + (process.env['TEST_HBASE_RUN'] ?? String(process.pid)));
}
