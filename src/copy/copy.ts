// The door of this room: copies what one store holds into another one, which may have another
// number of salts and writers of its own. Repeatable: killed at any moment and run again, twice at
// once, from an older copy of the source, it ends at the larger count of each cell.
// Order: writers, as open; claims; counts and what is made from them; a comparison; and only then
// each writer as it is in the source. Never changes the source.
import { setTimeout as passes } from 'node:timers/promises';
import { dayOfQuarter, quarterOf } from '../model/quarter.ts';
import type { Put } from '../model/rows.ts';
import type { RegistryEntry } from '../store/registry.ts';
import type { TableName } from '../store/row-store.ts';
import { tableSchemas } from '../store/schema.ts';
import type { StoreLink } from '../store/store-link.ts';
import { CellPuts } from './cell-puts.ts';
import { compare } from './comparison.ts';
import type { Comparison } from './comparison.ts';
import { holdWriters, knownWriters, settleWriters, writersToCopy } from './copied-writers.ts';
import { rowsInOrder } from './ordered-rows.ts';
import type { StoredRow } from './ordered-rows.ts';
import { cellsToCopy, entriesOf } from './row-cells.ts';
import { partsOf, rowOf, saltedTables } from './table-keys.ts';
import type { SaltedTable } from './table-keys.ts';

/** Both are reached; the source is held by nobody else. */
export interface CopyOptions {
  readonly source: StoreLink;
  readonly target: StoreLink;
  readonly retentionDays: number;
  readonly onProgress?: (progress: CopyProgress) => void;
  readonly waitFor?: (ms: number) => Promise<unknown>;
}

export interface CopyProgress {
  readonly step: 'look' | 'copy' | 'compare';
  /** In cells. */
  readonly done: number;
  /** Undefined: nobody knows yet. */
  readonly total: number | undefined;
}

/** What there is to copy. */
export interface Holdings {
  readonly writers: readonly RegistryEntry[];
  /** Of them, those that the target does not know yet. */
  readonly writersNew: number;
  readonly tables: Readonly<Record<CopiedTable, TableHoldings>>;
}

export interface TableHoldings {
  readonly rows: number;
  readonly cells: number;
  /** Rows that are older than what is kept: left out. */
  readonly rowsExpired: number;
}

export interface Copied {
  /** Cells that the target does not take, whoever brings them. */
  readonly refused: number;
  readonly firstRefusal: Error | undefined;
  /** Undefined: it was not asked for. */
  readonly comparison: Comparison | undefined;
  /** All is there, and the writers are what they are in the source. */
  readonly settled: boolean;
}

/** Claims come first: a request that is repeated meanwhile must meet its own. */
export const copiedTables = ['tokens', ...saltedTables] as const;
export type CopiedTable = (typeof copiedTables)[number];

export class StoreCopy {
  readonly #options: CopyOptions;
  readonly #firstDayKept: number;
  readonly #claimsKeptMs: number;

  constructor(options: CopyOptions) {
    this.#options = options;
    const { retentionDays, target } = options;
    // By one moment for all that is read, so that every look at the source sees the same rows.
    const nowMs = target.clockMs;
    this.#firstDayKept = Math.max(0, dayOfQuarter(quarterOf(nowMs)) - retentionDays);
    this.#claimsKeptMs = nowMs - claimSeconds(retentionDays) * 1000;
  }

