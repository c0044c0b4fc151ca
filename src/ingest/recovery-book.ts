// Owns what a recovery found in each journal, what it put and why it left the rest: for the ledger,
// for the log, and for whoever asked for the recovery. Decides nothing.
import type { JournalProblem } from '../journal/problems.ts';
import type { Log } from '../log.ts';
import { assert } from '../model/assert.ts';
import { CounterError } from '../model/errors.ts';
import { quarterStartMs } from '../model/quarter.ts';
import type { WriterId } from '../model/writer-id.ts';
import type { Estate } from './estate.ts';

export interface RecoveryMetrics {
  ledgerJournaled(counts: number): void;
  ledgerConfirmed(counts: number): void;
  replayedEvents(events: number): void;
  readBackFailed(): void;
  journalError(kind: 'torn' | 'corrupt'): void;
}

/** What became of a journal at the last look; those of `settledFates` leave nothing to do. */
export type Fate =
  /** All is put, its writer is sealed now. */
  | 'sealed'
  /** Its writer was sealed before: what it held is in the store, put again where that may be. */
  | 'over'
  /** Nothing was ever written in it. */
  | 'empty'
  /** Somebody holds its lock: its writer lives, or another recovers it. */
  | 'in_use'
  /** All is put; nothing proves yet that its writer is dead. */
  | 'unproven'
  /** Its writer never reached the store, and nothing proves yet that it is dead: nothing is put. */
  | 'unregistered'
  /** All that can be read is put; something is missing, so its writer stays open. */
  | 'gap'
  /** An operator has called its writer lost: what could be read is put, its files went aside. */
  | 'lost'
  /** Its writer's record cannot be read: put as far as the journal itself tells. */
  | 'no_record'
  /** A segment could not be read: the disk may give it later. */
  | 'unreadable'
  /** The store has never heard of its writer, which counted for another store. */
  | 'other_store'
  /** All but some cells is put: the store refuses those for good. They are tried again, seldom. */
  | 'refused'
  /** All is put and confirmed, and the store does not show it: hidden by deletes. Tried again. */
  | 'masked'
  /** The registry or the store refused or did not answer; another attempt may succeed. */
  | 'failed';

export const settledFates: ReadonlySet<Fate> = new Set<Fate>([
  'sealed',
  'over',
  'empty',
  'in_use',
  'lost',
]);

/** Of a failed attempt. */
export function fateOf(error: Error): Fate {
  const code = error instanceof CounterError ? error.code : '';
  if (code === 'RECOVERY_MASKED') return 'masked';
  return code === 'RECOVERY_REFUSED' ? 'refused' : 'failed';
}

export interface Finding {
  readonly writer: WriterId;
  readonly folder: string;
  readonly fate: Fate;
  /** What went wrong; for a person. */
  readonly reason: string | undefined;
  readonly segments: number;
  readonly frames: number;
  readonly problems: readonly JournalProblem[];
  /** In counts: found in the journal, and confirmed by the store. */
  readonly foundCounts: number;
  readonly putCounts: number;
  readonly putCells: number;
}

export interface Amount {
  readonly counts: number;
  readonly cells: number;
}

interface QuarterFound {
  /** At the attempt that could read most. */
  found: Amount;
  /** At the attempt that the store confirmed most of. */
  put: Amount;
}

const nothing: Amount = { counts: 0, cells: 0 };

export class RecoveryBook {
  readonly #metrics: RecoveryMetrics;
  readonly #log: Log;
  readonly #estates = new Map<WriterId, Estate>();
  /** What a replay found, by writer and acceptance quarter. */
  readonly #quarters = new Map<WriterId, Map<number, QuarterFound>>();
  readonly #findings = new Map<WriterId, Finding>();

  constructor(metrics: RecoveryMetrics, log: Log) {
    this.#metrics = metrics;
    this.#log = log;
  }

