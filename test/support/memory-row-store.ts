// A RowStore in memory: the fake that passes the contract of the real ones.
// Promises: the semantics of the port, nothing kept on disk, every fault a test asks for.
// Never meant for the product: it holds everything and sorts it when asked.
import { CounterError } from '../../src/model/errors.ts';
import type {
  CallOptions,
  CellCursor,
  CheckAndPut,
  PutBatch,
  PutOutcome,
  RowRange,
  ScanTally,
} from '../../src/model/rows.ts';
import { tableNames } from '../../src/store/row-store.ts';
import type { RowStore, TableName } from '../../src/store/row-store.ts';

export type MemoryOperation = 'put' | 'scan' | 'checkAndPut' | 'nowMs';

interface Held {
  readonly version: number;
  readonly value: Buffer;
}

/** Keys are latin1 strings of the bytes: their order is the order of the bytes. */
interface Table {
  readonly rows: Map<string, Map<string, Held>>;
  sortedRows: readonly string[] | undefined;
}

export class MemoryRowStore implements RowStore {
  readonly kind = 'memory';
  readonly place = 'memory';
  /** What `verifyTables` answers. */
  differences: readonly string[] = [];
  /** Fails an operation before it does anything: the store is down, or refuses. */
  failBefore: ((operation: MemoryOperation, table: TableName) => Error | undefined) | undefined;
  /** Fails an operation after it was done: the reply was lost, the outcome is unknown. */
  failAfter: ((operation: MemoryOperation, table: TableName) => Error | undefined) | undefined;
  /** Refuses single puts of a batch. */
  failPut: ((table: TableName, i: number) => Error | undefined) | undefined;
  /** Awaited before every operation: to hold a call under way, or to make the store slow. */
  delay: ((operation: MemoryOperation, table: TableName) => Promise<void>) | undefined;
  /** Calls answered, by operation. */
  readonly calls: Record<MemoryOperation, number> = { put: 0, scan: 0, checkAndPut: 0, nowMs: 0 };
  /** Every put in the order of arrival, also those without effect. */
  putsReceived = 0;

