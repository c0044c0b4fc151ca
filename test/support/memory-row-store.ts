// A RowStore in memory, on the fake tables that are compared with HBase itself.
// Promises: what HBase answers, nothing kept on disk, every fault a test asks for, and that a put
// of another value at a version that is there is told, which HBase would take in silence.
// Never meant for the product: it holds everything and sorts it when asked.
import { CounterError } from '../../src/model/errors.ts';
import type {
  CallOptions,
  CellCursor,
  CheckAndPut,
  Put,
  PutBatch,
  PutOutcome,
  RowRange,
  ScanTally,
} from '../../src/model/rows.ts';
import { tableNames } from '../../src/store/row-store.ts';
import type { RowStore, TableName } from '../../src/store/row-store.ts';
import { FakeHBaseTable } from '../simulation/fake-hbase-table.ts';

export type MemoryOperation = 'put' | 'scan' | 'checkAndPut' | 'nowMs';

/** What shows of a table, by rows and qualifiers as latin1 strings of their bytes. */
type Shown = ReadonlyMap<string, ReadonlyMap<string, Pick<Put, 'version' | 'value'>>>;

const everything: RowRange = { start: Buffer.alloc(0), stop: Buffer.alloc(0) };

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

  readonly #tables = new Map<TableName, FakeHBaseTable>();
  readonly #wallMs: () => number;
  readonly #monotonicMs: () => number;
  #closed = false;

  /** The clocks: the servers', and the one by which a caller's time passes. */
  constructor(wallMs: () => number = Date.now, monotonicMs = () => performance.now()) {
    this.#wallMs = wallMs;
    this.#monotonicMs = monotonicMs;
    for (const name of tableNames) this.truncate(name);
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
    let rows = 0;
    let cells = 0;
    for (const row of this.table(table).scan(range)) {
      for (const cell of row) visit(cursorOf(cell));
      rows++;
      cells += row.length;
    }
    this.#leaveOrThrow('scan', table);
    return { rows, cells, calls: 1 };
  }

  async checkAndPut(table: TableName, check: CheckAndPut, options: CallOptions): Promise<boolean> {
    await this.#enterOrThrow('checkAndPut', table, options);
    const stands = this.table(table).checkAndPut(check);
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

  /** The table itself, beside all hooks: to flush, to compact, to delete. */
  table(name: TableName): FakeHBaseTable {
    const table = this.#tables.get(name);
    if (table === undefined) throw new Error(`no table ${name}`);
    return table;
  }

  /** Cells of a table, for a test that counts them. */
  cellsIn(name: TableName): number {
    return [...this.table(name).scan(everything)].flat().length;
  }

  /** As an operator's `truncate`: the table is made anew. */
  truncate(name: TableName): void {
    this.#tables.set(name, new FakeHBaseTable({ nowMs: this.#wallMs }));
  }

  /** What a table shows, to be restored later. */
  snapshot(name: TableName): Shown {
    const rows = [...this.table(name).scan(everything)].map((cells) => {
      const row = cells[0]?.row.toString('latin1') ?? '';
      return [
        row,
        new Map(cells.map((cell) => [cell.qualifier.toString('latin1'), cell])),
      ] as const;
    });
    return new Map(rows);
  }

  /** Into a table that is made anew. */
  restore(name: TableName, rows: Shown): void {
    this.truncate(name);
    for (const [row, cells] of rows) {
      for (const [qualifier, { version, value }] of cells) {
        const key = {
          row: Buffer.from(row, 'latin1'),
          qualifier: Buffer.from(qualifier, 'latin1'),
        };
        this.table(name).put([{ ...key, version, value }]);
      }
    }
  }

  /** As `deleteall` of each row that is there: it hides what is put again, until a compaction. */
  deleteAll(name: TableName): void {
    const table = this.table(name);
    for (const cells of table.scan(everything)) {
      const version = Math.max(...cells.map((cell) => cell.version));
      for (const { row } of cells.slice(0, 1)) table.delete(row, [{ kind: 'row', version }]);
    }
  }

  /** A major compaction of all that was written: deletes are forgotten. */
  compact(name: TableName): void {
    this.table(name).flush();
    this.table(name).majorCompact();
  }

  #putOne(name: TableName, batch: PutBatch, i: number): Error | undefined {
    const put = batch.at(i);
    this.putsReceived++;
    const table = this.table(name);
    const held = table.getCell(put.row, put.qualifier);
    if (held?.version === put.version && !held.value.equals(put.value)) {
      return new CounterError('STORE_VERSION_CONFLICT', 'give-up');
    }
    table.put([put]);
    return undefined;
  }

  /** Answers why the operation must not begin; a call always takes at least one turn. */
  async #enter(
    operation: MemoryOperation,
    table: TableName,
    options: CallOptions,
  ): Promise<Error | undefined> {
    const startMs = this.#monotonicMs();
    await this.delay?.(operation, table);
    await Promise.resolve();
    this.calls[operation]++;
    if (this.#closed) return new CounterError('STORE_CLOSED', 'give-up');
    if (options.signal?.aborted === true) return new CounterError('STORE_ABORTED', 'give-up');
    if (options.timeoutMs <= 0 || this.#monotonicMs() - startMs > options.timeoutMs) {
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

function cursorOf({ row, qualifier, value, version }: Put): CellCursor {
  const bytes = Buffer.concat([row, qualifier, value]);
  const qualifierEnd = row.length + qualifier.length;
  return {
    bytes,
    rowStart: 0,
    rowEnd: row.length,
    qualifierStart: row.length,
    qualifierEnd,
    valueStart: qualifierEnd,
    valueEnd: bytes.length,
    version,
  };
}
