// The built service as a process that can be killed, its log read line by line.
import { spawn } from 'node:child_process';
import type { ChildProcess } from 'node:child_process';
import { createServer } from 'node:net';
import { once } from 'node:events';
import path from 'node:path';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';

export const mainFile = fileURLToPath(new URL('../../dist/src/main.js', import.meta.url));

export interface ServiceProcessOptions {
  readonly dataDir: string;
  readonly port: number;
  /** `ADCOUNTER_…` beyond folder and port. */
  readonly env: Readonly<Record<string, string>>;
  /** What node runs; the built service, if not said otherwise. */
  readonly program?: readonly string[];
}

export class ServiceProcess {
  readonly address: string;
  readonly #child: ChildProcess;
  readonly #seen = new Set<string>();
  readonly #counts = new Map<string, number>();
  readonly #waiting: { event: string; resolve: () => void }[] = [];
  readonly #lines: string[] = [];
  readonly ended: Promise<unknown>;

  constructor({ dataDir, port, env, program = [mainFile] }: ServiceProcessOptions) {
    this.address = `http://127.0.0.1:${port}`;
    this.#child = spawn(process.execPath, program, {
      cwd: path.dirname(dataDir),
      env: {
        PATH: process.env['PATH'],
        ADCOUNTER_DATA_DIR: dataDir,
        ADCOUNTER_HTTP_PORT: String(port),
        ...env,
      },
      stdio: ['ignore', 'pipe', 'pipe'],
    });
    this.ended = once(this.#child, 'exit');
    for (const stream of [this.#child.stdout, this.#child.stderr]) {
      if (stream !== null) createInterface(stream).on('line', (line) => this.#read(line));
    }
  }

  get pid(): number {
    return this.#child.pid ?? 0;
  }

  /** How often it logged the event. */
  countOf(event: string): number {
    return this.#counts.get(event) ?? 0;
  }

  /** Resolves once it has logged the event, at once if it did before. */
  async logged(event: string, timeoutMs: number): Promise<void> {
    if (this.#seen.has(event)) return;
    const line = new Promise<void>((resolve) => this.#waiting.push({ event, resolve }));
    const late = new Promise<never>((_, reject) => {
      const detail = (): Error => new Error(`no ${event} in time:\n${this.tail()}`);
      setTimeout(() => reject(detail()), timeoutMs).unref();
    });
    await Promise.race([line, late]);
  }

  async kill9(): Promise<void> {
    this.#child.kill('SIGKILL');
    await this.ended;
  }

  /** Asks it to stop, and does not wait. */
  terminate(): void {
    this.#child.kill('SIGTERM');
  }

  async stop(): Promise<number | null> {
    this.terminate();
    await this.ended;
    return this.#child.exitCode;
  }

  tail(): string {
    return this.#lines.slice(-30).join('\n');
  }

  #read(line: string): void {
    this.#lines.push(line);
    if (this.#lines.length > 1000) this.#lines.splice(0, 500);
    const event = /"event":"([\w.]+)"/.exec(line)?.[1];
    if (event === undefined) return;
    this.#seen.add(event);
    this.#counts.set(event, this.countOf(event) + 1);
    for (const waiter of this.#waiting) if (waiter.event === event) waiter.resolve();
  }
}

/** A port that was free a moment ago. */
export async function freePort(): Promise<number> {
  const server = createServer().listen(0, '127.0.0.1');
  await once(server, 'listening');
  const address = server.address();
  const port = typeof address === 'object' && address !== null ? address.port : 0;
  server.close();
  await once(server, 'close');
  return port;
}

export function isAlive(pid: number): boolean {
  try {
    return process.kill(pid, 0);
  } catch {
    return false;
  }
}
