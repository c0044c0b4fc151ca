// The promise of ingest to whoever has events: http now, imports and recoveries later.
import { CounterError } from '../model/errors.ts';
import type { Acknowledgement, AdEvent } from '../model/event.ts';

/** Why nothing can be counted at the moment; names for an operator, on /readyz too. */
export type RefusalReason =
  /** More waits already than is allowed to. */
  | 'overloaded'
  | 'draining'
  /** No identity could be begun: the disk is full or gone. */
  | 'no_journal'
  | 'journal_failed'
  | 'journal_full'
  | 'disk_full'
  | 'memory_full'
  /** The store was out of reach since the start, for longer than such frames may wait. */
  | 'unregistered'
  /** The tables are not there. */
  | 'schema_missing'
  /** The tables are not as they must be. */
  | 'schema_mismatch';

/** Nothing of the request was counted; `INGEST_REFUSED`. */
export class IngestRefused extends CounterError {
  readonly reason: RefusalReason;

  constructor(reason: RefusalReason) {
    super('INGEST_REFUSED', 'throttle', { detail: reason });
    this.reason = reason;
  }
}

/** Why an event that was read without fault is not counted all the same. */
export interface RefusedEvent {
  /** Index into the accepted events. */
  readonly index: number;
  readonly reason: 'cell_full';
}

export interface AcceptResult {
  /** Events that count (not their n). */
  readonly countedEvents: number;
  readonly refused: readonly RefusedEvent[];
  /** What holds now: `journal` where `store` was wished for and the store was late. */
  readonly acknowledged: Acknowledgement;
}

export interface Accepting {
  /**
   * Counts all the events or, by an error, none. Resolves when the acknowledgement's promise
   * holds, or for `store` after a while with what holds instead. Errors: IngestRefused (nothing was counted, come back later) and `OUTCOME_UNKNOWN`
   * (the journal failed under the request: it may be counted after a recovery).
   */
  accept(events: readonly AdEvent[], acknowledgement: Acknowledgement): Promise<AcceptResult>;
}
