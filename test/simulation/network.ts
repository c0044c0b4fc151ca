// The way of one process to the store, as a RowStore: calls take their time, come late, twice, in
// another order or never, and replies are cut after the call was applied.
import type {
  CallOptions,
  CellCursor,
  CheckAndPut,
  PutBatch,
  PutOutcome,
  RowRange,
  ScanTally,
} from '../../src/model/rows.ts';
import { CounterError } from '../../src/model/errors.ts';
import type { RowStore, TableName } from '../../src/store/row-store.ts';
import type { Chance } from './chance.ts';
import type { StoredCell, StoreTables } from './tables.ts';
import type { Owner, VirtualTime } from './virtual-time.ts';

export type Trouble = 'fair' | 'down' | 'cut' | 'late' | 'deaf' | 'repeats' | 'slow';
/** Of the calls in such times. */
const fairShare: Readonly<Record<Trouble, number>> = {
  fair: 1,
  down: 0,
  cut: 0,
  late: 0.5,
  deaf: 0.5,
  repeats: 0.5,
  slow: 0.2,
};
export const troubles = ['down', 'cut', 'late', 'deaf', 'repeats', 'slow'] as const;

/** What is wrong with the store for everybody. */
export class StoreFaults {
  /** Counts that are refused for good, or for now; undefined: none. */
  refusing: 'give-up' | 'retry' | undefined;
  hits = 0;
}

export interface NetworkOptions {
  readonly kind: 'memory' | 'hbase';
  readonly time: VirtualTime;
  readonly chance: Chance;
  readonly owner: Owner;
  readonly tables: StoreTables;
  readonly faults: StoreFaults;
  readonly storeNowMs: () => number;
  /** Whose check-and-put it is that is applied now. */
  readonly speaks: (owner: Owner) => void;
  /** Somebody puts the first record of a writer. */
  readonly registered: (writer: string) => void;
  /** The auditor sees all that anybody ever sends. */
  readonly sent: (table: TableName, cells: readonly StoredCell[]) => void;
}

/** How a call fares, drawn when it is made. */
interface Fate {
  readonly requestMs: number;
  readonly replyMs: number;
  readonly isRefused: boolean;
  readonly isLost: boolean;
  readonly isReplyLost: boolean;
  /** It arrives so much later once more; undefined: it does not. */
  readonly againMs: number | undefined;
}

export class Network implements RowStore {
  readonly kind: RowStore['kind'];
  readonly place = 'simulated';
  trouble: Trouble = 'fair';
  /** Each way, where it is slow. */
  slowMs = 1500;
  hits = 0;
  readonly #options: NetworkOptions;

  constructor(options: NetworkOptions) {
    this.#options = options;
    this.kind = options.kind;
  }

  async put(table: TableName, batch: PutBatch, options: CallOptions): Promise<PutOutcome> {
    const cells = Array.from({ length: batch.count }, (_, i) => storedOf(batch, i));
    this.#options.sent(table, cells);
    const failAll = (error: Error): PutOutcome => ({
      confirmed: new Uint8Array(batch.count),
      confirmedCount: 0,
      failures: new Map(cells.map((_, i) => [i, error])),
    });
    const apply = (): PutOutcome => {
      const failures = new Map<number, Error>();
      const confirmed = new Uint8Array(cells.length);
      cells.forEach((cell, i) => {
        const refusal = this.#refusalOf(table, i);
        if (refusal !== undefined) failures.set(i, refusal);
        else {
          this.#options.tables.put(table, cell);
          confirmed[i] = 1;
        }
      });
      return { confirmed, confirmedCount: cells.length - failures.size, failures };
    };
    try {
      return await this.#call(options, apply);
    } catch (thrown) {
      if (thrown instanceof CounterError) return failAll(thrown);
      throw thrown;
    }
  }

  async scan(
    table: TableName,
    range: RowRange,
    visit: (cell: CellCursor) => void,
    options: CallOptions,
  ): Promise<ScanTally> {
    const stop = range.stop.toString('latin1');
    let next: string | undefined = range.start.toString('latin1');
    let rows = 0;
    let cells = 0;
    let calls = 0;
    while (next !== undefined) {
      const from: string = next;
      // Rows are atomic, a range is not: the rest is read later.
      const rowsMax = this.#options.chance.is(0.2) ? 1 + this.#options.chance.below(4) : 1000;
      const read = (): ReturnType<StoreTables['rows']> =>
        this.#options.tables.rows(table, { start: from, stop, rowsMax });
      const found = await this.#call(options, read);
      for (const cell of found.cells) visit(cursorOf(cell));
      rows += found.rowCount;
      cells += found.cells.length;
      calls++;
      next = found.next;
    }
    return { rows, cells, calls };
  }

