// A RowStore on this machine's disk: one LevelDB folder, held by one process.
// Promises: what it confirms was synced; of two puts of a cell the higher version stays.
// Never writes on after a failed write: the log may end in a torn record, so it is reopened.
import { join } from 'node:path';
import {
  embeddedJobsMax,
  embeddedScanBytesMax,
  embeddedScanCells,
  embeddedScansConcurrentMax,
  scansWaitingMax,
} from '../../limits.ts';
import { CounterError, toError } from '../../model/errors.ts';
import type {
  CallOptions,
  CellCursor,
  CheckAndPut,
  PutBatch,
  PutOutcome,
  RowRange,
  ScanTally,
} from '../../model/rows.ts';
import { Deadline } from '../deadline.ts';
import { Gate } from '../gate.ts';
import type { RowStore, TableName } from '../row-store.ts';
import { describeHolder, writeHolder } from './holder.ts';
import type { Level, LevelIterator } from './level.ts';
import { iterateLevel, openLevel } from './level.ts';
import {
  CellReader,
  keyOfPut,
  orderedKey,
  orderedRange,
  valueOf,
  versionOf,
  versionedValue,
} from './ordered-key.ts';
import { WorkQueue, closedStore } from './work-queue.ts';
import { endOfWrite, winners } from './writes.ts';
import type { Write } from './writes.ts';

export interface EmbeddedOptions {
  readonly dataDir: string;
  /** The store's clock. */
  readonly wallMs?: () => number;
  /** Tests bring disks that fail. */
  readonly openLevel?: typeof openLevel;
}

interface OpenOutcome {
  readonly confirmed: Uint8Array;
  readonly failures: Map<number, Error>;
}

const levelOptions = { cacheBytes: 32 * 1_048_576, writeBufferBytes: 16 * 1_048_576 };

