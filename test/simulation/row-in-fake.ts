// One row of the comparison in the fake: everything that was done to it, and what it shows.
// The stamps of check-and-put are the server's own. What it was is known only once the cell is
// read, so until then the latest possible is taken, and then the row is played again.
import type { Put } from '../../src/model/rows.ts';
import { FakeHBaseTable } from './fake-hbase-table.ts';
import type { Step } from './random-steps.ts';
import type { Done } from './real-table.ts';

interface Acted {
  readonly step: Step;
  /** Of a check-and-put. */
  readonly done: Done | undefined;
  stampMs: number;
}

export class RowInFake {
  readonly row: Buffer;
  readonly #ttlMs: number | undefined;
  readonly #acted: Acted[] = [];
  #table: FakeHBaseTable;
  #nowMs = 0;

  constructor(row: Buffer, ttlMs: number | undefined) {
    this.row = row;
    this.#ttlMs = ttlMs;
    this.#table = this.#fresh();
  }

  get steps(): readonly Step[] {
    return this.#acted.map(({ step }) => step);
  }

  /** Null, or what a check-and-put answered otherwise. */
  act(step: Step, done: Done | undefined): string | null {
    const acted = { step, done, stampMs: done?.toMs ?? Date.now() };
    this.#acted.push(acted);
    const processed = this.#play(acted);
    if (processed === done?.processed) return null;
    return `HBase answered ${String(done?.processed)}, the fake ${String(processed)}`;
  }

  /** Null, or the difference between what HBase shows of the row and what the fake shows. */
  compare(real: readonly Put[]): string | null {
    if (textOf(real) === textOf(this.#table.get(this.row))) return null;
    if (this.#learn(real)) this.#playAgain();
    const [shown, expected] = [textOf(real), textOf(this.#table.get(this.row))];
    return shown === expected ? null : `HBase shows ${shown}, the fake ${expected}`;
  }

  #fresh(): FakeHBaseTable {
    const ttl = this.#ttlMs === undefined ? {} : { ttlMs: this.#ttlMs };
    return new FakeHBaseTable({ nowMs: () => this.#nowMs, ...ttl });
  }

  #learn(real: readonly Put[]): boolean {
    let learned = false;
    for (const { value, version } of real) {
      const acted = this.#acted.find(
        ({ step }) => step.kind === 'checkAndPut' && step.value.equals(value),
      );
      if (acted?.done === undefined) continue;
      if (version < acted.done.fromMs || version > acted.done.toMs) continue;
      acted.stampMs = version;
      learned = true;
    }
    return learned;
  }

  #playAgain(): void {
    this.#table = this.#fresh();
    for (const acted of this.#acted) this.#play(acted);
  }

  #play({ step, stampMs }: Acted): boolean | undefined {
    this.#nowMs = stampMs;
    const { row } = this;
    switch (step.kind) {
      case 'put':
        this.#table.put(step.puts.map((one) => ({ row, ...one })));
        break;
      case 'delete':
        this.#table.delete(row, [step.one]);
        break;
      case 'mutateRow':
        this.#table.mutateRow({ row, ...step });
        break;
      case 'checkAndPut':
        return this.#table.checkAndPut({ row, ...step });
      case 'flush':
        this.#table.flush();
        break;
      case 'majorCompact':
        this.#table.majorCompact();
        break;
      default:
        step satisfies never;
    }
    return undefined;
  }
}

function textOf(cells: readonly Put[]): string {
  const all = cells.map(
    ({ qualifier, version, value }) => `${qualifier.toString()}@${version}="${value.toString()}"`,
  );
  return all.length === 0 ? 'nothing' : all.join(' ');
}
