// Owns one standalone HBase (master, region server and ZooKeeper in one JVM) in one folder.
// Ready when startHBase returns; listens on loopback only; ends an orphan of the same folder.
// Never signals a process that is not provably its own.
import { spawn } from 'node:child_process';
import {
  closeSync,
  existsSync,
  mkdirSync,
  openSync,
  readFileSync,
  rmSync,
  writeFileSync,
} from 'node:fs';
import net from 'node:net';
import path from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { jvmFlags, writeConf } from './conf.ts';
import type { Ports, SiteSettings } from './conf.ts';
import { ensureJars } from './jars.ts';

const startTimeoutMs = 120_000;
const stopTimeoutMs = 20_000;
const readyLine = 'Master has completed initialization';

/** The git-ignored folder of everything that HBase leaves on disk. */
export const hbaseRoot = fileURLToPath(new URL('../../../.hbase', import.meta.url));

export interface HBaseOptions {
  readonly folder: string;
  /** Without the data that an earlier run left in the folder. */
  readonly fresh?: boolean;
  readonly ports?: Partial<Ports>;
  readonly site?: SiteSettings;
  readonly heapMiB?: number;
  /** 1, on a port that stays over a restart, if not said otherwise. */
  readonly regionServers?: number;
}

export interface RunningHBase {
  /** host:port, as ADCOUNTER_HBASE_ZOOKEEPER wants it. */
  readonly zookeeper: string;
  readonly folder: string;
  readonly jars: string;
  readonly ports: Ports;
  pid(): number;
  /** Ends it in order: regions closed, nothing left to replay. */
  stop(): Promise<void>;
  /** Ends it as a crash would. */
  kill9(): Promise<void>;
  /** Starts it again on the same data and ports, ready when it returns. */
  restart(): Promise<void>;
}

export async function startHBase(options: HBaseOptions): Promise<RunningHBase> {
  const folder = path.resolve(options.folder);
  const jars = ensureJars(hbaseRoot);
  await endOrphan(folder);
  if (options.fresh === true) rmSync(folder, { recursive: true, force: true });
  mkdirSync(path.join(folder, 'logs'), { recursive: true });
  const ports = await choosePorts(folder, options.ports ?? {});
  const more = options.site ?? {};
  writeConf({ folder, ports, regionServers: options.regionServers ?? 1, more });
  const launch = (): Promise<number> => launchJvm(folder, jars, options.heapMiB ?? 1024);
  let pid = await launch();
  const zookeeper = `127.0.0.1:${ports.zookeeper}`;
  writeFileSync(path.join(folder, 'zookeeper'), `${zookeeper}\n`);
  return {
    zookeeper,
    folder,
    jars,
    ports,
    pid: () => pid,
    stop: () => endProcess(folder, pid, 'SIGTERM'),
    kill9: () => endProcess(folder, pid, 'SIGKILL'),
    restart: async () => {
      pid = await launch();
    },
  };
}

/** The address of an HBase that is up and ready in a folder; null: there is none. */
export function addressIn(folder: string): string | null {
  const pid = readPid(folder);
  const address = path.join(folder, 'zookeeper');
  if (pid === null || !isOurs(pid, folder) || !existsSync(address)) return null;
  const ready = readFileSync(logFileOf(folder), 'latin1').includes(readyLine);
  return ready ? readFileSync(address, 'utf8').trim() : null;
}

/** Ends the HBase of a folder, if one is left there. True: there was one. */
export async function endOrphan(
  folder: string,
  signal: 'SIGTERM' | 'SIGKILL' = 'SIGKILL',
): Promise<boolean> {
  const pid = readPid(folder);
  if (pid === null || !isOurs(pid, folder)) return false;
  await endProcess(folder, pid, signal);
  return true;
}

