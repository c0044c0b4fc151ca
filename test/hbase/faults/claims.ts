// Chains of check-and-put beside the puts: each value says which one it follows. A claim whose
// outcome is unknown is made again, as it was; after a no the cell says whether it was done before.
import type { HBaseClient, Place } from '../../../src/hbase/hbase-client.ts';
import { read } from '../cells.ts';
import { hex } from './ledger.ts';
import { noViolations } from './scan-check.ts';
import type { Watch } from './watch.ts';
import { codeOf, count } from './watch.ts';

interface Chain {
  readonly row: Buffer;
  /** What stands there for certain, and what was claimed since and may stand there. */
  value: Buffer | null;
  pending: Buffer | null;
  n: number;
}

const chains = 8;
const claimTimeoutMs = 10_000;
const qualifier = Buffer.from([1]);

export class Claims {
  readonly violations = noViolations();
  /** Claims that were done, and those of them that only the cell told about. */
  done = 0;
  doneBefore = 0;
  readonly #client: HBaseClient;
  readonly #place: Place;
  readonly #watch: Watch;
  readonly #chains: readonly Chain[];
  #next = 0;

  constructor(options: {
    readonly client: HBaseClient;
    readonly place: Place;
    readonly watch: Watch;
  }) {
    this.#client = options.client;
    this.#place = options.place;
    this.#watch = options.watch;
    this.#chains = Array.from({ length: chains }, (_, i) => {
      const row = Buffer.from([Math.floor((i * 256) / chains), i]);
      return { row, value: null, pending: null, n: 0 };
    });
  }

  /** One claim of the chain whose turn it is. */
  async step(): Promise<void> {
    const chain = this.#chains[this.#next++ % chains];
    if (chain === undefined) return;
    chain.pending ??= Buffer.from(`${chain.row.toString('hex')} ${++chain.n}`);
    const { row, value: expected, pending: value } = chain;
    try {
      const check = { row, qualifier, expected, value };
      const timeoutMs = claimTimeoutMs;
      if (!(await this.#client.checkAndPut(this.#place, check, { timeoutMs }))) {
        const stop = Buffer.concat([row, Buffer.from([0])]);
        const { cells } = await read(this.#client, this.#place, { start: row, stop });
        if (cells[0]?.value.equals(value) !== true) {
          this.violations.lost++;
          const there = hex(cells[0]?.value ?? Buffer.alloc(0));
          const told = `${hex(row)}: no, yet ${hex(value)} is not there, but ${there}`;
          this.violations.examples.push(told);
        } else this.doneBefore++;
      }
      chain.value = value;
      chain.pending = null;
      this.done++;
    } catch (error) {
      count(this.#watch.brokenCalls, `Mutate ${codeOf(error)}`);
    }
  }

  /** For the Java program: the store stamps these cells, so any version will do. */
  *lines(): Generator<string> {
    for (const { row, value, pending } of this.#chains) {
      const states = [value, pending].filter((state) => state !== null);
      if (states.length === 0) continue;
      const must = value === null ? '?' : '!';
      const line = states.map((state) => `* ${hex(state)}`).join(' ');
      yield `${hex(row)} ${hex(qualifier)} ${must} ${line}`;
    }
  }
}
