// Compares the fake table with a real HBase over random sequences of writes, each on a row of its
// own, many at once: one step of each, a flush or a compaction of the whole table for all, and
// after every step every row is read and compared. A difference is shrunk to the steps it takes.
import type { Put } from '../../src/model/rows.ts';
import { seededRandom } from '../crash/random.ts';
import { RandomSequence, schedule } from './random-steps.ts';
import type { Step, TableStep } from './random-steps.ts';
import { RealTable } from './real-table.ts';
import { RowInFake } from './row-in-fake.ts';

export interface Comparison {
  readonly zookeeper: string;
  readonly seed: number;
  readonly sequences: number;
  /** How many go through one schedule of flushes and compactions. */
  readonly batch: number;
  readonly say: (line: string) => void;
}

export interface ComparisonReport {
  readonly sequences: number;
  readonly stepsMin: number;
  readonly operations: Readonly<Record<string, number>>;
  /** Rows read and compared. */
  readonly reads: number;
  /** Sequences whose puts go to one cell, each at the version of the one before or a lower one. */
  readonly fallingOnOneCell: number;
  /** Of all puts, those at a version that is not above that of the put of this cell before. */
  readonly fallingPuts: number;
  readonly puts: number;
  readonly differences: readonly Difference[];
}

export interface Difference {
  readonly what: string;
  readonly steps: readonly Step[];
}

const ttlMs = 3_600_000;
const shrunkMax = 3;

export async function compareStores(options: Comparison): Promise<ComparisonReport> {
  const { seed, sequences, batch, zookeeper, say } = options;
  const tally = new Tally();
  const found: Difference[] = [];
  const tables = [await RealTable.create(zookeeper), await RealTable.create(zookeeper, ttlMs)];
  try {
    for (let first = 0, k = 0; first < sequences; first += batch, k++) {
      const real = tables[k % 3 === 1 ? 1 : 0];
      if (real === undefined) throw new Error('there are two tables');
      const random = seededRandom(seed + k * 1_000_003);
      // Differs from run to run, and changes nothing but the text of versions.
      const startMs = Date.now();
      const drawn = Array.from(
        { length: Math.min(batch, sequences - first) },
        () => new RandomSequence(random, startMs),
      );
      const run = await lockStep(real, schedule(random), `${k}/`, drawn);
      for (const row of run.rows) tally.add(row.steps);
      tally.reads += run.reads;
      for (const difference of run.differences) {
        const small = found.length < shrunkMax ? await shrunk(real, difference) : difference;
        found.push(small);
      }
      if (real.retries > 0) throw new Error('a call was sent again: nothing is proven, run again');
      say(`${first + drawn.length} sequences, ${found.length} differences`);
    }
  } finally {
    for (const table of tables) table.close();
  }
  return tally.report(found);
}

/** Gives the next step of a row, which shows this; none: the row is left as it is. */
interface Source {
  next(shown: readonly Put[]): Step | undefined;
}

interface Run {
  readonly rows: readonly RowInFake[];
  readonly reads: number;
  readonly differences: readonly Difference[];
}

/** A row that differs is left alone from then on. */
export async function lockStep(
  real: RealTable,
  steps: readonly (TableStep | null)[],
  prefix: string,
  sources: readonly Source[],
): Promise<Run> {
  const rows = sources.map((_, i) => new RowInFake(Buffer.from(`${prefix}${i}`), real.ttlMs));
  const differences: Difference[] = [];
  const differing = new Set<RowInFake>();
  let reads = 0;
  let shown: Awaited<ReturnType<RealTable['read']>> = new Map();
  const note = (row: RowInFake, what: string | null): void => {
    if (what === null || differing.has(row)) return;
    differing.add(row);
    differences.push({ what, steps: row.steps });
  };
  for (const tableStep of steps) {
    if (tableStep === null) {
      const own = new Map<Buffer, Step>();
      for (const [i, row] of rows.entries()) {
        const step = sources[i]?.next(shown.get(row.row.toString()) ?? []);
        if (step !== undefined && !differing.has(row)) own.set(row.row, step);
      }
      const done = await real.act(own);
      for (const row of rows) {
        const step = own.get(row.row);
        if (step !== undefined) note(row, row.act(step, done.get(row.row)));
      }
    } else {
      await real.actOnAll(tableStep);
      for (const row of rows) if (!differing.has(row)) row.act(tableStep, undefined);
    }
    shown = await real.read(prefix);
    for (const row of rows) {
      if (differing.has(row)) continue;
      reads++;
      note(row, row.compare(shown.get(row.row.toString()) ?? []));
    }
  }
  return { rows, reads, differences };
}

let replays = 0;

/** The same steps on a row of its own; null: no difference. */
async function replay(real: RealTable, steps: readonly Step[]): Promise<Difference | null> {
  const own = steps.filter((step) => !isOfTable(step));
  const source = { next: () => own.shift() };
  const turns = steps.map((step) => (isOfTable(step) ? step : null));
  const { differences } = await lockStep(real, turns, `replay${replays++}/`, [source]);
  return differences[0] ?? null;
}

/** Without one step after the other that it does not take. */
async function shrunk(real: RealTable, found: Difference): Promise<Difference> {
  let least = found;
  for (let i = found.steps.length - 1; i >= 0; i--) {
    const without = least.steps.toSpliced(i, 1);
    least = (await replay(real, without)) ?? least;
    i = Math.min(i, least.steps.length);
  }
  return least;
}

function isOfTable(step: Step): step is TableStep {
  return step.kind === 'flush' || step.kind === 'majorCompact';
}

/** Counts what the sequences did, from their steps alone. */
class Tally {
  reads = 0;
  readonly #operations: Record<string, number> = {};
  #sequences = 0;
  #stepsMin = Number.POSITIVE_INFINITY;
  #fallingOnOneCell = 0;
  #fallingPuts = 0;
  #puts = 0;

  add(steps: readonly Step[]): void {
    this.#sequences++;
    this.#stepsMin = Math.min(this.#stepsMin, steps.length);
    const last = new Map<string, number>();
    let rose = false;
    for (const step of steps) {
      const name = step.kind === 'delete' ? `delete ${step.one.kind}` : step.kind;
      this.#operations[name] = (this.#operations[name] ?? 0) + 1;
      if (step.kind !== 'put' && step.kind !== 'mutateRow') continue;
      for (const { qualifier, version } of step.puts) {
        const before = last.get(qualifier.toString());
        this.#puts++;
        if (before !== undefined && version <= before) this.#fallingPuts++;
        else if (before !== undefined) rose = true;
        last.set(qualifier.toString(), version);
      }
    }
    if (!rose && last.size === 1) this.#fallingOnOneCell++;
  }

  report(differences: readonly Difference[]): ComparisonReport {
    return {
      sequences: this.#sequences,
      stepsMin: this.#stepsMin,
      operations: this.#operations,
      reads: this.reads,
      fallingOnOneCell: this.#fallingOnOneCell,
      fallingPuts: this.#fallingPuts,
      puts: this.#puts,
      differences,
    };
  }
}