export class EmbeddedRowStore implements RowStore {
  readonly kind = 'embedded';
  readonly place: string;
  readonly #wallMs: () => number;
  readonly #openLevel: typeof openLevel;
  readonly #queue = new WorkQueue(embeddedJobsMax);
  readonly #scans = new Gate({
    concurrent: embeddedScansConcurrentMax,
    waitingMax: scansWaitingMax,
  });
  #level: Level;
  #torn = false;
  #closed = false;

  private constructor(level: Level, place: string, options: EmbeddedOptions) {
    this.#level = level;
    this.place = place;
    this.#wallMs = options.wallMs ?? Date.now;
    this.#openLevel = options.openLevel ?? openLevel;
  }

  /** Fails with `STORE_LOCKED` where another process (or opening) holds the folder. */
  static async open(options: EmbeddedOptions): Promise<EmbeddedRowStore> {
    const folder = join(options.dataDir, 'store');
    const level = await (options.openLevel ?? openLevel)(folder, levelOptions);
    if (level === undefined) throw await lockedBy(folder);
    const store = new EmbeddedRowStore(level, folder, options);
    try {
      await writeHolder(folder, store.#wallMs());
    } catch (thrown) {
      // Whoever is refused later could not be told by whom; nor will this disk take any count.
      await level.close();
      const detail = `${folder}: ${String(thrown)}`;
      throw new CounterError('STORE_UNOPENED', 'give-up', { cause: thrown, detail });
    }
    return store;
  }

  async put(table: TableName, batch: PutBatch, options: CallOptions): Promise<PutOutcome> {
    const deadline = new Deadline(options);
    const outcome: OpenOutcome = {
      confirmed: new Uint8Array(batch.count),
      failures: new Map<number, Error>(),
    };
    let failure: Error | undefined;
    try {
      const putAll = (): Promise<void> => this.#putAll(table, batch, outcome, deadline);
      await this.#queue.run(putAll, deadline);
    } catch (thrown) {
      if (!(thrown instanceof CounterError)) throw thrown;
      failure = thrown;
    }
    return closeOutcome(outcome, failure);
  }

  scan(
    table: TableName,
    range: RowRange,
    visit: (cell: CellCursor) => void,
    options: CallOptions,
  ): Promise<ScanTally> {
    const deadline = new Deadline(options);
    const scan = (): Promise<ScanTally> => this.#scan(orderedRange(table, range), visit, deadline);
    // Closing an iterator waits for the disk; whoever asked does not wait for it beyond its time.
    return deadline.race(this.#scans.run(scan, deadline));
  }

  checkAndPut(table: TableName, check: CheckAndPut, options: CallOptions): Promise<boolean> {
    const deadline = new Deadline(options);
    return this.#queue.run(async () => {
      await this.#reopenIfTorn();
      const key = orderedKey(table, check.row, check.qualifier);
      const stored = await translated(this.#level.get(key));
      const stands =
        check.expected === null
          ? stored === undefined
          : stored !== undefined && valueOf(stored).equals(check.expected);
      if (!stands) return false;
      // Beyond the version it replaces, also where the clock went back.
      const version = Math.max(this.#wallMs(), stored === undefined ? 0 : versionOf(stored) + 1);
      await this.#write([{ key, value: versionedValue(version, check.value) }]);
      return true;
    }, deadline);
  }

  async nowMs(options: CallOptions): Promise<number> {
    new Deadline(options).throwIfOver();
    if (this.#closed) throw closedStore();
    return Promise.resolve(this.#wallMs());
  }

  /** One key space holds all tables: none can be missing or of another shape. */
  verifyTables(): Promise<readonly string[]> {
    return Promise.resolve([]);
  }

  createTables(): Promise<readonly TableName[]> {
    return Promise.resolve([]);
  }

  async close(): Promise<void> {
    this.#closed = true;
    await this.#queue.close();
    await this.#level.close();
  }

  async #scan(
    range: ReturnType<typeof orderedRange>,
    visit: (cell: CellCursor) => void,
    deadline: Deadline,
  ): Promise<ScanTally> {
    if (this.#closed) throw closedStore();
    const iterator = this.#iterate(range);
    const reader = new CellReader();
    let calls = 0;
    try {
      for (;;) {
        const entries = await deadline.race(translated(iterator.nextv(embeddedScanCells)));
        calls++;
        if (entries.length === 0) return { rows: reader.rows, cells: reader.cells, calls };
        for (const [key, stored] of entries) visit(reader.read(key, stored));
      }
    } finally {
      await iterator.close();
    }
  }

  #iterate(range: ReturnType<typeof orderedRange>): LevelIterator {
    try {
      return iterateLevel(this.#level, range, embeddedScanBytesMax);
    } catch (thrown) {
      throw failed(thrown);
    }
  }

  async #putAll(
    table: TableName,
    batch: PutBatch,
    outcome: OpenOutcome,
    deadline: Deadline,
  ): Promise<void> {
    await this.#reopenIfTorn();
    for (let first = 0; first < batch.count;) {
      deadline.throwIfOver();
      const end = endOfWrite(batch, first);
      const keys: Buffer[] = [];
      for (let i = first; i < end; i++) keys.push(keyOfPut(table, batch, i));
      const standing = await translated(this.#level.getMany(keys));
      const writes = winners({ batch, first, keys, standing }, outcome.failures);
      if (writes.length > 0) await this.#write(writes);
      for (let i = first; i < end; i++) if (!outcome.failures.has(i)) outcome.confirmed[i] = 1;
      first = end;
    }
  }

  async #write(writes: readonly Write[]): Promise<void> {
    try {
      // The chained form costs the event loop a tenth of the array form (measured).
      const batch = this.#level.batch();
      for (const { key, value } of writes) batch.put(key, value);
      await batch.write({ sync: true });
    } catch (thrown) {
      this.#torn = true;
      throw failed(thrown);
    }
  }

  async #reopenIfTorn(): Promise<void> {
    if (!this.#torn) return;
    await translated(this.#level.close());
    this.#level = await this.#openAgain();
    this.#torn = false;
    await translated(writeHolder(this.place, this.#wallMs()));
  }

  /** What could be opened once will be again, when the disk has room. */
  async #openAgain(): Promise<Level> {
    let level: Level | undefined;
    try {
      level = await this.#openLevel(this.place, levelOptions);
    } catch (thrown) {
      throw new CounterError('STORE_FAILED', 'retry', { cause: thrown, detail: String(thrown) });
    }
    if (level === undefined) throw await lockedBy(this.place);
    return level;
  }
}

function closeOutcome(outcome: OpenOutcome, failure: Error | undefined): PutOutcome {
  // Copied: a write under way when the time ran out may still end behind the caller's back.
  const confirmed = outcome.confirmed.slice();
  const failures = new Map(outcome.failures);
  let confirmedCount = 0;
  for (const [i, done] of confirmed.entries()) {
    if (done === 1) confirmedCount++;
    else if (!failures.has(i))
      failures.set(i, failure ?? new CounterError('STORE_FAILED', 'retry'));
  }
  return { confirmed, confirmedCount, failures };
}

async function lockedBy(folder: string): Promise<CounterError> {
  const detail = `${folder} is held by ${await describeHolder(folder)}`;
  return new CounterError('STORE_LOCKED', 'give-up', { detail });
}

async function translated<T>(call: Promise<T>): Promise<T> {
  try {
    return await call;
  } catch (thrown) {
    throw failed(thrown);
  }
}

function failed(thrown: unknown): CounterError {
  if (thrown instanceof CounterError) return thrown;
  const detail = toError(thrown).message;
  return new CounterError('STORE_FAILED', 'retry', { cause: thrown, detail });
}