  readonly #tables = new Map<TableName, Table>(
    tableNames.map((name) => [name, { rows: new Map(), sortedRows: undefined }]),
  );
  /** By table and row: versions up to this one are deleted. */
  readonly #deleted = new Map<string, number>();
  readonly #wallMs: () => number;
  #closed = false;

  constructor(wallMs: () => number = Date.now) {
    this.#wallMs = wallMs;
  }

  async put(table: TableName, batch: PutBatch, options: CallOptions): Promise<PutOutcome> {
    const confirmed = new Uint8Array(batch.count);
    const failures = new Map<number, Error>();
    let confirmedCount = 0;
    const failAll = (error: Error): PutOutcome => {
      for (let i = 0; i < batch.count; i++) failures.set(i, error);
      return { confirmed: new Uint8Array(batch.count), confirmedCount: 0, failures };
    };
    const refused = await this.#enter('put', table, options);
    if (refused !== undefined) return failAll(refused);
    for (let i = 0; i < batch.count; i++) {
      const error = this.failPut?.(table, i) ?? this.#putOne(table, batch, i);
      if (error === undefined) {
        confirmed[i] = 1;
        confirmedCount++;
      } else failures.set(i, error);
    }
    const lost = this.failAfter?.('put', table);
    return lost === undefined ? { confirmed, confirmedCount, failures } : failAll(lost);
  }

  async scan(
    table: TableName,
    range: RowRange,
    visit: (cell: CellCursor) => void,
    options: CallOptions,
  ): Promise<ScanTally> {
    await this.#enterOrThrow('scan', table, options);
    const start = range.start.toString('latin1');
    const stop = range.stop.length === 0 ? undefined : range.stop.toString('latin1');
    let rows = 0;
    let cells = 0;
    for (const row of this.#sortedRows(table)) {
      if (row < start) continue;
      if (stop !== undefined && row >= stop) break;
      rows++;
      const held = this.#table(table).rows.get(row) ?? new Map<string, Held>();
      for (const qualifier of [...held.keys()].sort()) {
        const cell = held.get(qualifier);
        if (cell === undefined) continue;
        visit(cursorOf(row, qualifier, cell));
        cells++;
      }
    }
    this.#leaveOrThrow('scan', table);
    return { rows, cells, calls: 1 };
  }

  async checkAndPut(table: TableName, check: CheckAndPut, options: CallOptions): Promise<boolean> {
    await this.#enterOrThrow('checkAndPut', table, options);
    const row = check.row.toString('latin1');
    const qualifier = check.qualifier.toString('latin1');
    const held = this.#table(table).rows.get(row)?.get(qualifier);
    const stands =
      check.expected === null ? held === undefined : held?.value.equals(check.expected) === true;
    if (stands) {
      const version = Math.max(this.#wallMs(), (held?.version ?? 0) + 1);
      this.#set(table, row, qualifier, { version, value: Buffer.from(check.value) });
    }
    this.#leaveOrThrow('checkAndPut', table);
    return stands;
  }

  async nowMs(options: CallOptions): Promise<number> {
    await this.#enterOrThrow('nowMs', 'meta', options);
    return this.#wallMs();
  }

  verifyTables(): Promise<readonly string[]> {
    return Promise.resolve(this.differences);
  }

  createTables(): Promise<readonly TableName[]> {
    return Promise.resolve([]);
  }

  close(): Promise<void> {
    this.#closed = true;
    return Promise.resolve();
  }

  /** Cells of a table, for a test that counts them. */
  cellsIn(table: TableName): number {
    let cells = 0;
    for (const held of this.#table(table).rows.values()) cells += held.size;
    return cells;
  }

  /** As an operator's `truncate`: the table is made anew. */
  truncate(name: TableName): void {
    this.restore(name, new Map());
    this.compact(name);
  }

  /** What a table holds, to be restored later. */
  snapshot(name: TableName): ReadonlyMap<string, ReadonlyMap<string, Held>> {
    return new Map([...this.#table(name).rows].map(([row, held]) => [row, new Map(held)]));
  }

  restore(name: TableName, rows: ReadonlyMap<string, ReadonlyMap<string, Held>>): void {
    const table = this.#table(name);
    table.rows.clear();
    for (const [row, held] of rows) table.rows.set(row, new Map(held));
    table.sortedRows = undefined;
  }

  /** As `deleteall` of each row that is there: it hides what is put again, until a compaction. */
  deleteAll(name: TableName): void {
    for (const [row, held] of this.#table(name).rows) {
      const versions = [...held.values()].map(({ version }) => version);
      this.#deleted.set(`${name} ${row}`, Math.max(...versions));
    }
    this.restore(name, new Map());
  }

  /** A major compaction: deletes are forgotten. */
  compact(name: TableName): void {
    for (const place of this.#deleted.keys()) {
      if (place.startsWith(`${name} `)) this.#deleted.delete(place);
    }
  }

  #table(name: TableName): Table {
    const table = this.#tables.get(name);
    if (table === undefined) throw new Error(`no table ${name}`);
    return table;
  }

  #sortedRows(name: TableName): readonly string[] {
    const table = this.#table(name);
    table.sortedRows ??= [...table.rows.keys()].sort();
    return table.sortedRows;
  }

  #set(name: TableName, row: string, qualifier: string, cell: Held): void {
    const table = this.#table(name);
    const held = table.rows.get(row);
    if (held !== undefined) held.set(qualifier, cell);
    else {
      table.rows.set(row, new Map([[qualifier, cell]]));
      table.sortedRows = undefined;
    }
  }

  #putOne(name: TableName, batch: PutBatch, i: number): Error | undefined {
    const put = batch.at(i);
    this.putsReceived++;
    const row = put.row.toString('latin1');
    const qualifier = put.qualifier.toString('latin1');
    const held = this.#table(name).rows.get(row)?.get(qualifier);
    // Confirmed, and not shown.
    if ((this.#deleted.get(`${name} ${row}`) ?? -1) >= put.version) return undefined;
    if (held !== undefined && held.version > put.version) return undefined;
    if (held?.version === put.version && !held.value.equals(put.value)) {
      return new CounterError('STORE_VERSION_CONFLICT', 'give-up');
    }
    this.#set(name, row, qualifier, { version: put.version, value: Buffer.from(put.value) });
    return undefined;
  }

  /** Answers why the operation must not begin; a call always takes at least one turn. */
  async #enter(
    operation: MemoryOperation,
    table: TableName,
    options: CallOptions,
  ): Promise<Error | undefined> {
    const startMs = performance.now();
    await this.delay?.(operation, table);
    await Promise.resolve();
    this.calls[operation]++;
    if (this.#closed) return new CounterError('STORE_CLOSED', 'give-up');
    if (options.signal?.aborted === true) return new CounterError('STORE_ABORTED', 'give-up');
    if (options.timeoutMs <= 0 || performance.now() - startMs > options.timeoutMs) {
      return new CounterError('STORE_TIMEOUT', 'retry');
    }
    return this.failBefore?.(operation, table);
  }

  async #enterOrThrow(
    operation: MemoryOperation,
    table: TableName,
    options: CallOptions,
  ): Promise<void> {
    const refused = await this.#enter(operation, table, options);
    if (refused !== undefined) throw refused;
  }

  #leaveOrThrow(operation: MemoryOperation, table: TableName): void {
    const lost = this.failAfter?.(operation, table);
    if (lost !== undefined) throw lost;
  }
}

function cursorOf(row: string, qualifier: string, cell: Held): CellCursor {
  const bytes = Buffer.concat([Buffer.from(row + qualifier, 'latin1'), cell.value]);
  const qualifierEnd = row.length + qualifier.length;
  return {
    bytes,
    rowStart: 0,
    rowEnd: row.length,
    qualifierStart: row.length,
    qualifierEnd,
    valueStart: qualifierEnd,
    valueEnd: bytes.length,
    version: cell.version,
  };
}
