// The store's side of a simulation: five tables that answer as a real HBase was seen to, and tell a
// watcher of each cell that is shown anew.
import type { Put } from '../../src/model/rows.ts';
import type { TableName } from '../../src/store/row-store.ts';
import { tableNames } from '../../src/store/row-store.ts';
import { FakeHBaseTable } from './fake-hbase-table.ts';

/** Row and qualifier are latin1 strings of the bytes: their order is the order of the bytes. */
export interface CellKey {
  readonly row: string;
  readonly qualifier: string;
}

export interface StoredValue {
  readonly version: number;
  readonly value: Buffer;
}

export interface StoredCell extends CellKey, StoredValue {}

export interface StoreTables {
  put(table: TableName, cell: StoredCell): void;
  /** True: it stood as expected, and was replaced. */
  checkAndPut(
    table: TableName,
    key: CellKey,
    change: { readonly expected: Buffer | null; readonly value: Buffer; readonly nowMs: number },
  ): boolean;
  /** Whole rows from `start` on, before `stop` ('' is the end), so many at most. */
  rows(
    table: TableName,
    range: { readonly start: string; readonly stop: string; readonly rowsMax: number },
  ): StoredRows;
}

export interface StoredRows {
  readonly cells: readonly StoredCell[];
  readonly rowCount: number;
  /** Where the rest begins; undefined: that was all. */
  readonly next: string | undefined;
}

/** Told of each cell that is shown anew, with what was shown before. */
export type Watcher = (table: TableName, now: StoredCell, before: StoredValue | undefined) => void;

/** Tables that answer as HBase does, held to it by store-comparison.test.ts. */
export class FakeTables implements StoreTables {
  #nowMs = 0;
  readonly #tables = new Map<TableName, FakeHBaseTable>(
    tableNames.map((name) => [name, new FakeHBaseTable({ nowMs: () => this.#nowMs })]),
  );
  readonly #watch: Watcher;

  constructor(watch: Watcher) {
    this.#watch = watch;
  }

  put(name: TableName, cell: StoredCell): void {
    const put = { ...bytesOf(cell), version: cell.version, value: cell.value };
    this.#watched(name, cell, (table) => table.put([put]));
  }

  checkAndPut(
    name: TableName,
    key: CellKey,
    change: { readonly expected: Buffer | null; readonly value: Buffer; readonly nowMs: number },
  ): boolean {
    const { expected, value, nowMs } = change;
    this.#nowMs = nowMs;
    const check = { ...bytesOf(key), expected, value };
    return this.#watched(name, key, (table) => table.checkAndPut(check));
  }

  rows(
    name: TableName,
    { start, stop, rowsMax }: { start: string; stop: string; rowsMax: number },
  ): StoredRows {
    const cells: StoredCell[] = [];
    let rowCount = 0;
    const range = { start: Buffer.from(start, 'latin1'), stop: Buffer.from(stop, 'latin1') };
    for (const row of this.#table(name).scan(range)) {
      const stored = row.map((cell) => storedOf(cell));
      if (rowCount === rowsMax) return { cells, rowCount, next: stored[0]?.row };
      rowCount++;
      cells.push(...stored);
    }
    return { cells, rowCount, next: undefined };
  }

  #watched<T>(name: TableName, key: CellKey, write: (table: FakeHBaseTable) => T): T {
    const table = this.#table(name);
    const { row, qualifier } = bytesOf(key);
    const before = table.getCell(row, qualifier);
    const outcome = write(table);
    const now = table.getCell(row, qualifier);
    // A table copies what it is given, so another value is another write, an equal one too.
    if (now !== undefined && now.value !== before?.value) {
      this.#watch(name, storedOf(now), before);
    }
    return outcome;
  }

  #table(name: TableName): FakeHBaseTable {
    const table = this.#tables.get(name);
    if (table === undefined) throw new Error(`no table ${name}`);
    return table;
  }
}

function bytesOf({ row, qualifier }: CellKey): { row: Buffer; qualifier: Buffer } {
  return { row: Buffer.from(row, 'latin1'), qualifier: Buffer.from(qualifier, 'latin1') };
}

function storedOf({ row, qualifier, version, value }: Put): StoredCell {
  return {
    row: row.toString('latin1'),
    qualifier: qualifier.toString('latin1'),
    version,
    value,
  };
}
