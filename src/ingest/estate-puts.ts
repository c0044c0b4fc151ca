// Owns the putting of what dead writers counted, quarter by quarter, under their own ids, and
// enters it into the book; some of it is read back. A cell that the store refuses for good, or
// takes and does not show, is named and keeps none of the others back. Never seals a writer, never
// deletes.
import type { CellSetAside } from '../counters/counters.ts';
import type { Disk } from '../journal/disk.ts';
import type { QuarterSegments } from '../journal/replay.ts';
import { replayQuarter } from '../journal/replay-quarter.ts';
import type { QuarterReplay } from '../journal/replay-quarter.ts';
import {
  flushTimeoutMs,
  recoveryPutCellsMax,
  replayedCellBytes,
  setAsideExamplesMax,
} from '../limits.ts';
import type { Cell } from '../model/cell.ts';
import { CounterError } from '../model/errors.ts';
import type { WriterId } from '../model/writer-id.ts';
import { isRefusal, SetAsideBackOff } from '../store/refusals.ts';
import type { QuarterInDoubt } from '../store/shown-cells.ts';
import type { StoreLink } from '../store/store-link.ts';
import { cellAt } from './estate.ts';
import type { Estate } from './estate.ts';
import { EstateReadBack } from './estate-read-back.ts';
import { EstateProgress } from './estate-progress.ts';
import type { QuarterProgress } from './estate-progress.ts';
import type { RecoveryBook } from './recovery-book.ts';

export interface EstatePutsOptions {
  readonly disk: Disk;
  readonly link: StoreLink;
  readonly monotonicMs: () => number;
  readonly retentionDays: number;
}

export interface CellsRefused {
  readonly cells: number;
  /** Some of them, for an operator. */
  readonly examples: readonly CellSetAside[];
}

export class EstatePuts {
  readonly #options: EstatePutsOptions;
  readonly #book: RecoveryBook;
  readonly #readBack: EstateReadBack;
  /** By writer and acceptance quarter. */
  readonly #refused = new Map<string, CellsRefused>();
  /** Of writers with such a cell: reading their whole journal each round costs others. */
  readonly #waiting = new Map<WriterId, SetAsideBackOff>();

  readonly #progress = new EstateProgress();
  #heldBytes = 0;

  constructor(options: EstatePutsOptions, book: RecoveryBook) {
    this.#options = options;
    this.#book = book;
    this.#readBack = new EstateReadBack(options, book);
  }

  /** Of the cells of the quarter that is being put. */
  get heldBytes(): number {
    return this.#heldBytes;
  }

