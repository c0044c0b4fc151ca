// Owns the answer to how long counting goes on without the store, at the rates of the last
// minutes: until the journal's bound, the disk or the memory is full, whichever comes first.
// A figure for operators; nothing is decided by it.
import type { Core } from './core.ts';
import {
  budgetCellsMs,
  budgetJournalMs,
  budgetSampleMsMin,
  journalDiskFreeBytesMin,
  unregisteredMs,
} from './limits.ts';

export interface OutageBudgetOptions {
  readonly core: Core;
  /** This process' share. */
  readonly journalBytesMax: number;
  /** How many processes fill the disk. */
  readonly share: number;
  readonly monotonicMs: () => number;
}

interface Sample {
  readonly atMs: number;
  readonly journalBytes: number;
  readonly cellBytes: number;
}

export class OutageBudget {
  readonly #options: OutageBudgetOptions;
  #samples: Sample[];

  constructor(options: OutageBudgetOptions) {
    this.#options = options;
    this.#samples = [this.#now()];
  }

  /** Called now and then. */
  sample(): void {
    const now = this.#now();
    const last = this.#samples.at(-1);
    if (last !== undefined && now.atMs - last.atMs < budgetSampleMsMin) return;
    this.#samples.push(now);
    // The first one that is kept is the youngest that covers the longest window.
    const covering = this.#samples.findLastIndex(({ atMs }) => now.atMs - atMs >= budgetCellsMs);
    if (covering > 0) this.#samples = this.#samples.slice(covering);
  }

  /** Null: nothing grows, or it is too early to tell. */
  get seconds(): number | null {
    const { core } = this.#options;
    const isFull = ['journal_full', 'disk_full', 'memory_full', 'no_journal'];
    if (isFull.includes(core.ingest.refusal ?? '')) return 0;
    const seconds = Math.min(this.#journalSeconds(), this.#memorySeconds(), this.#unknownSeconds());
    return Number.isFinite(seconds) ? Math.max(0, Math.floor(seconds)) : null;
  }

  #journalSeconds(): number {
    const { core, journalBytesMax, share } = this.#options;
    const { folder, ingest } = core;
    // What is aside gives way before anything is refused.
    const left = Math.min(
      journalBytesMax - (ingest.current?.journal.bytes ?? 0),
      (folder.journals.maxBytes - folder.journals.keptBytes) / share,
      (folder.freeBytes + folder.journals.asideBytes - journalDiskFreeBytesMin) / share,
    );
    return lasts(left, this.#rate('journalBytes', budgetJournalMs));
  }

  #memorySeconds(): number {
    const { core } = this.#options;
    // Over a whole quarter: cells are new at its beginning, and the same ones count until its end.
    const left = core.memory.maxBytes - core.memory.heldBytes(core.ingest.cellBytes);
    return lasts(left, this.#rate('cellBytes', budgetCellsMs));
  }

  /** A process that the store does not know yet accepts for a day. */
  #unknownSeconds(): number {
    const { core, monotonicMs } = this.#options;
    if (core.ingest.current?.registered !== false) return Infinity;
    return (unregisteredMs - (monotonicMs() - core.ingest.unregisteredSinceMs)) / 1000;
  }

  /** Bytes a second over the window, or over what is known of it. */
  #rate(what: 'journalBytes' | 'cellBytes', windowMs: number): number {
    const now = this.#now();
    const from = this.#samples.findLast(({ atMs }) => now.atMs - atMs >= windowMs);
    const first = from ?? this.#samples[0] ?? now;
    const passedMs = now.atMs - first.atMs;
    return passedMs < budgetSampleMsMin ? 0 : ((now[what] - first[what]) / passedMs) * 1000;
  }

  #now(): Sample {
    return { atMs: this.#options.monotonicMs(), ...this.#options.core.ingest.grown };
  }
}

function lasts(leftBytes: number, bytesPerSecond: number): number {
  return bytesPerSecond > 0 ? leftBytes / bytesPerSecond : Infinity;
}