  checkAndPut(table: TableName, check: CheckAndPut, options: CallOptions): Promise<boolean> {
    const row = check.row.toString('latin1');
    const qualifier = check.qualifier.toString('latin1');
    const expected = check.expected === null ? null : Buffer.from(check.expected);
    const value = Buffer.from(check.value);
    if (expected === null && check.row.length === 9) {
      this.#options.registered(check.row.toString('hex', 1));
    }
    return this.#call(options, () => {
      const nowMs = Math.floor(this.#options.storeNowMs());
      this.#options.speaks(this.#options.owner);
      return this.#options.tables.checkAndPut(
        table,
        { row, qualifier },
        { expected, value, nowMs },
      );
    });
  }

  nowMs(options: CallOptions): Promise<number> {
    return this.#call(options, () => Math.floor(this.#options.storeNowMs()));
  }

  verifyTables(): Promise<readonly string[]> {
    return Promise.resolve([]);
  }

  createTables(): Promise<readonly TableName[]> {
    return Promise.resolve([]);
  }

  close(): Promise<void> {
    return Promise.resolve();
  }

  /** Answers with the first reply that comes; what was applied later is applied all the same. */
  #call<T>({ timeoutMs, signal }: CallOptions, apply: () => T): Promise<T> {
    const { time, owner, kind } = this.#options;
    const fate = this.#fateOf();
    // An embedded store dies with its process; HBase still gets what was sent.
    const server = kind === 'memory' ? owner : undefined;
    return new Promise((resolve, reject) => {
      if (signal?.aborted === true) return reject(new CounterError('STORE_ABORTED', 'give-up'));
      const late = time.after(timeoutMs, owner, () => reject(failure('STORE_TIMEOUT')));
      if (fate.isRefused) {
        time.after(fate.replyMs, owner, () => {
          time.cancel(late);
          reject(failure('STORE_DOWN'));
        });
      }
      if (fate.isRefused || fate.isLost) return undefined;
      const arrive = (isReplyLost: boolean): void => {
        const answer = apply();
        if (isReplyLost) return;
        time.after(fate.replyMs, owner, () => {
          time.cancel(late);
          resolve(answer);
        });
      };
      time.after(fate.requestMs, server, () => arrive(fate.isReplyLost));
      if (fate.againMs !== undefined) {
        time.after(fate.requestMs + fate.againMs, server, () => arrive(false));
      }
      return undefined;
    });
  }

  #fateOf(): Fate {
    const { chance } = this.#options;
    const { trouble } = this;
    const fair = { requestMs: chance.around(0.7), replyMs: chance.around(0.7) };
    const fate = { ...fair, isRefused: false, isLost: false, isReplyLost: false };
    if (chance.is(fairShare[trouble])) {
      return { ...fate, againMs: undefined };
    }
    this.hits++;
    return {
      requestMs: fate.requestMs + this.#delayMs(),
      replyMs: fate.replyMs + (trouble === 'slow' ? chance.around(this.slowMs) : 0),
      isRefused: trouble === 'down',
      isLost: trouble === 'cut',
      isReplyLost: trouble === 'deaf' || (trouble === 'repeats' && chance.is(0.5)),
      againMs: trouble === 'repeats' ? chance.around(20_000) : undefined,
    };
  }

  #delayMs(): number {
    const { chance, kind } = this.#options;
    if (this.trouble === 'slow') return chance.around(this.slowMs);
    // Nothing of an embedded store comes minutes late.
    return this.trouble === 'late' ? chance.around(kind === 'memory' ? 2000 : 60_000) : 0;
  }

  #refusalOf(table: TableName, i: number): CounterError | undefined {
    const { faults, chance } = this.#options;
    if (faults.refusing === undefined || table !== 'counts') return undefined;
    if (i % 2 === 1 && chance.is(0.5)) return undefined;
    faults.hits++;
    return new CounterError('STORE_REFUSED', faults.refusing);
  }
}

function failure(code: string): CounterError {
  return new CounterError(code, 'retry');
}

function storedOf(batch: PutBatch, i: number): StoredCell {
  const { row, qualifier, value, version } = batch.at(i);
  return {
    row: row.toString('latin1'),
    qualifier: qualifier.toString('latin1'),
    value: Buffer.from(value),
    version,
  };
}

function cursorOf({ row, qualifier, value, version }: StoredCell): CellCursor {
  const keys = Buffer.from(row + qualifier, 'latin1');
  const bytes = Buffer.concat([keys, value]);
  return {
    bytes,
    rowStart: 0,
    rowEnd: row.length,
    qualifierStart: row.length,
    qualifierEnd: keys.length,
    valueStart: keys.length,
    valueEnd: bytes.length,
    version,
  };
}
