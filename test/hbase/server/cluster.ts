// Owns one HBase of several processes in one folder: ZooKeeper, NameNode, DataNode, master and two
// region servers. Ready when startCluster returns, all on loopback, ports kept over restarts; a
// failed start names the process and the reason and leaves nothing running.
// Never signals a process that is not provably of its folder.
import { spawnSync } from 'node:child_process';
import { existsSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import net from 'node:net';
import path from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import {
  argumentsOf,
  clusterPorts,
  nameFolder,
  processNames,
  roles,
  writeClusterConf,
} from './conf-cluster.ts';
import type { ClusterPorts, ProcessName } from './conf-cluster.ts';
import { jvmFlags } from './conf.ts';
import type { SiteSettings } from './conf.ts';
import { ensureJars } from './jars.ts';
import { choosePorts } from './ports.ts';
import { endProcess, launch, pidOf, readLog, signalProcess, stateOf } from './process.ts';
import type { ProcessState } from './process.ts';
import { reasonIn } from './reason.ts';
import { endOrphan, hbaseRoot, prepareFolder } from './standalone.ts';

export interface ClusterOptions {
  readonly folder: string;
  /** Without the data that an earlier run left in the folder. */
  readonly fresh?: boolean;
  readonly ports?: Partial<ClusterPorts>;
  /** For all processes, over what they are told otherwise. */
  readonly site?: SiteSettings;
  readonly heapMiB?: Partial<Record<ProcessName, number>>;
}

export interface ClusterProcess {
  readonly name: ProcessName;
  /** That others know it by; the same after a restart. */
  readonly port: number;
  readonly logFile: string;
  /** Null: it is not there. */
  pid(): number | null;
  state(): ProcessState;
  /** Gone at once, as in a crash; paused or not. */
  kill9(): Promise<void>;
  pause(): void;
  resume(): void;
  /** Ends it in order. */
  stop(): Promise<void>;
  /** Starts it again on its data and port, ready when it returns; one that runs is killed first. */
  restart(): Promise<void>;
}

export interface RunningCluster {
  /** host:port, as ADCOUNTER_HBASE_ZOOKEEPER wants it. */
  readonly zookeeper: string;
  readonly folder: string;
  readonly jars: string;
  readonly ports: ClusterPorts;
  readonly processes: Readonly<Record<ProcessName, ClusterProcess>>;
  /** Where the servers register themselves, `localhost:port`: what a host map maps from. */
  readonly servers: Readonly<Record<'master' | 'rs1' | 'rs2', string>>;
  /** Ends all in order. */
  stop(): Promise<void>;
  /** Ends all at once. */
  kill9(): Promise<void>;
}

/** What a running cluster is, for commands that come from another process. */
interface Saved {
  readonly jars: string;
  readonly ports: ClusterPorts;
  readonly heapMiB: Partial<Record<ProcessName, number>>;
}

export async function startCluster(options: ClusterOptions): Promise<RunningCluster> {
  const folder = path.resolve(options.folder);
  const jars = ensureJars(hbaseRoot);
  await prepareFolder(folder, options.fresh === true);
  rmSync(savedFile(folder), { force: true });
  const ports = await choosePorts(folder, clusterPorts, options.ports ?? {});
  writeClusterConf(folder, ports, options.site ?? {});
  const saved: Saved = { jars, ports, heapMiB: options.heapMiB ?? {} };
  const cluster = clusterOf(folder, saved);
  const { zookeeper, namenode, datanode, master, rs1, rs2 } = cluster.processes;
  formatOnce(folder, jars);
  await startTogether(folder, [zookeeper, namenode, datanode]);
  await startTogether(folder, [master, rs1, rs2]);
  writeFileSync(savedFile(folder), JSON.stringify(saved));
  return cluster;
}

/** All are ready when it returns; else none is left, nor any that was started before. */
async function startTogether(folder: string, stage: readonly ClusterProcess[]): Promise<void> {
  const starts = stage.map((one) => one.restart());
  const all = { settled: false };
  void Promise.allSettled(starts).then(() => (all.settled = true));
  try {
    await Promise.all(starts);
  } catch (error) {
    // Until none of them is on its way any more.
    do {
      await endOrphan(folder);
      await sleep(50);
    } while (!all.settled);
    await endOrphan(folder);
    throw error;
  }
}

/** The cluster that was started in a folder, by whichever process; null: there is none. */
export function clusterIn(folder: string): RunningCluster | null {
  const whole = path.resolve(folder);
  if (!existsSync(savedFile(whole))) return null;
  const cluster = clusterOf(whole, JSON.parse(readFileSync(savedFile(whole), 'utf8')) as Saved);
  const there = processNames.some((name) => cluster.processes[name].state() !== 'ended');
  return there ? cluster : null;
}

function clusterOf(folder: string, saved: Saved): RunningCluster {
  const { jars, ports } = saved;
  const processes = Object.fromEntries(
    processNames.map((name) => [name, processOf(folder, name, saved)]),
  ) as Record<ProcessName, ClusterProcess>;
  const end = async (signal: 'SIGTERM' | 'SIGKILL'): Promise<void> => {
    await endOrphan(folder, signal);
  };
  return {
    zookeeper: `127.0.0.1:${ports.zookeeper}`,
    folder,
    jars,
    ports,
    processes,
    servers: {
      master: `localhost:${ports.master}`,
      rs1: `localhost:${ports.rs1}`,
      rs2: `localhost:${ports.rs2}`,
    },
    stop: () => end('SIGTERM'),
    kill9: () => end('SIGKILL'),
  };
}

function processOf(folder: string, name: ProcessName, saved: Saved): ClusterProcess {
  const { jars, ports } = saved;
  const role = roles[name];
  const heapMiB = saved.heapMiB[name] ?? role.heapMiB;
  const end = async (signal: 'SIGTERM' | 'SIGKILL'): Promise<void> => {
    await endProcess(folder, name, signal);
  };
  const send = (signal: 'SIGSTOP' | 'SIGCONT'): void => {
    if (!signalProcess(folder, name, signal)) throw new Error(`${name} is not running.`);
  };
  return {
    name,
    port: ports[name],
    logFile: path.join(folder, 'logs', `${name}.log`),
    pid: () => pidOf(folder, name),
    state: () => stateOf(folder, name),
    kill9: () => end('SIGKILL'),
    pause: () => send('SIGSTOP'),
    resume: () => send('SIGCONT'),
    stop: () => end('SIGTERM'),
    restart: async () => {
      await end('SIGKILL');
      const args = argumentsOf(name, ports);
      const isReady = (log: string): boolean | Promise<boolean> => ready[name](log, ports);
      await launch({ folder, name, jars, ...role, args, heapMiB, port: ports[name], isReady });
    },
  };
}

type Ready = (log: string, ports: ClusterPorts) => boolean | Promise<boolean>;

/** By what a process says of itself. */
const ready: Readonly<Record<ProcessName, Ready>> = {
  zookeeper: (_, ports) => isZooKeeperServing(ports.zookeeper),
  // Until its DataNode is back it takes nothing.
  namenode: (log) => /STATE\* (?:Leaving safe mode|Safe mode is OFF)/.test(log),
  datanode: (log) => log.includes('successfully registered with NN'),
  master: (log) => log.includes('Master has completed initialization'),
  rs1: (log, ports) => log.includes(`Serving as localhost,${ports.rs1},`),
  rs2: (log, ports) => log.includes(`Serving as localhost,${ports.rs2},`),
};

/** It listens a moment before it answers. */
async function isZooKeeperServing(port: number): Promise<boolean> {
  return await new Promise((resolve) => {
    let reply = '';
    const socket = net.connect({ host: '127.0.0.1', port }, () => socket.write('srvr'));
    socket.setTimeout(1_000, () => socket.destroy());
    socket.on('data', (chunk: Buffer) => (reply += chunk.toString('latin1')));
    socket.on('error', () => undefined);
    socket.on('close', () => resolve(reply.includes('Mode: ')));
  });
}

/** Before the first start, and never again: it would forget every file. */
function formatOnce(folder: string, jars: string): void {
  if (existsSync(path.join(nameFolder(folder), 'current', 'VERSION'))) return;
  const done = spawnSync(
    'java',
    [
      '-Xmx128m',
      '-XX:TieredStopAtLevel=1',
      '-XX:+UseSerialGC',
      ...jvmFlags,
      '-cp',
      `${path.join(folder, 'conf')}:${jars}/*`,
      'org.apache.hadoop.hdfs.server.namenode.NameNode',
      '-format',
      '-nonInteractive',
    ],
    { cwd: folder, encoding: 'utf8' },
  );
  if (done.status === 0) return;
  const said = readLog(folder, 'namenode') + done.stdout + done.stderr;
  throw new Error(`namenode could not format its folder: ${reasonIn(said)}`);
}

function savedFile(folder: string): string {
  return path.join(folder, 'cluster.json');
}
