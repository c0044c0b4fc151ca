// One HBase table in memory: one family, VERSIONS 1, one region, nothing compacted by itself.
// Promises what HBase 2.6 answers, cell by cell, version by version (docs/hbase-measured.md), also
// where that surprises; store-comparison.test.ts holds it to the real one. No I/O, no own clock.
//
// Held as HBase holds it, since reads depend on it: what is in memory, and what is in files. A read
// merges both. A flush and a major compaction only leave out what they need not keep, and that
// decides what is read once the newest version is deleted.
import type { CheckAndPut, Put, RowDelete, RowMutation, RowRange } from '../../src/model/rows.ts';

export interface FakeHBaseOptions {
  /** The region server's clock. */
  readonly nowMs: () => number;
  /** Of the family; counts from the version. */
  readonly ttlMs?: number;
}

/** Newest version first; of one version the deletes first, then what was written last. */
interface Stored {
  readonly kind: 'upTo' | 'version' | 'put';
  readonly version: number;
  /** Of the write; all that one call wrote has the same. */
  readonly order: number;
  readonly value: Buffer;
}

interface Column {
  memory: Stored[];
  files: Stored[];
}

/** Keys are latin1 strings of the bytes: their order is the order of the bytes. */
interface Row {
  readonly columns: Map<string, Column>;
  /** The highest version up to which all of the row is deleted. */
  deletedInMemory: number;
  deletedInFiles: number;
}

const never = Number.NEGATIVE_INFINITY;
const rank: Readonly<Record<Stored['kind'], number>> = { upTo: 0, version: 1, put: 2 };
const noValue = Buffer.alloc(0);

export class FakeHBaseTable {
  readonly #rows = new Map<string, Row>();
  readonly #nowMs: () => number;
  readonly #ttlMs: number;
  #sorted: readonly string[] | undefined;
  #order = 0;

  constructor({ nowMs, ttlMs = Number.POSITIVE_INFINITY }: FakeHBaseOptions) {
    this.#nowMs = nowMs;
    this.#ttlMs = ttlMs;
  }

  /** In the order of the batch. */
  put(puts: readonly Put[]): void {
    const order = ++this.#order;
    for (const { row, qualifier, version, value } of puts) {
      this.#write(this.#row(row), qualifier, { kind: 'put', version, order, value });
    }
  }

  delete(row: Buffer, deletes: readonly RowDelete[]): void {
    this.mutateRow({ row, puts: [], deletes });
  }

  mutateRow({ row: key, puts, deletes }: RowMutation): void {
    const order = ++this.#order;
    const row = this.#row(key);
    for (const { qualifier, version, value } of puts) {
      this.#write(row, qualifier, { kind: 'put', version, order, value });
    }
    for (const one of deletes) {
      if (one.kind === 'row') row.deletedInMemory = Math.max(row.deletedInMemory, one.version);
      else {
        const { kind, qualifier, version } = one;
        this.#write(row, qualifier, { kind, version, order, value: noValue });
      }
    }
  }

