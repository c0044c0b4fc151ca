// A real HBase for crash runs: one instance, tables of their own for each run.
import { execFile } from 'node:child_process';
import { randomUUID } from 'node:crypto';
import path from 'node:path';
import { promisify } from 'node:util';
import { hbaseRoot, startHBase } from '../hbase/server/standalone.ts';
import { mainFile } from './service-process.ts';

export interface CrashHBase {
  /** The settings of a service on tables that were just made. */
  freshTables(): Promise<Record<string, string>>;
  stop(): Promise<unknown>;
}

export async function hbaseForCrashes(): Promise<CrashHBase> {
  const hbase = await startHBase({ folder: path.join(hbaseRoot, 'crash'), fresh: true });
  return {
    freshTables: () => freshTables(hbase.zookeeper),
    stop: () => hbase.stop(),
  };
}

export async function freshTables(
  zookeeper: string,
  more: Readonly<Record<string, string>> = {},
): Promise<Record<string, string>> {
  const env = {
    ...more,
    ADCOUNTER_HBASE_ZOOKEEPER: zookeeper,
    ADCOUNTER_HBASE_TABLE_PREFIX: `t${randomUUID().replaceAll('-', '')}_`,
  };
  const run = promisify(execFile);
  await run(process.execPath, [mainFile, 'schema', 'create'], {
    env: { PATH: process.env['PATH'] ?? '', ...env },
  });
  return env;
}