async function launchJvm(folder: string, jars: string, heapMiB: number): Promise<number> {
  const logFile = logFileOf(folder);
  const log = openSync(logFile, 'w');
  const child = spawn(
    'java',
    [
      `-Xmx${heapMiB}m`,
      '-XX:+UseSerialGC',
      ...jvmFlags,
      folderFlag(folder),
      '-cp',
      `${path.join(folder, 'conf')}:${jars}/*`,
      'org.apache.hadoop.hbase.master.HMaster',
      'start',
    ],
    { cwd: folder, detached: true, stdio: ['ignore', log, log] },
  );
  closeSync(log);
  let ended = false;
  child.once('exit', () => (ended = true));
  child.once('error', () => (ended = true));
  child.unref();
  const pid = child.pid;
  if (pid === undefined) throw new Error('The JVM of HBase could not be started.');
  writeFileSync(pidFile(folder), `${pid}\n`);
  const deadline = Date.now() + startTimeoutMs;
  while (!readFileSync(logFile, 'latin1').includes(readyLine)) {
    if (ended) throw new Error(`HBase ended while it started; see ${logFile}.`);
    if (Date.now() > deadline) {
      await endProcess(folder, pid, 'SIGKILL');
      throw new Error(`HBase was not ready within ${startTimeoutMs / 1000} s; see ${logFile}.`);
    }
    await sleep(200);
  }
  return pid;
}

async function endProcess(
  folder: string,
  pid: number,
  signal: 'SIGTERM' | 'SIGKILL',
): Promise<void> {
  const deadline = Date.now() + stopTimeoutMs;
  if (isOurs(pid, folder)) process.kill(pid, signal);
  while (isOurs(pid, folder)) {
    // All is closed by then; what HBase still waits for, for a minute, are threads of its own.
    const closed = readFileSync(logFileOf(folder), 'latin1').includes('is still alive');
    if (closed || Date.now() > deadline) process.kill(pid, 'SIGKILL');
    await sleep(50);
  }
  rmSync(pidFile(folder), { force: true });
}

/** A pid may have gone to another process since; the flag in its command line tells. */
function isOurs(pid: number, folder: string): boolean {
  try {
    return readFileSync(`/proc/${pid}/cmdline`, 'utf8').split('\0').includes(folderFlag(folder));
  } catch (error) {
    // No `instanceof`: under jest the errors of Node's own modules are of another realm.
    if ((error as NodeJS.ErrnoException).code === undefined) throw error;
    return false;
  }
}

function folderFlag(folder: string): string {
  return `-Dadcounter.hbase.folder=${path.resolve(folder)}`;
}

function logFileOf(folder: string): string {
  return path.join(folder, 'logs', 'hbase.log');
}

function pidFile(folder: string): string {
  return path.join(folder, 'pid');
}

function readPid(folder: string): number | null {
  if (!existsSync(pidFile(folder))) return null;
  const pid = Number(readFileSync(pidFile(folder), 'latin1').trim());
  return Number.isSafeInteger(pid) && pid > 1 ? pid : null;
}

/** Those that were asked for, else those of the last time, else free ones. */
async function choosePorts(folder: string, asked: Partial<Ports>): Promise<Ports> {
  const file = path.join(folder, 'ports.json');
  const last = existsSync(file) ? (JSON.parse(readFileSync(file, 'utf8')) as Partial<Ports>) : {};
  const choose = async (name: keyof Ports): Promise<number> => {
    const wanted = asked[name];
    if (wanted !== undefined) return await freePort(wanted);
    const before = last[name];
    return before !== undefined && (await isFree(before)) ? before : await freePort(0);
  };
  const ports: Ports = {
    zookeeper: await choose('zookeeper'),
    master: await choose('master'),
    regionServer: await choose('regionServer'),
  };
  writeFileSync(file, `${JSON.stringify(ports)}\n`);
  return ports;
}

async function isFree(port: number): Promise<boolean> {
  return await freePort(port).then(
    () => true,
    () => false,
  );
}

async function freePort(port: number): Promise<number> {
  const server = net.createServer();
  return await new Promise((resolve, reject) => {
    server.once('error', reject);
    server.listen(port, '127.0.0.1', () => {
      const address = server.address();
      const found = address !== null && typeof address === 'object' ? address.port : port;
      server.close(() => resolve(found));
    });
  });
}
