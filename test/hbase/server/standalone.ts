// Owns one standalone HBase (master, region server and ZooKeeper in one JVM) in one folder.
// Ready when startHBase returns; listens on loopback only; ends an orphan of the same folder.
import { existsSync, mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import { hbaseVersion, standalonePorts, writeConf } from './conf.ts';
import type { SiteSettings, StandalonePorts } from './conf.ts';
import { ensureJars } from './jars.ts';
import { choosePorts } from './ports.ts';
import { endProcess, launch, pidOf, processesIn, readLog, signalProcess } from './process.ts';
import type { EndSignal } from './process.ts';

const processName = 'hbase';
const readyLine = 'Master has completed initialization';

/** The git-ignored folder of everything that HBase leaves on disk. */
export const hbaseRoot = fileURLToPath(new URL('../../../.hbase', import.meta.url));

export interface HBaseOptions {
  readonly folder: string;
  /** Without the data that an earlier run left in the folder. */
  readonly fresh?: boolean;
  readonly ports?: Partial<StandalonePorts>;
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
  readonly ports: StandalonePorts;
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
  await prepareFolder(folder, options.fresh === true);
  const ports = await choosePorts(folder, standalonePorts, options.ports ?? {});
  const more = options.site ?? {};
  writeConf({ folder, ports, regionServers: options.regionServers ?? 1, more });
  const start = (): Promise<number> =>
    launch({
      folder,
      name: processName,
      jars,
      mainClass: 'org.apache.hadoop.hbase.master.HMaster',
      args: ['start'],
      heapMiB: options.heapMiB ?? 1024,
      port: ports.master,
      isReady: (log) => log.includes(readyLine),
    });
  let pid = await start();
  const zookeeper = `127.0.0.1:${ports.zookeeper}`;
  writeFileSync(path.join(folder, 'zookeeper'), `${zookeeper}\n`);
  const end = async (signal: EndSignal): Promise<void> => {
    await endProcess(folder, processName, signal);
  };
  return {
    zookeeper,
    folder,
    jars,
    ports,
    pid: () => pid,
    stop: () => end('SIGTERM'),
    kill9: () => end('SIGKILL'),
    restart: async () => {
      pid = await start();
    },
  };
}

/** Nothing runs in the folder when it returns, and its data, if any, are of this version. */
export async function prepareFolder(folder: string, fresh: boolean): Promise<void> {
  await endOrphan(folder);
  if (fresh) rmSync(folder, { recursive: true, force: true });
  mkdirSync(folder, { recursive: true });
  const file = path.join(folder, 'version');
  const version = existsSync(file) ? readFileSync(file, 'utf8').trim() : hbaseVersion();
  if (version !== hbaseVersion()) {
    throw new Error(
      `The data in ${folder} are of HBase ${version}, not ${hbaseVersion()}: ` +
        'start it with that version, or fresh (--fresh forgets the data).',
    );
  }
  writeFileSync(file, `${version}\n`);
}

/** The address of an HBase that is up and ready in a folder; null: there is none. */
export function addressIn(folder: string): string | null {
  const address = path.join(folder, 'zookeeper');
  if (pidOf(folder, processName) === null || !existsSync(address)) return null;
  const ready = readLog(folder, processName).includes(readyLine);
  return ready ? readFileSync(address, 'utf8').trim() : null;
}

/** Ends whatever runs in a folder, of either form. True: there was something. */
export async function endOrphan(folder: string, signal: EndSignal = 'SIGKILL'): Promise<boolean> {
  const there = [...processesIn(folder).keys()];
  // One that is paused would let those wait that end before it.
  if (signal === 'SIGTERM') there.forEach((name) => signalProcess(folder, name, 'SIGCONT'));
  for (const turn of [0, 1, 2]) {
    const names = there.filter((name) => turnOf(name) === turn);
    await Promise.all(names.map((name) => endProcess(folder, name, signal)));
  }
  return there.length > 0;
}

/** What others need ends after them: region servers, master, then what they stand on. */
function turnOf(name: string): number {
  if (name.startsWith('rs')) return 0;
  return name === 'master' ? 1 : 2;
}
