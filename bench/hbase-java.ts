// The JVM with HBase's own client beside the bench: started once, asked by lines, ended by the end
// of its stdin. Promises one answer for each question, or a failure that names its log.
import { spawn } from 'node:child_process';
import { createWriteStream } from 'node:fs';
import { once } from 'node:events';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import { jvmFlags } from '../test/hbase/server/conf.ts';
import type { Figures } from './hbase-figures.ts';

const source = fileURLToPath(new URL('java/Mutator.java', import.meta.url));

export class JavaClient {
  readonly #child;
  readonly #answers: AsyncIterator<string>;
  readonly #logFile: string;

  constructor(options: {
    readonly jars: string;
    readonly zookeeper: string;
    readonly table: string;
    readonly cellFile: string;
    readonly logFile: string;
  }) {
    const { jars, zookeeper, table, cellFile, logFile } = options;
    this.#logFile = logFile;
    this.#child = spawn(
      'java',
      ['-Xmx1g', ...jvmFlags, '-cp', `${jars}/*`, source, zookeeper, table, cellFile],
      { stdio: 'pipe' },
    );
    this.#child.stderr.pipe(createWriteStream(logFile));
    this.#answers = createInterface({ input: this.#child.stdout })[Symbol.asyncIterator]();
  }

  async warm(seconds: number, version: number): Promise<string> {
    return await this.#ask(`warm ${seconds} ${version}`);
  }

  async put(mib: number, version: number, count: number): Promise<Figures> {
    const [seconds, cpuSeconds] = (await this.#ask(`round ${mib} ${version}`)).split(' ');
    return { seconds: Number(seconds), cpuSeconds: Number(cpuSeconds), count };
  }

  /** What is in memory goes to disk, so that no player inherits the load of another. */
  async flush(tables: readonly string[]): Promise<void> {
    await this.#ask(`flush ${tables.join(' ')}`);
  }

  async digest(table: string): Promise<string> {
    return await this.#ask(`digest ${table}`);
  }

  async close(): Promise<void> {
    const { exitCode, signalCode } = this.#child;
    if (exitCode !== null || signalCode !== null) return;
    const ended = once(this.#child, 'exit');
    this.#child.stdin.end();
    const killer = setTimeout(() => this.#child.kill('SIGKILL'), 10_000);
    await ended;
    clearTimeout(killer);
  }

  async #ask(question: string): Promise<string> {
    this.#child.stdin.write(`${question}\n`);
    for (;;) {
      const { value, done } = await this.#answers.next();
      if (done === true) throw new Error(`Java ended at "${question}"; see ${this.#logFile}`);
      // Libraries of HBase may print lines of their own.
      if (value.startsWith('> ')) return value.slice(2);
    }
  }
}
