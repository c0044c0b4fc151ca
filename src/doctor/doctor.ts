// Goes the way of a count, step by step, and says at each how it stands: this machine, ZooKeeper,
// the servers of HBase, their clocks, the tables. A step that fails skips what depends on it.
// Promises an end in time, and that it writes nothing into a store.
import type { Config } from '../config.ts';
import type { ClusterZnodes } from '../hbase/cluster-znodes.ts';
import { Diagnosis } from '../hbase/diagnosis.ts';
import type { MetaTable } from '../hbase/meta-table.ts';
import { addressText } from '../hbase/host-map.ts';
import { doctorCallMs, doctorTotalMs } from '../limits.ts';
import { createLog } from '../log.ts';
import { Metrics } from '../metrics.ts';
import type { Clock } from '../model/clock.ts';
import { toError } from '../model/errors.ts';
import { openRowStore } from '../open-row-store.ts';
import { saltsDefault } from '../store/layout.ts';
import { tableSchemas } from '../store/schema.ts';
import { version } from '../version.ts';
import { checkOf, inParallel, type Check, type CheckName } from './check.ts';
import { checkClock, checkCluster } from './cluster.ts';
import { checkDataDir, checkEmbeddedStore, checkSettings } from './machine.ts';
import { checkRegions } from './regions.ts';
import { checkServers, type ServerFindings } from './servers.ts';
import { checkLayout, checkTable, checkVersions } from './tables.ts';
import { checkZooKeeper } from './zookeeper.ts';

export interface DoctorOptions {
  readonly config: Config;
  /** Settings that do nothing. */
  readonly warnings: readonly string[];
  readonly clock: Clock;
  /** Given up after so long; `doctorTotalMs` if not said otherwise. */
  readonly totalMs?: number;
  /** Before a step: what is being looked at. */
  readonly onStep: (what: string) => void;
  /** After a step: what was found. */
  readonly onChecks: (checks: readonly Check[]) => void;
}

/** Every check that was made or skipped, in order. */
export async function examine(options: DoctorOptions): Promise<readonly Check[]> {
  const checks: Check[] = [];
  const { totalMs = doctorTotalMs } = options;
  const end = { over: false };
  const tell = (found: readonly Check[]): void => {
    if (end.over) return;
    checks.push(...found);
    options.onChecks(found);
  };
  let timer: NodeJS.Timeout | undefined;
  const late = new Promise<void>((resolve) => {
    timer = setTimeout(resolve, totalMs);
  });
  try {
    const work = examineAll({ ...options, onChecks: tell });
    await Promise.race([work, late.then(() => (end.over = true))]);
    if (end.over) {
      work.catch(() => undefined);
      const why = `what is left was given up after ${totalMs / 1000} s`;
      const cut = checkOf('time-limit').fail(why, {
        cause: 'Most of the servers do not answer, each for as long as it is waited for.',
        fix: ['Mend what failed above and run this again.'],
      });
      checks.push(cut);
      options.onChecks([cut]);
    }
  } finally {
    clearTimeout(timer);
  }
  return checks;
}

async function examineAll(options: DoctorOptions): Promise<void> {
  const { config, warnings, onStep, onChecks } = options;
  onStep('this machine');
  const machine = [checkSettings(config, warnings), await checkDataDir(config)];
  if (config.store === 'embedded') {
    onChecks([...machine, await checkEmbeddedStore(config)]);
    return;
  }
  onChecks(machine);

  onStep('ZooKeeper');
  const { checks, znodes } = await checkZooKeeper(config);
  onChecks(checks);
  if (znodes === null) {
    onChecks(skippedAll('ZooKeeper does not say where HBase is', ['master', 'region-server']));
    return;
  }
  const diagnosis = new Diagnosis({
    user: config.hbaseUser,
    hostMap: config.hbaseHostMap,
    callMs: Math.min(doctorCallMs, config.hbaseRpcTimeoutMs),
  });
  try {
    await examineHBase(options, znodes, diagnosis);
  } finally {
    diagnosis.close();
  }
}

