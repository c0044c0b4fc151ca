// What is put under chaos: how its tables are made and how one of its instances is run. adcounter
// as it is built; the baselines beside it are in baseline/.
import { execFile } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { freshTables } from '../crash/hbase.ts';
import { mainFile } from '../crash/service-process.ts';
import { RegionChanges } from '../hbase/faults/region-changes.ts';
import type { ChaosStore } from './store.ts';

export interface System {
  readonly name: string;
  /** Of every instance. */
  readonly env: Readonly<Record<string, string>>;
  /** What node runs; the built service, if not said otherwise. */
  readonly program?: readonly string[];
  /** With counts in them. */
  readonly tables: readonly string[];
  /** It has journals: folders can be recovered, and held against the store. */
  readonly isJournaled: boolean;
}

export async function adcounterOn(store: ChaosStore, flushSeconds: number): Promise<System> {
  const env = await freshTables(store.zookeeper, {
    ...store.env,
    ADCOUNTER_FLUSH_SECONDS: String(flushSeconds),
  });
  const prefix = env['ADCOUNTER_HBASE_TABLE_PREFIX'] ?? '';
  const tables = [`${prefix}counts`, `${prefix}meta`];
  return { name: 'adcounter', env, tables, isJournaled: true };
}

/** What is used today: increments in HBase, one an event, or summed up for a second. */
export async function incrementsOn(store: ChaosStore, mode: 'each' | 'buffered'): Promise<System> {
  const table = `increments_${mode}_${Date.now()}`;
  const changes = new RegionChanges(store.zookeeper, () => 0);
  await changes.newTable(table, increments.splits);
  return {
    name: increments.names[mode],
    env: {
      ...store.env,
      ADCOUNTER_HBASE_ZOOKEEPER: store.zookeeper,
      BASELINE_TABLE: table,
      BASELINE_MODE: mode,
    },
    program: ['--import', import.meta.resolve('tsx'), increments.file],
    tables: [table],
    isJournaled: false,
  };
}

const increments = {
  file: fileURLToPath(new URL('baseline/increment-service.ts', import.meta.url)),
  /** Where names of ads begin to differ. */
  splits: [Buffer.from('journal-2'), Buffer.from('wide-')],
  names: {
    each: 'HBase Increment per event, with retry',
    buffered: 'HBase Increments buffered for a second, with retry',
  },
} as const;

export interface Command {
  readonly code: number;
  readonly out: string;
  readonly err: string;
}

/** One of adcounter's own commands, as an operator would give it. */
export async function command(system: System, ...args: readonly string[]): Promise<Command> {
  const { ADCOUNTER_FLUSH_SECONDS: _, ...settings } = system.env;
  const env = { PATH: process.env['PATH'] ?? '', ...settings };
  try {
    const options = { env, timeout: 120_000, maxBuffer: 64 * 1_048_576 };
    const { stdout, stderr } = await promisify(execFile)(
      process.execPath,
      [mainFile, ...args],
      options,
    );
    return { code: 0, out: stdout, err: stderr };
  } catch (error) {
    const { code, stdout, stderr } = error as { code: unknown; stdout: string; stderr: string };
    return { code: typeof code === 'number' ? code : -1, out: stdout, err: stderr };
  }
}
