// `up`, `down` and `status`: a real HBase for trying adcounter out, in one process or as a cluster.
// Ready when `up` returns; it stays until `down`, which leaves no process of either form.
// Everything lies under .hbase/, data included.
import path from 'node:path';
import { clusterIn, startCluster } from './cluster.ts';
import type { RunningCluster } from './cluster.ts';
import { processNames } from './conf-cluster.ts';
import type { ProcessName } from './conf-cluster.ts';
import { standalonePorts } from './conf.ts';
import { pidOf, processesIn, stateOf } from './process.ts';
import { addressIn, endOrphan, hbaseRoot, startHBase } from './standalone.ts';

export interface UpOptions {
  readonly cluster: boolean;
  readonly fresh: boolean;
}

type Say = (line: string) => void;

export async function up({ cluster, fresh }: UpOptions, say: Say): Promise<void> {
  const form = cluster ? 'cluster' : 'standalone';
  const other = cluster ? 'standalone' : 'cluster';
  const folder = folderOf(form);
  if (processesIn(folderOf(other)).size > 0) {
    throw new Error(`A ${other} HBase is up: \`npm run hbase:down\` ends it.`);
  }
  const running = fresh ? null : cluster ? wholeCluster()?.zookeeper : addressIn(folder);
  // Whoever breaks off the start wants nothing of it to stay.
  const breakOff = (): void => {
    void endOrphan(folder).then(() => process.exit(1));
  };
  process.once('SIGINT', breakOff).once('SIGTERM', breakOff);
  const zookeeper = running ?? (await (cluster ? startCluster : startHBase)(started())).zookeeper;
  process.off('SIGINT', breakOff).off('SIGTERM', breakOff);
  say(typeof running === 'string' ? 'HBase was up already:' : 'HBase is up. Use it with');
  say(`ADCOUNTER_HBASE_ZOOKEEPER=${zookeeper}`);

  function started(): { folder: string; fresh: boolean; ports: Record<string, number> } {
    const names: readonly Port[] = cluster ? processNames : standalonePorts;
    return { folder, fresh, ports: Object.fromEntries(names.flatMap((name) => portOf(name))) };
  }
}

/** Leaves nothing behind, whichever form is up, and also of one that is paused or half gone. */
export async function down(say: Say): Promise<void> {
  let was = false;
  for (const form of ['standalone', 'cluster'] as const) {
    was = (await endOrphan(folderOf(form), 'SIGTERM')) || was;
  }
  say(was ? 'HBase is down.' : 'No HBase was up.');
}

export function status(say: Say): void {
  const standalone = folderOf('standalone');
  const cluster = clusterIn(folderOf('cluster'));
  if (cluster === null && processesIn(standalone).size === 0) {
    throw new Error('No HBase is up: `npm run hbase:up` starts one, with `-- --cluster` of many.');
  }
  say(`ADCOUNTER_HBASE_ZOOKEEPER=${address()}`);
  if (cluster === null) {
    for (const [name, pid] of processesIn(standalone)) {
      say(`${name} ${stateOf(standalone, name)} pid ${pid}`);
    }
    return;
  }
  for (const name of processNames) {
    const { port } = cluster.processes[name];
    const state = cluster.processes[name].state();
    const pid = pidOf(cluster.folder, name);
    say(`${name} ${state} port ${port}${pid === null ? '' : ` pid ${pid}`}`);
  }
}

/** Of whichever form is up. */
export function address(): string {
  const found = clusterIn(folderOf('cluster'))?.zookeeper ?? addressIn(folderOf('standalone'));
  if (found === null) throw new Error('No HBase is up: `npm run hbase:up` starts one.');
  return found;
}

/** Null: no cluster is up. */
export function upCluster(): RunningCluster | null {
  return clusterIn(folderOf('cluster'));
}

/** Null: it is not up, or a part of it is gone or paused. */
function wholeCluster(): RunningCluster | null {
  const cluster = clusterIn(folderOf('cluster'));
  const running = processNames.every((name) => cluster?.processes[name].state() === 'running');
  return running ? cluster : null;
}

function folderOf(form: 'standalone' | 'cluster'): string {
  const folder = path.resolve(process.env['TEST_HBASE_FOLDER'] ?? path.join(hbaseRoot, 'up'));
  return form === 'standalone' ? folder : `${folder}-cluster`;
}

type Port = ProcessName | (typeof standalonePorts)[number];

const portVariables: Readonly<Record<Port, string>> = {
  zookeeper: 'TEST_HBASE_ZOOKEEPER_PORT',
  namenode: 'TEST_HBASE_NAMENODE_PORT',
  datanode: 'TEST_HBASE_DATANODE_PORT',
  master: 'TEST_HBASE_MASTER_PORT',
  regionServer: 'TEST_HBASE_REGION_SERVER_PORT',
  rs1: 'TEST_HBASE_RS1_PORT',
  rs2: 'TEST_HBASE_RS2_PORT',
};

function portOf(name: Port): [Port, number][] {
  const variable = portVariables[name];
  const value = process.env[variable];
  if (value === undefined || value === '') return [];
  const port = Number(value);
  if (!Number.isInteger(port) || port < 1 || port > 65_535) {
    throw new Error(`${variable} must be a port, not "${value}".`);
  }
  return [[name, port]];
}
