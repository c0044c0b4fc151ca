// The store in the words of the domain, over any RowStore: puts cells, reads an ad's entries.
// Promises: a put may be repeated freely; a read holds everything confirmed before it began, or
// fails. Never adds anything up and never writes a row that is not a cell.
import { setMaxListeners } from 'node:events';
import { encodeSliceMs, putBatchBytesMax, scansConcurrentMax, scansWaitingMax } from '../limits.ts';
import type { AdId, Cell, SiteId } from '../model/cell.ts';
import { CounterError, toError } from '../model/errors.ts';
import { dayOfQuarter } from '../model/quarter.ts';
import type { QuarterRange } from '../model/quarter.ts';
import { PutBatch } from '../model/rows.ts';
import type { CallOptions, PutOutcome, RowRange, ScanTally } from '../model/rows.ts';
import { Slice } from '../model/slice.ts';
import type { CellEntry } from './cell-codec.ts';
import { putCell } from './cell-codec.ts';
import { AdRowsReader } from './ad-rows-reader.ts';
import { Deadline } from './deadline.ts';
import { Gate } from './gate.ts';
import { countsRanges, countsRowRange } from './key-layout.ts';
import type { Layout, LayoutGuard } from './layout.ts';
import { guardLayout } from './layout.ts';
import { PutFailures } from './put-failures.ts';
import type { RowStore } from './row-store.ts';

/** Cells by number, so that a flush hands over its copy without a hundred thousand objects. */
export interface CellList {
  readonly count: number;
  at(i: number): Cell;
}

/** Outcome of each cell of a list: confirmed, or why not. */
export interface CellsOutcome {
  /** 1 where the store acknowledged cell i, else 0. */
  readonly confirmed: Uint8Array;
  readonly confirmedCount: number;
  /** Every cell that is not confirmed has a reason. */
  readonly failures: PutFailures;
}

export type VisitEntry = (entry: CellEntry) => void;

/** Cells encoded between two looks at the time. */
const cellsPerLook = 128;

export class CounterStore {
  readonly layout: Layout;
  readonly #rows: RowStore;
  readonly #scans = new Gate({ concurrent: scansConcurrentMax, waitingMax: scansWaitingMax });

  private constructor(rows: RowStore, layout: Layout) {
    this.#rows = rows;
    this.layout = layout;
  }

  /** Fails with `SCHEMA_MISSING` or `SCHEMA_MISMATCH` where the store is not as it must be. */
  static async open(
    rows: RowStore,
    guard: LayoutGuard,
    options: CallOptions,
  ): Promise<CounterStore> {
    return new CounterStore(rows, await guardLayout(rows, guard, options));
  }

  get kind(): RowStore['kind'] {
    return this.#rows.kind;
  }

  get place(): string {
    return this.#rows.place;
  }

  nowMs(options: CallOptions): Promise<number> {
    return this.#rows.nowMs(options);
  }

  close(): Promise<void> {
    return this.#rows.close();
  }

