// What an adapter writes: five tables of sorted rows, puts by version, scans, check-and-put.
// CounterStore (counter-store.ts) builds the words of the domain on top, once for all adapters.
import type {
  CallOptions,
  CellCursor,
  CheckAndPut,
  PutBatch,
  PutOutcome,
  RowRange,
  ScanTally,
} from '../model/rows.ts';

export const tableNames = ['counts', 'summaries', 'sites', 'meta', 'tokens'] as const;
export type TableName = (typeof tableNames)[number];

/**
 * The private side of a store. Every method fails with a CounterError that carries a remedy.
 * One column family; a cell is (row, qualifier) -> (version, value), and of two puts of one cell
 * the one with the higher version is read, whatever came last. Equal versions have equal values.
 */
export interface RowStore {
  readonly kind: 'memory' | 'embedded' | 'hbase';
  /** Where it is, for a person: a folder, a ZooKeeper quorum. */
  readonly place: string;

  /** Repeatable: an acknowledged put is durable; one that was not may have happened. */
  put(table: TableName, batch: PutBatch, options: CallOptions): Promise<PutOutcome>;

  /**
   * Visits every cell of the rows in the range, in order, each row whole and read atomically.
   * Not a snapshot of the range. Fails rather than leave a row out.
   */
  scan(
    table: TableName,
    range: RowRange,
    visit: (cell: CellCursor) => void,
    options: CallOptions,
  ): Promise<ScanTally>;

  /** True: it stood as expected and was replaced (with the store's own time as its version). */
  checkAndPut(table: TableName, check: CheckAndPut, options: CallOptions): Promise<boolean>;

  /** The store's clock, ms since 1970 UTC. */
  nowMs(options: CallOptions): Promise<number>;

  /** Differences between the tables as they stand and as they should; empty: all is well. */
  verifyTables(options: CallOptions): Promise<readonly string[]>;

  /** Creates the tables that are missing; leaves the others alone. Answers what it created. */
  createTables(options: CallOptions): Promise<readonly TableName[]>;

  close(): Promise<void>;
}
