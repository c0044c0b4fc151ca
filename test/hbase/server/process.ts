// Owns one server of a test HBase as a process: its JVM, its log, its pid file. Ready when launch()
// returns; a start that fails says which process and why, and leaves nothing of it running.
// Never signals a process that is not provably of its own folder.
import { spawn } from 'node:child_process';
import {
  closeSync,
  existsSync,
  mkdirSync,
  openSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  writeFileSync,
} from 'node:fs';
import path from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { jvmFlags } from './conf.ts';
import { isFree } from './ports.ts';
import { reasonIn } from './reason.ts';

export interface Program {
  readonly folder: string;
  /** Of its log and its pid file, and how it is called in commands and failures. */
  readonly name: string;
  readonly jars: string;
  readonly mainClass: string;
  readonly flags?: readonly string[];
  readonly args: readonly string[];
  readonly heapMiB: number;
  /** Where it will listen: if somebody else does, its own log would tell it later and worse. */
  readonly port: number;
  readonly isReady: (log: string) => boolean | Promise<boolean>;
}

const startTimeoutMs = 120_000;
const stopTimeoutMs = 20_000;
const portTimeoutMs = 3_000;
/** Said when all is closed; what HBase still waits for, for a minute, are threads of its own. */
const closedLine = 'is still alive';

export type ProcessState = 'running' | 'paused' | 'ended';
export type EndSignal = 'SIGTERM' | 'SIGKILL';

/** Ready when it returns; the pid. */
export async function launch(program: Program): Promise<number> {
  const { folder, name, port } = program;
  const logFile = logFileOf(folder, name);
  if (!(await isFreeSoon(port))) {
    throw new Error(`${name} cannot start: port ${port} on 127.0.0.1 is in use.`);
  }
  mkdirSync(path.dirname(logFile), { recursive: true });
  mkdirSync(pidFolder(folder), { recursive: true });
  if (existsSync(logFile)) renameSync(logFile, path.join(folder, 'logs', `${name}.before.log`));
  const child = spawnJvm(program, logFile);
  let ended = false;
  child.once('exit', () => (ended = true));
  child.once('error', () => (ended = true));
  child.unref();
  const pid = child.pid;
  if (pid === undefined) throw new Error(`${name} could not be started: no java on the PATH.`);
  writeFileSync(pidFile(folder, name), `${pid}\n`);
  const deadline = Date.now() + startTimeoutMs;
  for (;;) {
    const log = readFileSync(logFile, 'utf8');
    if (ended) {
      rmSync(pidFile(folder, name), { force: true });
      throw new Error(`${name} ended while it started: ${reasonIn(log)} (${logFile})`);
    }
    if (await program.isReady(log)) return pid;
    if (Date.now() > deadline) {
      await endProcess(folder, name, 'SIGKILL');
      const within = `${startTimeoutMs / 1000} s`;
      throw new Error(`${name} was not ready within ${within}: ${reasonIn(log)} (${logFile})`);
    }
    await sleep(200);
  }
}

/** The folder's processes that are there, by name. */
export function processesIn(folder: string): ReadonlyMap<string, number> {
  if (!existsSync(pidFolder(folder))) return new Map();
  const names = readdirSync(pidFolder(folder));
  return new Map(
    names.flatMap((name) => {
      const pid = pidOf(folder, name);
      return pid === null ? [] : [[name, pid] as const];
    }),
  );
}

/** Null: it is not there. A pid may have gone to another process since; the command line tells. */
export function pidOf(folder: string, name: string): number | null {
  const file = pidFile(folder, name);
  if (!existsSync(file)) return null;
  const pid = Number(readFileSync(file, 'latin1').trim());
  return Number.isSafeInteger(pid) && pid > 1 && isOurs(pid, folder) ? pid : null;
}

export function stateOf(folder: string, name: string): ProcessState {
  const pid = pidOf(folder, name);
  if (pid === null) return 'ended';
  const stat = procFile(pid, 'stat') ?? '';
  return stat.slice(stat.lastIndexOf(')') + 2).startsWith('T') ? 'paused' : 'running';
}

/** False: it is not there. */
export function signalProcess(
  folder: string,
  name: string,
  signal: 'SIGSTOP' | 'SIGCONT',
): boolean {
  const pid = pidOf(folder, name);
  if (pid === null) return false;
  process.kill(pid, signal);
  return true;
}

/** Gone when it returns, paused or not. False: it was not there. */
export async function endProcess(
  folder: string,
  name: string,
  signal: EndSignal,
  timeoutMs = stopTimeoutMs,
): Promise<boolean> {
  const pid = pidOf(folder, name);
  if (pid !== null) {
    process.kill(pid, signal);
    // What is paused would hear of it only when it is resumed.
    if (signal === 'SIGTERM') process.kill(pid, 'SIGCONT');
    const deadline = Date.now() + timeoutMs;
    while (isOurs(pid, folder)) {
      const closed = readLog(folder, name).includes(closedLine);
      if (closed || Date.now() > deadline) killIfThere(pid);
      await sleep(50);
    }
  }
  rmSync(pidFile(folder, name), { force: true });
  return pid !== null;
}

export function readLog(folder: string, name: string): string {
  const file = logFileOf(folder, name);
  return existsSync(file) ? readFileSync(file, 'latin1') : '';
}

/** What has just ended lets go of its port a moment after it has lost its name. */
async function isFreeSoon(port: number): Promise<boolean> {
  const deadline = Date.now() + portTimeoutMs;
  while (!(await isFree(port))) {
    if (Date.now() > deadline) return false;
    await sleep(100);
  }
  return true;
}

function spawnJvm(program: Program, logFile: string): ReturnType<typeof spawn> {
  const { folder, jars } = program;
  const log = openSync(logFile, 'w');
  const child = spawn(
    'java',
    [
      `-Xmx${program.heapMiB}m`,
      '-XX:+UseSerialGC',
      ...jvmFlags,
      ...(program.flags ?? []),
      folderFlag(folder),
      '-cp',
      `${path.join(folder, 'conf')}:${jars}/*`,
      program.mainClass,
      ...program.args,
    ],
    { cwd: folder, detached: true, stdio: ['ignore', log, log] },
  );
  closeSync(log);
  return child;
}

function isOurs(pid: number, folder: string): boolean {
  return procFile(pid, 'cmdline')?.split('\0').includes(folderFlag(folder)) === true;
}

function killIfThere(pid: number): void {
  try {
    process.kill(pid, 'SIGKILL');
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'ESRCH') throw error;
  }
}

/** Null: there is no such process. */
function procFile(pid: number, name: string): string | null {
  try {
    return readFileSync(`/proc/${pid}/${name}`, 'utf8');
  } catch (error) {
    // No `instanceof`: under jest the errors of Node's own modules are of another realm.
    if ((error as NodeJS.ErrnoException).code === undefined) throw error;
    return null;
  }
}

function folderFlag(folder: string): string {
  return `-Dadcounter.hbase.folder=${path.resolve(folder)}`;
}

function logFileOf(folder: string, name: string): string {
  return path.join(folder, 'logs', `${name}.log`);
}

function pidFolder(folder: string): string {
  return path.join(folder, 'pids');
}

function pidFile(folder: string, name: string): string {
  return path.join(pidFolder(folder), name);
}