  /**
   * Puts absolute counts; outcome i is that of cell i. Never rejects because of the store: what
   * was not confirmed is in `failures`, and may have happened all the same.
   */
  async putCells(cells: readonly Cell[] | CellList, options: CallOptions): Promise<CellsOutcome> {
    const list: CellList = 'count' in cells ? cells : listOf(cells);
    const deadline = new Deadline(options);
    const confirmed = new Uint8Array(list.count);
    const failures = new PutFailures();
    let confirmedCount = 0;
    // What comes after the deadline is not even encoded.
    const encode = async (first: number): Promise<PutBatch | undefined> =>
      first === list.count || deadline.over !== undefined
        ? undefined
        : await this.#encode(list, first);
    let encoding = encode(0);
    for (let first = 0; first < list.count;) {
      const batch = await encoding;
      const { over } = deadline;
      if (batch === undefined || over !== undefined) {
        failures.addAll(first, list.count, over ?? new CounterError('STORE_TIMEOUT', 'retry'));
        break;
      }
      const end = first + batch.count;
      // The next batch is encoded while this one is on its way.
      const [outcome] = await Promise.all([this.#put(batch, deadline), (encoding = encode(end))]);
      if (outcome instanceof CounterError) failures.addAll(first, end, outcome);
      else {
        confirmed.set(outcome.confirmed, first);
        confirmedCount += outcome.confirmedCount;
        failures.addBatch(first, end, outcome.failures);
      }
      first = end;
    }
    return { confirmed, confirmedCount, failures };
  }

  /** Visits every entry of the ad in the quarters, in no order: one parallel scan per salt. */
  readAd(
    ad: AdId,
    quarters: QuarterRange,
    visit: VisitEntry,
    options: CallOptions,
  ): Promise<ScanTally> {
    if (quarters.end <= quarters.first) return Promise.resolve(nothingScanned);
    const ranges = countsRanges(ad, quarters, this.layout.salts);
    return this.#scanAll(ranges, { ad, quarters, visit }, options);
  }

  /** The same for one site: one row per day. */
  readAdSite(
    { ad, site }: { readonly ad: AdId; readonly site: SiteId },
    quarters: QuarterRange,
    visit: VisitEntry,
    options: CallOptions,
  ): Promise<ScanTally> {
    const ranges: RowRange[] = [];
    const endDay = dayOfQuarter(quarters.end - 1) + 1;
    for (let day = dayOfQuarter(quarters.first); day < endDay; day++) {
      ranges.push(countsRowRange({ ad, site, day, salts: this.layout.salts }));
    }
    return this.#scanAll(ranges, { ad, quarters, visit }, options);
  }

  /** Encodes from `first` on until the batch is full, in short slices of the event loop. */
  async #encode(list: CellList, first: number): Promise<PutBatch> {
    const batch = new PutBatch(Math.min(list.count - first, putBatchBytesMax / 256));
    const slice = await Slice.begin(encodeSliceMs);
    for (let i = first; i < list.count && batch.byteLength < putBatchBytesMax; i++) {
      putCell(batch, list.at(i), this.layout.salts);
      if (i % cellsPerLook === 0 && slice.isOver) await slice.next();
    }
    return batch;
  }

  /** An error: nothing of the batch was confirmed. */
  async #put(batch: PutBatch, deadline: Deadline): Promise<PutOutcome | CounterError> {
    try {
      deadline.throwIfOver();
      return await this.#rows.put('counts', batch, deadline.rest());
    } catch (thrown) {
      if (!(thrown instanceof CounterError)) throw thrown;
      return thrown;
    }
  }

  async #scanAll(
    ranges: readonly RowRange[],
    read: { readonly ad: AdId; readonly quarters: QuarterRange; readonly visit: VisitEntry },
    options: CallOptions,
  ): Promise<ScanTally> {
    // The first failure ends the others: their part alone would be no answer.
    const abort = new AbortController();
    setMaxListeners(0, abort.signal);
    const follow = (): void => abort.abort();
    options.signal?.addEventListener('abort', follow, { once: true });
    if (options.signal?.aborted === true) follow();
    const deadline = new Deadline({ timeoutMs: options.timeoutMs, signal: abort.signal });
    let firstFailure: Error | undefined;
    const scanOne = async (range: RowRange): Promise<ScanTally> => {
      const reader = new AdRowsReader(read);
      try {
        const scan = (): Promise<ScanTally> =>
          this.#rows.scan('counts', range, (cell) => reader.add(cell), deadline.rest());
        const tally = await this.#scans.run(scan, deadline);
        reader.end();
        return tally;
      } catch (thrown) {
        firstFailure ??= toError(thrown);
        abort.abort();
        return nothingScanned;
      }
    };
    try {
      const tallies = await Promise.all(ranges.map(scanOne));
      if (firstFailure !== undefined) throw firstFailure;
      return tallies.reduce(addTallies, nothingScanned);
    } finally {
      options.signal?.removeEventListener('abort', follow);
    }
  }
}

const nothingScanned: ScanTally = { rows: 0, cells: 0, calls: 0 };

function addTallies(sum: ScanTally, tally: ScanTally): ScanTally {
  return {
    rows: sum.rows + tally.rows,
    cells: sum.cells + tally.cells,
    calls: sum.calls + tally.calls,
  };
}

function listOf(cells: readonly Cell[]): CellList {
  return {
    count: cells.length,
    at(i) {
      const cell = cells[i];
      if (cell === undefined) throw new RangeError('a cell beyond the list');
      return cell;
    },
  };
}
