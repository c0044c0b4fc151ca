// Owns what of the dead writers' counts is in the store and what is not: puts an estate quarter by
// quarter, under its own id. A cell that the store refuses for good is named, and keeps none of the
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

export interface EstatePutsOptions {
  readonly disk: Disk;
  readonly link: StoreLink;
  readonly monotonicMs: () => number;
  readonly metrics: {
    ledgerJournaled(counts: number): void;
    ledgerConfirmed(counts: number): void;
    replayedEvents(events: number): void;
  };
}

export interface CellsRefused {
  readonly cells: number;
  /** Some of them, for an operator. */
  readonly examples: readonly CellSetAside[];
}

export class EstatePuts {
  readonly #options: EstatePutsOptions;
  /** Counts found by a replay and not confirmed yet, by writer and quarter. */
  readonly #unconfirmed = new Map<string, number>();
  readonly #found = new Set<string>();
  readonly #refused = new Map<string, CellsRefused>();
  /** Of writers with a refused cell: reading their whole journal each round costs others. */
  readonly #waiting = new Map<WriterId, SetAsideBackOff>();

  constructor(options: EstatePutsOptions) {
    this.#options = options;
  }

  /** Replayed and not confirmed: part of what the ledger calls unflushed. */
  get unflushedCounts(): number {
    let counts = 0;
    for (const unconfirmed of this.#unconfirmed.values()) counts += unconfirmed;
    return counts;
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
   * stopped. Errors: RECOVERY_INCOMPLETE where not everything is confirmed.
   */
  async putAll(
    estate: Estate,
    registeredMs: number,
    isStopped: () => boolean,
  ): Promise<number | undefined> {
    const { writer, replay } = estate;
    let alarms = replay.alarms;
    let refusal: Error | undefined;
    for (const quarter of replay.quarters(registeredMs)) {
      if (isStopped()) return undefined;
      const put = await this.#putQuarter(estate, quarter);
      alarms += put.alarms;
      refusal ??= put.refusal;
    }
    if (refusal === undefined) {
      this.#waiting.delete(writer);
      return alarms;
    }
    const backOff = this.#waiting.get(writer) ?? new SetAsideBackOff(this.#options.monotonicMs);
    this.#waiting.set(writer, backOff);
    backOff.tried({ anyConfirmed: false });
    throw incomplete(writer, refusal);
  }

  async #putQuarter(
    { writer, folder }: Estate,
    segments: QuarterSegments,
  ): Promise<{ readonly alarms: number; readonly refusal?: Error }> {
    const { disk, link, metrics } = this.#options;
    const quarter = segments.acceptanceQuarter;
    if (quarter === undefined) return { alarms: 0 };
    const found = await replayQuarter({ disk, folder }, segments);
    const place = `${writer} ${quarter}`;
    if (!this.#found.has(place)) {
      this.#found.add(place);
      this.#unconfirmed.set(place, found.counts);
      metrics.ledgerJournaled(found.counts);
      metrics.replayedEvents(found.counts);
    }
    const count = found.cells.length;
    const cells = { count, at: (i: number) => cellAt(writer, quarter, found, i) };
    const store = await link.reach();
    const outcome = await store.putCells(cells, { timeoutMs: flushTimeoutMs });
    this.#refused.delete(place);
    if (outcome.confirmedCount < count) {
      const { refused, first } = refusedIn(outcome, cells);
      if (refused.cells > 0) this.#refused.set(place, refused);
      if (outcome.confirmedCount + refused.cells < count) throw incomplete(writer, first);
      return { alarms: found.alarms, refusal: first };
    }
    metrics.ledgerConfirmed(this.#unconfirmed.get(place) ?? 0);
    this.#unconfirmed.delete(place);
    return { alarms: found.alarms };
  }
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

function incomplete(writer: WriterId, cause: Error): CounterError {
  return new CounterError('RECOVERY_INCOMPLETE', 'retry', { detail: `writer ${writer}`, cause });
}