async function examineHBase(
  options: DoctorOptions,
  znodes: ClusterZnodes,
  diagnosis: Diagnosis,
): Promise<void> {
  const { config, clock, onStep, onChecks } = options;
  const count = znodes.regionServers.length;
  onStep(`the master and ${count} region server${count === 1 ? '' : 's'}`);
  const servers = await checkServers({ config, clock }, znodes, diagnosis);
  onChecks(servers.checks);
  const { report } = servers;
  if (report === null) onChecks(skippedAll('the master does not answer', ['cluster', 'clock'], []));
  else onChecks([checkCluster(report.cluster), checkClock(report.cluster, report.atMs)]);

  const { metaServer } = znodes;
  onStep('the tables');
  if (metaServer === null || !servers.answering.has(addressText(metaServer))) {
    const who = metaServer === null ? 'the server of meta' : addressText(metaServer);
    onChecks(skippedAll(`${who}, which has meta, does not answer`, []));
    return;
  }
  try {
    onChecks(await examineTables(options, { znodes, servers }, diagnosis));
  } catch (thrown) {
    const failed = checkOf('regions').fail(`meta cannot be read: ${toError(thrown).message}`, {
      cause: 'Meta is not open at its server at this moment, or the user may not read it.',
      fix: ['Run this again in a minute; if it stays, look at the log of the master.'],
    });
    onChecks([failed, ...skippedAll('meta cannot be read', [], ['table', 'layout', 'versions'])]);
  }
}

async function examineTables(
  { config, clock }: DoctorOptions,
  found: { readonly znodes: ClusterZnodes; readonly servers: ServerFindings },
  diagnosis: Diagnosis,
): Promise<readonly Check[]> {
  const { znodes, servers } = found;
  const { metaServer, master } = znodes;
  if (metaServer === null) return [];
  const schemas = tableSchemas({
    tablePrefix: config.hbaseTablePrefix,
    salts: config.hbaseSalts ?? saltsDefault,
    retentionDays: config.retentionDays,
  });
  const names = schemas.map(({ fullName }) => fullName);
  const startMs = performance.now();
  const metas = await inParallel(names, names.length, async (name) => {
    return await diagnosis.metaTable(name, metaServer);
  });
  const metaMs = performance.now() - startMs;
  const tables = new Map(names.map((name, i): [string, MetaTable] => [name, metaOf(metas, i)]));
  const live = servers.report?.cluster.live ?? znodes.regionServers;
  const liveNames = new Set(live.map(({ fullName }) => fullName));
  const asked = servers.report !== null && master !== null;
  const described = asked ? await diagnosis.describe(names, master) : null;
  const rows = await openRowStore(config, createLog('silent'), new Metrics({ version }));
  try {
    const tableChecks = await inParallel(schemas, schemas.length, async (schema) => {
      const meta = tables.get(schema.fullName) ?? nothing;
      return await checkTable(schema, meta, { rows, described });
    });
    const [counts] = schemas;
    const layout = schemas.find(({ name }) => name === 'meta')?.fullName ?? '';
    const around = { answering: servers.answering, nowMs: clock.wallMs() };
    return [
      checkRegions(tables, liveNames, metaMs),
      ...tableChecks,
      tables.get(layout)?.regions.length === 0
        ? checkOf('layout').skipped('the table that holds it does not exist')
        : await checkLayout(rows, config),
      counts === undefined
        ? checkOf('versions').skipped('there is no table of counts')
        : await checkVersions({ schema: counts, meta: metaOf(metas, 0) }, diagnosis, around),
    ];
  } finally {
    await rows.close();
  }
}

const nothing: MetaTable = { state: null, regions: [] };

function metaOf(metas: readonly MetaTable[], i: number): MetaTable {
  return metas[i] ?? nothing;
}

const behindServers: readonly CheckName[] = ['regions', 'table', 'layout', 'versions'];

function skippedAll(
  why: string,
  first: readonly CheckName[],
  then: readonly CheckName[] = first.length > 0
    ? ['cluster', 'clock', ...behindServers]
    : behindServers,
): Check[] {
  return [...first, ...then].map((name) => checkOf(name).skipped(why));
}
