// Owns the putting of what dead writers counted, quarter by quarter, under their own ids, and
// enters it into the book. A cell that the store refuses for good is named, and keeps none of the
// others back. Never seals a writer, never deletes.
import type { CellSetAside } from '../counters/counters.ts';
import type { Disk } from '../journal/disk.ts';
import type { QuarterSegments } from '../journal/replay.ts';
import { replayQuarter } from '../journal/replay-quarter.ts';
import { flushTimeoutMs, setAsideExamplesMax } from '../limits.ts';
import type { Cell } from '../model/cell.ts';
import { CounterError } from '../model/errors.ts';
import type { WriterId } from '../model/writer-id.ts';
import type { CellsOutcome } from '../store/counter-store.ts';
import { isRefusal, SetAsideBackOff } from '../store/refusals.ts';
import type { StoreLink } from '../store/store-link.ts';
import { cellAt } from './estate.ts';
import type { Estate } from './estate.ts';
import type { RecoveryBook } from './recovery-book.ts';

export interface EstatePutsOptions {
  readonly disk: Disk;
  readonly link: StoreLink;
  readonly monotonicMs: () => number;
}

export interface CellsRefused {
  readonly cells: number;
  /** Some of them, for an operator. */
  readonly examples: readonly CellSetAside[];
}

export class EstatePuts {
  readonly #options: EstatePutsOptions;
  readonly #book: RecoveryBook;
  /** By writer and acceptance quarter. */
  readonly #refused = new Map<string, CellsRefused>();
  /** Of writers with a refused cell: reading their whole journal each round costs others. */
  readonly #waiting = new Map<WriterId, SetAsideBackOff>();

  constructor(options: EstatePutsOptions, book: RecoveryBook) {
    this.#options = options;
    this.#book = book;
  }

  get setAside(): CellsRefused {
    const all = [...this.#refused.values()];
    return {
      cells: all.reduce((sum, { cells }) => sum + cells, 0),
      examples: all.flatMap(({ examples }) => examples).slice(0, setAsideExamplesMax),
    };
  }

  /** Something of the writer's is refused, and it is too early to try again. */
  isWaiting(writer: WriterId): boolean {
    return this.#waiting.get(writer)?.isDue === false;
  }

  /**
   * Puts every quarter, oldest first. Answers what was found wrong in the frames; undefined:
   * stopped. Errors: RECOVERY_REFUSED where all is confirmed but what the store refuses for good,
   * RECOVERY_INCOMPLETE where more is missing.
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
    if (refusal === undefined) {
      this.#waiting.delete(writer);
      return alarms;
    }
    const backOff = this.#waiting.get(writer) ?? new SetAsideBackOff(this.#options.monotonicMs);
    this.#waiting.set(writer, backOff);
    backOff.tried({ anyConfirmed: false });
    const detail = `writer ${writer}, cells refused: ${cells}, the first: ${refusal.message}`;
    throw new CounterError('RECOVERY_REFUSED', 'retry', { detail, cause: refusal });
  }

  async #putQuarter({ writer, folder }: Estate, segments: QuarterSegments): Promise<QuarterPut> {
    const { disk, link } = this.#options;
    const quarter = segments.acceptanceQuarter;
    if (quarter === undefined) return { alarms: 0, refusedCells: 0 };
    const found = await replayQuarter({ disk, folder }, segments);
    const { alarms, counts } = found;
    const count = found.cells.length;
    this.#book.found(writer, quarter, { counts, cells: count });
    const cells = { count, at: (i: number) => cellAt(writer, quarter, found, i) };
    const store = await link.reach();
    const outcome = await store.putCells(cells, { timeoutMs: flushTimeoutMs });
    const place = `${writer} ${quarter}`;
    this.#refused.delete(place);
    const { confirmed, confirmedCount } = outcome;
    const putCounts = found.cells.reduce((sum, { n }, i) => sum + (confirmed[i] === 1 ? n : 0), 0);
    this.#book.put(writer, quarter, { counts: putCounts, cells: confirmedCount });
    if (confirmedCount === count) return { alarms, refusedCells: 0 };
    const { refused, first } = refusedIn(outcome, cells);
    if (refused.cells > 0) this.#refused.set(place, refused);
    if (confirmedCount + refused.cells < count) {
      const detail = `writer ${writer}: ${first.message}`;
      throw new CounterError('RECOVERY_INCOMPLETE', 'retry', { detail, cause: first });
    }
    return { alarms, refusedCells: refused.cells, refusal: first };
  }
}

interface QuarterPut {
  /** What was found wrong in its frames. */
  readonly alarms: number;
  readonly refusedCells: number;
  readonly refusal?: Error;
}

/** What is refused for good, and the first failure that is not, or else the first refusal. */
function refusedIn(
  { confirmed, failures }: CellsOutcome,
  cells: { readonly count: number; at(i: number): Cell },
): { readonly refused: CellsRefused; readonly first: Error } {
  let passing: Error | undefined;
  let refusal: Error | undefined;
  let count = 0;
  const examples: CellSetAside[] = [];
  for (let i = 0; i < cells.count; i++) {
    if (confirmed[i] === 1) continue;
    const failure = failures.get(i);
    if (!isRefusal(failure)) passing ??= failure;
    else {
      refusal ??= failure;
      count++;
      if (examples.length === setAsideExamplesMax) continue;
      const { writer, ad, site, eventQuarter } = cells.at(i);
      examples.push({ writer, ad, site, eventQuarter, reason: failure.message });
    }
  }
  const first = passing ?? refusal ?? new CounterError('STORE_FAILED', 'retry');
  return { refused: { cells: count, examples }, first };
}
