// Compares two stores after a copy: all of the source, entry by entry, summed per ad. Promises to
// read each store once and to hold a chunk of the source at a time; a chunk is read in the order
// of ads, and of the other store only what lies between its first and its last row.
// Of the other store only what the source's writers counted: it may have writers of its own.
import { copyChunkCells, copyScanMs, copyScansConcurrentMax, scansWaitingMax } from '../limits.ts';
import { countOf, sumOf } from '../model/cell.ts';
import type { MeasureCounts } from '../model/cell.ts';
import type { CellCursor } from '../model/rows.ts';
import { processWriterOf } from '../model/writer-id.ts';
import type { WriterId } from '../model/writer-id.ts';
import { RowEntries } from '../store/cell-codec.ts';
import type { CellEntry } from '../store/cell-codec.ts';
import { Deadline } from '../store/deadline.ts';
import { Gate } from '../store/gate.ts';
import type { RowStore } from '../store/row-store.ts';
import type { StoredRow } from './ordered-rows.ts';
import { entriesOf, nowhere } from './row-cells.ts';
import { adOf, partsOf, rowOf } from './table-keys.ts';
import { AdTotals } from './ad-totals.ts';
import type { AdsCompared } from './ad-totals.ts';

export interface ComparisonOptions {
  /** The rows of `counts` that were copied, in the order of ads. */
  readonly source: AsyncIterable<StoredRow>;
  readonly target: { readonly rows: RowStore; readonly salts: number };
  /** Even ids. */
  readonly writers: ReadonlySet<WriterId>;
  readonly onCells: (cells: number) => void;
}

/** `target` is what the source's writers counted there. */
export interface Comparison extends AdsCompared {
  /** Entries that the target lacks, or of which it holds an earlier state. */
  readonly missing: number;
  /** Entries of which it holds a later state: a later copy has been there. */
  readonly ahead: number;
}

export async function compare(options: ComparisonOptions): Promise<Comparison> {
  const totals = new AdTotals();
  const found = { missing: 0, ahead: 0 };
  let chunk: Expected[] = [];
  let cells = 0;
  const settle = async (): Promise<void> => {
    await readTarget(chunk, options.target);
    for (const row of chunk) match(row, options.writers, totals, found);
    options.onCells(cells);
    chunk = [];
    cells = 0;
  };
  for await (const { key, cells: stored } of options.source) {
    chunk.push(expectedOf({ key, cells: stored }, options.target.salts));
    cells += stored.length;
    if (cells >= copyChunkCells) await settle();
  }
  await settle();
  return { ...totals.end(), ...found };
}

/** A row of the source, and what the target has in its place. */
interface Expected {
  readonly ad: string;
  readonly row: Buffer;
  readonly source: readonly CellEntry[];
  readonly target: RowEntries;
}

function expectedOf({ key, cells }: StoredRow, salts: number): Expected {
  const parts = partsOf('counts', key);
  const { day } = parts;
  const target = new RowEntries({ site: nowhere, day });
  return { ad: adOf(key), row: rowOf(key, parts, salts), source: entriesOf(cells, day), target };
}

/** One scan for each salt that the chunk touches. */
async function readTarget(
  chunk: readonly Expected[],
  { rows }: ComparisonOptions['target'],
): Promise<void> {
  const bySalt = new Map<number, Expected[]>();
  for (const expected of chunk) {
    const salt = expected.row[0] ?? 0;
    const some = bySalt.get(salt);
    if (some === undefined) bySalt.set(salt, [expected]);
    else some.push(expected);
  }
  const gate = new Gate({ concurrent: copyScansConcurrentMax, waitingMax: scansWaitingMax });
  const deadline = new Deadline({ timeoutMs: copyScanMs });
  const scans = [...bySalt.values()].map((some) =>
    gate.run(() => readRows(some, rows, deadline), deadline),
  );
  const outcomes = await Promise.allSettled(scans);
  for (const outcome of outcomes) if (outcome.status === 'rejected') throw outcome.reason;
}

/** Both are in order, so one step leads from each row to the next. */
async function readRows(
  some: readonly Expected[],
  rows: RowStore,
  deadline: Deadline,
): Promise<void> {
  const [first, last] = [some[0], some.at(-1)];
  if (first === undefined || last === undefined) return;
  let at = 0;
  const visit = (cell: CellCursor): void => {
    for (; at < some.length; at++) {
      const order = some[at]?.row.compare(cell.bytes, cell.rowStart, cell.rowEnd) ?? 1;
      if (order === 0) some[at]?.target.add(cell);
      if (order >= 0) return;
    }
  };
  const stop = Buffer.concat([last.row, Buffer.from([0])]);
  await rows.scan('counts', { start: first.row, stop }, visit, deadline.rest());
}

/** Both lists ascend by quarter, lag and writer. */
function match(
  { ad, source, target }: Expected,
  writers: ReadonlySet<WriterId>,
  totals: AdTotals,
  found: { missing: number; ahead: number },
): void {
  totals.begin(ad);
  const there = target.merged();
  for (let s = 0, t = 0; s < source.length || t < there.length;) {
    const [left, right] = [source[s], there[t]];
    const order = left === undefined ? 1 : right === undefined ? -1 : left.compare(right);
    if (order <= 0) s++;
    if (order >= 0) t++;
    if (order > 0 && right !== undefined && !writers.has(processWriterOf(right.writer))) continue;
    const sourceCounts = order <= 0 ? left?.counts : undefined;
    const targetCounts = order >= 0 ? right?.counts : undefined;
    totals.add(sourceCounts, targetCounts);
    if (isLess(targetCounts, sourceCounts)) found.missing++;
    else if (isLess(sourceCounts, targetCounts)) found.ahead++;
  }
}

/** All states of a cell lie on one chain: the one with the smaller n is less in every measure. */
function isLess(one: MeasureCounts = [], other: MeasureCounts = []): boolean {
  if (sumOf(one) !== sumOf(other)) return sumOf(one) < sumOf(other);
  for (let i = 0; i < other.length; i += 2) {
    const measure = other[i] ?? 0;
    if (countOf(one, measure) < (other[i + 1] ?? 0)) return true;
  }
  return false;
}
