// One instance of the service under chaos: its processes, its data folder, its port. Can be killed
// whole or worker by worker, and started again on the same or another folder; its clock can be
// shifted. What it ever was is added up: a restart begins no new book.
import { existsSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { isAlive, ServiceProcess } from '../crash/service-process.ts';
import { until } from '../support/until.ts';
import { newTarget } from './target.ts';
import type { Target } from './target.ts';

export interface InstanceOptions {
  readonly name: string;
  readonly port: number;
  readonly dataDir: string;
  readonly workers: number;
  readonly env: Readonly<Record<string, string>>;
  /** What is run; the built service, if not said otherwise. */
  readonly program?: readonly string[];
  /** A file that holds by how many ms its clock is off. */
  readonly clockFile?: string;
}

export interface StatusDocument {
  readonly writer?: string | null;
  /** Null: the store does not know the writer yet. */
  readonly registered?: string | null;
  readonly unflushed?: { readonly counts: number };
  readonly clockSkewSeconds?: number;
}

const startTimeoutMs = 120_000;

export class Instance {
  readonly name: string;
  readonly target: Target;
  readonly dataDir: string;
  readonly #options: InstanceOptions;
  #service: ServiceProcess | undefined;

  constructor(options: InstanceOptions) {
    this.#options = options;
    this.name = options.name;
    this.dataDir = options.dataDir;
    this.target = newTarget(options.name, options.port);
  }

  get workers(): number {
    return this.#options.workers;
  }

  get service(): ServiceProcess {
    if (this.#service === undefined) throw new Error(`${this.name} was never started`);
    return this.#service;
  }

  async start(): Promise<void> {
    const { dataDir, port, env, workers, program, clockFile } = this.#options;
    if (clockFile !== undefined && !existsSync(clockFile)) writeFileSync(clockFile, '0');
    const own = workers > 1 ? { ADCOUNTER_WORKERS: String(workers) } : {};
    const clock = clockFile === undefined ? {} : shiftedBy(clockFile);
    const all = { ...env, ...own, ...clock };
    this.#service = new ServiceProcess({ dataDir, port, env: all, ...(program && { program }) });
    await this.service.logged(workers > 1 ? 'workers.start' : 'service.start', startTimeoutMs);
  }

  /** The process and its workers. */
  pids(): number[] {
    const { pid } = this.service;
    return isAlive(pid) ? [pid, ...childrenOf(pid)] : [];
  }

  killAtOnce(): readonly number[] {
    const pids = this.#service === undefined ? [] : this.pids();
    for (const pid of pids) kill(pid);
    return pids;
  }

  /** All of it at once, as a machine that fails. */
  async kill9(): Promise<void> {
    const pids = this.killAtOnce();
    await this.service.ended;
    await until(() => !pids.some(isAlive), 10_000);
  }

  /** The pid of a worker that was killed; undefined: there was none. */
  async killWorker(at: number): Promise<number | undefined> {
    const workers = childrenOf(this.service.pid);
    const pid = workers[Math.floor(at * workers.length)];
    if (pid === undefined) return undefined;
    kill(pid);
    await until(() => !isAlive(pid), 10_000);
    return pid;
  }

  async stop(): Promise<number | null> {
    return await this.service.stop();
  }

  /** Whatever of it is left is ended. */
  async end(): Promise<void> {
    if (this.#service !== undefined) await this.kill9();
    if (this.#options.clockFile !== undefined) rmSync(this.#options.clockFile, { force: true });
  }

  shiftClock(ms: number): void {
    const { clockFile } = this.#options;
    if (clockFile === undefined) throw new Error(`${this.name} has the clock of the machine`);
    writeFileSync(clockFile, String(ms));
  }

  async status(): Promise<StatusDocument> {
    return (await (await this.ask('/v1/status')).json()) as StatusDocument;
  }

  async unaccounted(): Promise<number> {
    const text = await (await this.ask('/metrics')).text();
    return Number(/^adcounter_unaccounted_counts (\S+)$/m.exec(text)?.[1] ?? Number.NaN);
  }

  async ask(place: string, method = 'GET'): Promise<Response> {
    const signal = AbortSignal.timeout(60_000);
    return await fetch(this.target.address + place, { method, signal });
  }

  rssMiB(): number[] {
    return this.pids().map(rssOf);
  }
}

function shiftedBy(file: string): Record<string, string> {
  const preload = new URL('shifted-clock.js', import.meta.url).href;
  return { NODE_OPTIONS: `--import=${preload}`, CHAOS_CLOCK_FILE: file };
}

function childrenOf(pid: number): number[] {
  try {
    const text = readFileSync(`/proc/${pid}/task/${pid}/children`, 'utf8').trim();
    return text === '' ? [] : text.split(' ').map(Number);
  } catch {
    // It has ended in between.
    return [];
  }
}

function kill(pid: number): void {
  try {
    process.kill(pid, 'SIGKILL');
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'ESRCH') throw error;
  }
}

function rssOf(pid: number): number {
  try {
    const kib = /^VmRSS:\s+(\d+) kB$/m.exec(readFileSync(`/proc/${pid}/status`, 'utf8'))?.[1];
    return Math.round(Number(kib ?? 0) / 1024);
  } catch {
    // It has ended in between.
    return 0;
  }
}
