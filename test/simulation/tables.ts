// The store's side of a simulation: five tables with the measured semantics that the product
// relies on. By version the highest is shown, whatever came last (M1); of equal versions the last
// put is shown; a check-and-put carries the server's time, and never less than what stands.
import type { TableName } from '../../src/store/row-store.ts';
import { tableNames } from '../../src/store/row-store.ts';

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

interface Table {
  readonly rows: Map<string, Map<string, StoredValue>>;
  readonly order: string[];
}

export class PlainTables implements StoreTables {
  readonly #tables = new Map<TableName, Table>(
    tableNames.map((name) => [name, { rows: new Map(), order: [] }]),
  );
  readonly #watch: Watcher;

  constructor(watch: Watcher) {
    this.#watch = watch;
  }

  put(name: TableName, cell: StoredCell): void {
    const cells = this.#rowOf(name, cell.row);
    const standing = cells.get(cell.qualifier);
    if (standing !== undefined && standing.version > cell.version) return;
    cells.set(cell.qualifier, { version: cell.version, value: cell.value });
    this.#watch(name, cell, standing);
  }

  checkAndPut(
    name: TableName,
    { row, qualifier }: CellKey,
    change: { readonly expected: Buffer | null; readonly value: Buffer; readonly nowMs: number },
  ): boolean {
    const standing = this.#tables.get(name)?.rows.get(row)?.get(qualifier);
    const { expected, value, nowMs } = change;
    const stands = expected === null ? standing === undefined : standing?.value.equals(expected);
    if (stands !== true) return false;
    const version = Math.max(nowMs, standing?.version ?? 0);
    this.put(name, { row, qualifier, version, value });
    return true;
  }

  rows(
    name: TableName,
    { start, stop, rowsMax }: { start: string; stop: string; rowsMax: number },
  ): StoredRows {
    const { rows, order } = this.#table(name);
    const cells: StoredCell[] = [];
    let at = firstNotBefore(order, start);
    const end = Math.min(order.length, at + rowsMax);
    let rowCount = 0;
    for (; at < end; at++) {
      const row = order[at] ?? '';
      if (stop !== '' && row >= stop) return { cells, rowCount, next: undefined };
      rowCount++;
      const held = [...(rows.get(row) ?? [])].sort(([a], [b]) => (a < b ? -1 : 1));
      for (const [qualifier, value] of held) cells.push({ row, qualifier, ...value });
    }
    const next = order[at];
    const isAll = next === undefined || (stop !== '' && next >= stop);
    return { cells, rowCount, next: isAll ? undefined : next };
  }

  #rowOf(name: TableName, row: string): Map<string, StoredValue> {
    const { rows, order } = this.#table(name);
    const found = rows.get(row);
    if (found !== undefined) return found;
    const cells = new Map<string, StoredValue>();
    rows.set(row, cells);
    order.splice(firstNotBefore(order, row), 0, row);
    return cells;
  }

  #table(name: TableName): Table {
    const table = this.#tables.get(name);
    if (table === undefined) throw new Error(`no table ${name}`);
    return table;
  }
}

function firstNotBefore(order: readonly string[], row: string): number {
  let low = 0;
  let high = order.length;
  while (low < high) {
    const middle = (low + high) >> 1;
    if ((order[middle] ?? '') < row) low = middle + 1;
    else high = middle;
  }
  return low;
}