  /** An empty value is taken for an absent cell (M5); the stamp is never below what stood (M25). */
  checkAndPut({ row, qualifier, expected, value }: CheckAndPut): boolean {
    const stands = this.getCell(row, qualifier);
    const absent = stands === undefined || stands.value.length === 0;
    const asExpected =
      expected === null || expected.length === 0 ? absent : stands?.value.equals(expected) === true;
    if (!asExpected) return false;
    const version = Math.max(this.#nowMs(), stands?.version ?? 0);
    this.put([{ row, qualifier, value, version }]);
    return true;
  }

  getCell(row: Buffer, qualifier: Buffer): Put | undefined {
    const held = this.#rows.get(row.toString('latin1'));
    const column = held?.columns.get(qualifier.toString('latin1'));
    if (held === undefined || column === undefined) return undefined;
    const shown = this.#shown(held, column);
    return shown && { row, qualifier, version: shown.version, value: shown.value };
  }

  get(row: Buffer): readonly Put[] {
    const held = this.#rows.get(row.toString('latin1'));
    return held === undefined ? [] : this.#cellsOf(row, held);
  }

  /** Rows from `start` on, before `stop`; a row of which nothing shows is no row. */
  *scan({ start, stop }: RowRange): Generator<readonly Put[]> {
    this.#sorted ??= [...this.#rows.keys()].sort();
    const [first, end] = [start.toString('latin1'), stop.toString('latin1')];
    for (let i = firstFrom(this.#sorted, first); i < this.#sorted.length; i++) {
      const key = this.#sorted[i] ?? '';
      if (end !== '' && key >= end) return;
      const cells = this.get(Buffer.from(key, 'latin1'));
      if (cells.length > 0) yield cells;
    }
  }

  /** What is in memory goes into a file: of each cell the newest version, and the deletes. */
  flush(): void {
    for (const row of this.#rows.values()) {
      for (const column of row.columns.values()) {
        const kept = this.#surviving(column.memory, row.deletedInMemory, { deletes: true });
        for (const one of kept) insert(column.files, one);
        column.memory = [];
      }
      row.deletedInFiles = Math.max(row.deletedInFiles, row.deletedInMemory);
      row.deletedInMemory = never;
    }
  }

  /** All files into one, without deletes and what they hide. What is in memory stays there. */
  majorCompact(): void {
    for (const [key, row] of this.#rows) {
      for (const [qualifier, column] of row.columns) {
        column.files = this.#surviving(column.files, row.deletedInFiles, { deletes: false });
        if (column.files.length + column.memory.length === 0) row.columns.delete(qualifier);
      }
      row.deletedInFiles = never;
      if (row.columns.size === 0 && row.deletedInMemory === never) this.#rows.delete(key);
    }
    this.#sorted = undefined;
  }

  #row(key: Buffer): Row {
    const name = key.toString('latin1');
    let row = this.#rows.get(name);
    if (row === undefined) {
      row = { columns: new Map(), deletedInMemory: never, deletedInFiles: never };
      this.#rows.set(name, row);
      this.#sorted = undefined;
    }
    return row;
  }

  #write(row: Row, qualifier: Buffer, one: Stored): void {
    const name = qualifier.toString('latin1');
    let column = row.columns.get(name);
    if (column === undefined) {
      column = { memory: [], files: [] };
      row.columns.set(name, column);
    }
    insert(column.memory, { ...one, value: Buffer.from(one.value) });
  }

  #cellsOf(row: Buffer, { columns, ...held }: Row): Put[] {
    const cells: Put[] = [];
    for (const name of [...columns.keys()].sort()) {
      const column = columns.get(name);
      const shown = column && this.#shown({ columns, ...held }, column);
      if (shown === undefined) continue;
      const { version, value } = shown;
      cells.push({ row, qualifier: Buffer.from(name, 'latin1'), version, value });
    }
    return cells;
  }

  #shown({ deletedInMemory, deletedInFiles }: Row, { memory, files }: Column): Stored | undefined {
    const all = files.length === 0 ? memory : [...memory, ...files].sort(byReading);
    const deletedUpTo = Math.max(deletedInMemory, deletedInFiles);
    return this.#surviving(all, deletedUpTo, { deletes: false })[0];
  }

  /**
   * What of a column goes through the one sieve by which HBase reads, flushes and compacts. It
   * stops at the second version, or at one that is deleted with all below it: deletes further down
   * are not seen.
   */
  #surviving(
    cells: readonly Stored[],
    rowDeletedUpTo: number,
    keep: { readonly deletes: boolean },
  ): Stored[] {
    const oldest = this.#nowMs() - this.#ttlMs;
    const kept: Stored[] = [];
    let deletedVersion = never;
    let deletedUpTo = rowDeletedUpTo;
    let shown: Stored | undefined;
    for (const one of cells) {
      if (one.version < oldest) break;
      if (one.kind !== 'put') {
        if (keep.deletes) kept.push(one);
        if (one.kind === 'version') deletedVersion = one.version;
        else deletedUpTo = Math.max(deletedUpTo, one.version);
        continue;
      }
      if (one.version <= deletedUpTo) break;
      if (one.version === deletedVersion || one.version === shown?.version) continue;
      if (shown !== undefined) break;
      shown = one;
      kept.push(one);
    }
    return kept;
  }
}

function byReading(left: Stored, right: Stored): number {
  return (
    right.version - left.version || rank[left.kind] - rank[right.kind] || right.order - left.order
  );
}

/** What one call wrote twice is there once, as it came last. */
function insert(cells: Stored[], one: Stored): void {
  let at = 0;
  while (at < cells.length && byReading(cells[at] ?? one, one) < 0) at++;
  const standing = cells[at];
  const again = standing !== undefined && byReading(standing, one) === 0;
  cells.splice(at, again ? 1 : 0, one);
}

function firstFrom(sorted: readonly string[], key: string): number {
  let [low, high] = [0, sorted.length];
  while (low < high) {
    const middle = (low + high) >>> 1;
    if ((sorted[middle] ?? '') < key) low = middle + 1;
    else high = middle;
  }
  return low;
}
