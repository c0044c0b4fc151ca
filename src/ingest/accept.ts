// The promise of ingest to whoever has events: http now, imports and recoveries later.
import type { Acknowledgement, AdEvent } from '../model/event.ts';

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
}

export interface Accepting {
  /**
   * Counts all the events or, by an error, none. Resolves when the acknowledgement's promise
   * holds. Errors: `INGEST_REFUSED` (throttle: nothing was counted, come back after
   * `retryAfterSeconds`) and `OUTCOME_UNKNOWN` (the journal failed under the request: it may be
   * counted after a recovery).
   */
  accept(events: readonly AdEvent[], acknowledgement: Acknowledgement): Promise<AcceptResult>;
}