  get findings(): readonly Finding[] {
    return [...this.#findings.values()];
  }

  /** Replayed and not confirmed: part of what the ledger calls unflushed. */
  get unflushedCounts(): number {
    let counts = 0;
    for (const quarters of this.#quarters.values()) {
      for (const { found, put } of quarters.values()) counts += found.counts - put.counts;
    }
    return counts;
  }

  /** Says once what is wrong with a journal, and with each attempt that it is read. */
  began(estate: Estate): void {
    const { writer, replay } = estate;
    const isNew = !this.#estates.has(writer);
    this.#estates.set(writer, estate);
    if (isNew) this.#tellProblems(estate);
    const what = 'What a dead writer left behind is read';
    this.#log.info('recovery.began', what, {
      writer_id: writer,
      segments: replay.segments.length,
    });
  }

  /** Counted once, however often a failed attempt is repeated. */
  found(writer: WriterId, quarter: number, amount: Amount): void {
    const quarters = this.#quarters.get(writer) ?? new Map<number, QuarterFound>();
    this.#quarters.set(writer, quarters);
    const standing = quarters.get(quarter) ?? { found: nothing, put: nothing };
    quarters.set(quarter, standing);
    const more = amount.counts - standing.found.counts;
    // A disk that gives less this time takes back nothing of what was found.
    if (more <= 0) return;
    standing.found = amount;
    this.#metrics.ledgerJournaled(more);
    this.#metrics.replayedEvents(more);
  }

  /** Of what was found: what the store has confirmed. */
  put(writer: WriterId, quarter: number, amount: Amount): void {
    const standing = this.#quarters.get(writer)?.get(quarter);
    assert(standing !== undefined, 'what is put was found before');
    const more = amount.counts - standing.put.counts;
    if (more <= 0) return;
    standing.put = amount;
    this.#metrics.ledgerConfirmed(more);
  }

  /** Another recoverer, or the writer itself, has put all of it: the registry says so. */
  putElsewhere(writer: WriterId): void {
    for (const [quarter, { found }] of this.#quarters.get(writer) ?? []) {
      this.put(writer, quarter, found);
    }
  }

  /** The store confirmed the quarter and does not show it. */
  masked(writer: WriterId, quarter: number, hidden: number): void {
    this.#metrics.readBackFailed();
    const what =
      'What a dead writer left was put and confirmed, and is not shown: was it deleted by hand? A ' +
      'major compaction of the table lets it show; until then its files stay';
    const moment = new Date(quarterStartMs(quarter)).toISOString();
    this.#log.error('recovery.masked', what, { writer_id: writer, quarter: moment, hidden });
  }

  judge(writer: WriterId, folder: string, fate: Fate, reason?: string): void {
    const replay = this.#estates.get(writer)?.replay;
    const quarters = [...(this.#quarters.get(writer)?.values() ?? [])];
    const sumOf = (of: (quarter: QuarterFound) => number): number =>
      quarters.reduce((sum, quarter) => sum + of(quarter), 0);
    const foundCounts = sumOf(({ found }) => found.counts);
    const putCounts = sumOf(({ put }) => put.counts);
    this.#findings.set(writer, {
      writer,
      folder,
      fate,
      reason,
      segments: replay?.segments.length ?? 0,
      frames: replay?.segments.reduce((sum, { frames }) => sum + frames, 0) ?? 0,
      problems: replay?.problems ?? [],
      foundCounts,
      putCounts,
      putCells: sumOf(({ put }) => put.cells),
    });
    // Nobody looks at it again: what is kept of it is what was found.
    if (!settledFates.has(fate) || fate === 'in_use') return;
    this.#estates.delete(writer);
    if (putCounts === foundCounts) this.#quarters.delete(writer);
  }

  #tellProblems({ writer, replay }: Estate): void {
    for (const { kind, segment, detail } of replay.problems) {
      this.#metrics.journalError(kind === 'torn_tail' ? 'torn' : 'corrupt');
      const fields = { writer_id: writer, kind, segment, detail };
      if (kind === 'torn_tail')
        this.#log.info('journal.torn', 'A frame was cut by a crash', fields);
      else this.#log.error('journal.corrupt', 'A journal is not as it was written', fields);
    }
  }
}