  get setAside(): CellsRefused {
    const all = [...this.#refused.values()];
    return {
      cells: all.reduce((sum, { cells }) => sum + cells, 0),
      examples: all.flatMap(({ examples }) => examples).slice(0, setAsideExamplesMax),
    };
  }

  /** Quarters that the store does not show, though it confirmed every put of them. */
  get inDoubt(): readonly QuarterInDoubt[] {
    return this.#readBack.inDoubt;
  }

  /** Something of the writer's is refused or not shown, and it is too early to try again. */
  isWaiting(writer: WriterId): boolean {
    return this.#waiting.get(writer)?.isDue === false;
  }

  /** Nothing of the writer's is left to be put from here, whoever did it. */
  forget(writer: WriterId): void {
    for (const place of this.#refused.keys()) {
      if (place.startsWith(`${writer} `)) this.#refused.delete(place);
    }
    this.#waiting.delete(writer);
    this.#progress.forget(writer);
    this.#readBack.forget(writer);
  }

  /**
   * Puts every quarter, oldest first. Answers what was found wrong in the frames; undefined:
   * stopped. Errors: RECOVERY_REFUSED where all is confirmed but what the store refuses for good,
   * RECOVERY_MASKED where it confirmed all and does not show it, RECOVERY_INCOMPLETE where more is
   * missing.
   */
  async putAll(
    estate: Estate,
    registeredMs: number,
    isStopped: () => boolean,
  ): Promise<number | undefined> {
    const { writer, replay } = estate;
    let alarms = replay.alarms;
    let cells = 0;
    let refusal: Error | undefined;
    for (const quarter of replay.quarters(registeredMs)) {
      if (isStopped()) return undefined;
      const put = await this.#putQuarter(estate, quarter);
      alarms += put.alarms;
      cells += put.refusedCells;
      refusal ??= put.refusal;
    }
    const masked = this.inDoubt.filter((doubt) => doubt.writer === writer).length;
    if (refusal === undefined && masked === 0) {
      this.forget(writer);
      return alarms;
    }
    const backOff = this.#waiting.get(writer) ?? new SetAsideBackOff(this.#options.monotonicMs);
    this.#waiting.set(writer, backOff);
    backOff.tried({ anyConfirmed: false });
    if (refusal === undefined) {
      const detail = `writer ${writer}: the store confirmed ${masked} quarters and does not show them`;
      throw new CounterError('RECOVERY_MASKED', 'retry', { detail });
    }
    const detail = `writer ${writer}, cells refused: ${cells}, the first: ${refusal.message}`;
    throw new CounterError('RECOVERY_REFUSED', 'retry', { detail, cause: refusal });
  }

  async #putQuarter(estate: Estate, segments: QuarterSegments): Promise<QuarterPut> {
    const quarter = segments.acceptanceQuarter;
    if (quarter === undefined) return { alarms: 0, refusedCells: 0 };
    const { writer, folder } = estate;
    const place = `${writer} ${quarter}`;
    const known = this.#progress.of(writer, quarter, estate.replay.segments);
    if (known.isDone) return { alarms: known.alarms, refusedCells: 0 };
    const found = await replayQuarter({ disk: this.#options.disk, folder }, segments);
    try {
      this.#heldBytes = found.cells.length * replayedCellBytes;
      const { alarms, counts } = found;
      this.#book.found(writer, quarter, { counts, cells: found.cells.length });
      const left = await this.#putLeft(estate, quarter, found, known);
      this.#refused.delete(place);
      if (left.count === 0) {
        const all = {
          count: found.cells.length,
          at: (i: number) => cellAt(writer, quarter, found, i),
        };
        // What is confirmed and not shown is put again: after a compaction that counts.
        if (await this.#readBack.isShown(all, writer, quarter)) known.done(alarms);
        else known.isNotShown();
        return { alarms, refusedCells: 0 };
      }
      if (left.refused.cells > 0) this.#refused.set(place, left.refused);
      if (left.refused.cells < left.count) {
        const detail = `writer ${writer}: ${left.first.message}`;
        throw new CounterError('RECOVERY_INCOMPLETE', 'retry', { detail, cause: left.first });
      }
      return { alarms, refusedCells: left.refused.cells, refusal: left.first };
    } finally {
      this.#heldBytes = 0;
    }
  }

  /**
   * Puts what is not confirmed yet, so many cells at a time, each with the time of a round: a
   * store that comes back slowly confirms a part of them, and the next attempt begins behind it.
   */
  async #putLeft(
    { writer }: Estate,
    quarter: number,
    found: QuarterReplay,
    known: QuarterProgress,
  ): Promise<CellsLeft> {
    const left = new CellsLeft();
    let confirmedCounts = 0;
    let lastConfirmed = 1;
    const portion: number[] = [];
    const put = async (): Promise<void> => {
      const at = (i: number): Cell => cellAt(writer, quarter, found, portion[i] ?? 0);
      const store = await this.#options.link.reach();
      const cells = { count: portion.length, at };
      const outcome = await store.putCells(cells, { timeoutMs: flushTimeoutMs });
      lastConfirmed = outcome.confirmedCount;
      portion.forEach((cell, i) => {
        if (outcome.confirmed[i] === 1) known.confirm(cell);
        else left.add(outcome.failures.get(i), at(i));
      });
      portion.length = 0;
    };
    const isLeft = known.unconfirmed(found.cells.length, found.counts);
    for (let i = 0; i < found.cells.length; i++) {
      // A store that confirms nothing is not asked for all the rest.
      if (isLeft(i) && lastConfirmed > 0) portion.push(i);
      else if (isLeft(i)) left.skip();
      if (portion.length === recoveryPutCellsMax) await put();
    }
    if (portion.length > 0) await put();
    let cells = 0;
    found.cells.forEach(({ n }, i) => {
      if (isLeft(i)) return;
      confirmedCounts += n;
      cells++;
    });
    this.#book.put(writer, quarter, { counts: confirmedCounts, cells });
    return left;
  }
}

interface QuarterPut {
  /** What was found wrong in its frames. */
  readonly alarms: number;
  readonly refusedCells: number;
  readonly refusal?: Error;
}

/** What a put did not confirm: refused for good, or failed, or not even tried. */
class CellsLeft {
  count = 0;
  #refusedCells = 0;
  readonly #examples: CellSetAside[] = [];
  #passing: Error | undefined;
  #refusal: Error | undefined;

  get refused(): CellsRefused {
    return { cells: this.#refusedCells, examples: this.#examples };
  }

  /** The first failure that is not a refusal, or else the first refusal. */
  get first(): Error {
    return this.#passing ?? this.#refusal ?? new CounterError('STORE_FAILED', 'retry');
  }

  skip(): void {
    this.count++;
  }

  add(failure: Error | undefined, cell: Cell): void {
    this.count++;
    if (!isRefusal(failure)) {
      this.#passing ??= failure;
      return;
    }
    this.#refusal ??= failure;
    this.#refusedCells++;
    if (this.#examples.length === setAsideExamplesMax) return;
    const { writer, ad, site, eventQuarter } = cell;
    this.#examples.push({ writer, ad, site, eventQuarter, reason: failure.message });
  }
}
