// Owns one portion of a reassertion: look, put, look again. Counts what it finds; promises that a
// cell that is counted as healed was seen in the store afterwards, and that before the bulk of the
// work a few puts alone were seen to show.
import {
  flushTimeoutMs,
  reassertProbeCellsMax,
  reassertReadTimeoutMs,
  setAsideExamplesMax,
} from '../limits.ts';
import type { Cell } from '../model/cell.ts';
import { CounterError } from '../model/errors.ts';
import type { CounterStore } from '../store/counter-store.ts';
import { hiddenCells } from '../store/shown-cells.ts';

/** In cells. */
export interface RestoreTally {
  cells: number;
  /** The store showed them before anything was put. */
  intact: number;
  /** It did not. */
  missing: number;
  /** Of these: it shows them now. */
  healed: number;
  /** Of these: put and confirmed, and still not shown. */
  masked: number;
  /** Of event quarters that nobody asks for any more: neither looked at nor put. */
  tooOld: number;
}

export function blankTally(): RestoreTally {
  return { cells: 0, intact: 0, missing: 0, healed: 0, masked: 0, tooOld: 0 };
}

export class RestoredCells {
  readonly #isDry: boolean;
  readonly #evenIfMasked: boolean;
  /** A put of something missing was seen to show. */
  #isShown = false;
  readonly #examples: Cell[] = [];

  constructor(options: { readonly isDry: boolean; readonly evenIfMasked: boolean }) {
    this.#isDry = options.isDry;
    this.#evenIfMasked = options.evenIfMasked;
  }

  get maskedExamples(): readonly Cell[] {
    return this.#examples;
  }

  /** False: none of the first puts is shown, so that the rest was not put. */
  async restore(
    store: CounterStore,
    cells: readonly Cell[],
    tally: RestoreTally,
  ): Promise<boolean> {
    const missing = await this.#hidden(store, cells);
    tally.intact += cells.length - missing.length;
    tally.missing += missing.length;
    if (this.#isDry) return true;
    const probe = missing.slice(0, reassertProbeCellsMax);
    if (!this.#isShown && probe.length > 0) {
      await put(store, probe);
      const masked = await this.#hidden(store, probe);
      this.#isShown = masked.length < probe.length;
      if (!this.#isShown && !this.#evenIfMasked) {
        this.#mask(masked, tally);
        return false;
      }
    }
    // What is shown is put too: a server that is about to be replaced may have shown it.
    await put(store, cells);
    const masked = await this.#hidden(store, missing);
    tally.healed += missing.length - masked.length;
    this.#mask(masked, tally);
    return true;
  }

  async #hidden(store: CounterStore, cells: readonly Cell[]): Promise<Cell[]> {
    if (cells.length === 0) return [];
    const hidden = await hiddenCells(store, cells, { timeoutMs: reassertReadTimeoutMs });
    return hidden.map(({ cell }) => cell);
  }

  #mask(cells: readonly Cell[], tally: RestoreTally): void {
    tally.masked += cells.length;
    this.#examples.push(...cells.slice(0, setAsideExamplesMax - this.#examples.length));
  }
}

async function put(store: CounterStore, cells: readonly Cell[]): Promise<void> {
  const { confirmed, confirmedCount, failures } = await store.putCells(cells, {
    timeoutMs: flushTimeoutMs,
  });
  if (confirmedCount === cells.length) return;
  const cause = failures.get(confirmed.indexOf(0));
  throw new CounterError('REASSERT_INCOMPLETE', 'retry', { cause, detail: cause?.message ?? '' });
}