  /**
   * Reads the source once, and changes nothing. Errors: RECORD_INVALID, and BYTES_INVALID where a
   * row is not as it is drawn: it must not reach a store in which others count too.
   */
  async look(): Promise<Holdings> {
    const { source, target } = this.#options;
    const writers = await writersToCopy(source.registry);
    const known = await knownWriters(target.registry);
    const tables: Partial<Record<CopiedTable, TableHoldings>> = {};
    let done = 0;
    for (const table of copiedTables) {
      const found = { rows: 0, cells: 0, rowsExpired: 0 };
      for await (const row of this.#read(table)) {
        if (this.#isExpired(table, row)) found.rowsExpired++;
        else {
          checkRow(table, row);
          found.rows++;
          found.cells += row.cells.length;
        }
        this.#tell('look', (done += row.cells.length));
      }
      tables[table] = found;
    }
    const writersNew = writers.filter(({ writer }) => !known.has(writer)).length;
    return { writers, writersNew, tables: tables as Holdings['tables'] };
  }

  /** Throws where a store did not answer in time; the same copy may be run again. */
  async run(holdings: Holdings, { isCompared }: { readonly isCompared: boolean }): Promise<Copied> {
    const { target } = this.#options;
    const total = Object.values(holdings.tables).reduce((sum, { cells }) => sum + cells, 0);
    await holdWriters(holdings.writers, target.registry);
    let done = 0;
    const onCells = (cells: number): void => this.#tell('copy', (done += cells), total);
    let refused = 0;
    let firstRefusal: Error | undefined;
    for (const table of copiedTables) {
      const puts = await this.#copy(table, onCells);
      refused += puts.refused;
      firstRefusal ??= puts.firstRefusal;
    }
    const comparison = isCompared ? await this.#compare(holdings) : undefined;
    // Who lacks anything stays open, so that nobody calls it complete.
    const settled = refused === 0 && (comparison?.missing ?? 0) === 0;
    if (settled) await settleWriters(holdings.writers, target.registry, target.clockMs);
    return { refused, firstRefusal, comparison, settled };
  }

  async #copy(table: CopiedTable, onCells: (cells: number) => void): Promise<CellPuts> {
    const { target, waitFor = passes } = this.#options;
    const { rows } = target;
    const puts = new CellPuts({ rows, table, waitFor, onCells });
    for await (const row of this.#kept(table)) {
      for (const put of putsOf(table, row, target.opened.layout.salts)) await puts.add(put);
    }
    await puts.done();
    return puts;
  }

  #compare({ writers, tables }: Holdings): Promise<Comparison> {
    const { rows, opened } = this.#options.target;
    let done = 0;
    return compare({
      source: this.#kept('counts'),
      target: { rows, salts: opened.layout.salts },
      writers: new Set(writers.map(({ writer }) => writer)),
      onCells: (cells) => this.#tell('compare', (done += cells), tables.counts.cells),
    });
  }

  async *#kept(table: CopiedTable): AsyncGenerator<StoredRow, void> {
    for await (const row of this.#read(table)) if (!this.#isExpired(table, row)) yield row;
  }

  #read(table: CopiedTable): AsyncGenerator<StoredRow, void> {
    const { rows, opened } = this.#options.source;
    const salts = isSalted(table) ? opened.layout.salts : undefined;
    return rowsInOrder({ rows, table, salts });
  }

  #isExpired(table: CopiedTable, { key, cells }: StoredRow): boolean {
    if (isSalted(table)) return partsOf(table, key).day < this.#firstDayKept;
    return cells.every(({ version }) => version < this.#claimsKeptMs);
  }

  #tell(step: CopyProgress['step'], done: number, total?: number): void {
    this.#options.onProgress?.({ step, done, total });
  }
}

function isSalted(table: TableName): table is SaltedTable {
  return saltedTables.some((salted) => salted === table);
}

function checkRow(table: CopiedTable, { key, cells }: StoredRow): void {
  if (table === 'counts' || table === 'summaries') entriesOf(cells, partsOf(table, key).day);
}

/** A claim lies where it lies in every store, and keeps its stamp: its time to live goes by it. */
function putsOf(table: CopiedTable, { key, cells }: StoredRow, salts: number): readonly Put[] {
  if (!isSalted(table)) return cells;
  const parts = partsOf(table, key);
  const row = rowOf(key, parts, salts);
  return cellsToCopy(cells, parts.day).map(({ qualifier, value, version }) => {
    return { row, qualifier, value, version };
  });
}

function claimSeconds(retentionDays: number): number {
  const schemas = tableSchemas({ tablePrefix: '', salts: 1, retentionDays });
  return schemas.find(({ name }) => name === 'tokens')?.keepSeconds ?? 0;
}
