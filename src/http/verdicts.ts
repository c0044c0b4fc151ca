// What becomes of the events of one request: checks all, remembers who was rejected and why.
// Promises that accepted + rejected is what was sent, with the places as the sender knows them.
import { rejectedListedMax } from '../limits.ts';
import type { RefusedEvent } from '../ingest/accept.ts';
import type { AdEvent } from '../model/event.ts';
import { carriesToken, checkEvent, explanationOf, fieldOf } from './check-event.ts';
import type { Checking, RejectionReason } from './check-event.ts';
import { Problem } from './problems.ts';
import type { ProblemError } from './problems.ts';
import type { SentEvents } from './read-events.ts';

interface Rejection {
  readonly index: number;
  readonly reason: RejectionReason;
}

export interface RejectedItem extends Rejection {
  readonly pointer: string;
}

export class Verdicts {
  readonly events: readonly AdEvent[];
  readonly unknownFields: number;
  readonly #pointer: SentEvents['pointer'];
  /** The place of each valid event in the request; undefined while no event was rejected. */
  readonly #places: readonly number[] | undefined;
  /** The first of them, in order; the others are only counted. */
  #listed: Rejection[] = [];
  #rejectedTotal = 0;
  readonly #byReason = new Map<RejectionReason, number>();

  constructor(sent: SentEvents, checking: Checking) {
    const events: AdEvent[] = [];
    let places: number[] | undefined;
    for (let index = 0; index < sent.values.length; index++) {
      const verdict = checkEvent(sent.values[index], checking);
      if (typeof verdict !== 'string') {
        events.push(verdict);
        places?.push(index);
      } else if (verdict === carriesToken) {
        throw tokenProblem(`${pointerTo(sent.pointer, index)}/id`);
      } else {
        places ??= events.map((_event, place) => place);
        this.#reject(index, verdict);
      }
    }
    this.events = events;
    this.unknownFields = checking.unknownFields + sent.unknownFields;
    this.#pointer = sent.pointer;
    this.#places = places;
  }

  /** What ingest did not take although it was valid. */
  refuse(refused: readonly RefusedEvent[]): void {
    if (refused.length === 0) return;
    for (const { index, reason } of refused) {
      const place = this.#places === undefined ? index : (this.#places[index] ?? index);
      this.#count(reason);
      this.#listed.push({ index: place, reason });
    }
    this.#listed.sort((one, other) => one.index - other.index);
    this.#listed = this.#listed.slice(0, rejectedListedMax);
  }

  get rejectedTotal(): number {
    return this.#rejectedTotal;
  }

  get rejectedByReason(): ReadonlyMap<RejectionReason, number> {
    return this.#byReason;
  }

  rejected(): readonly RejectedItem[] {
    return this.#listed.map(({ index, reason }) => ({
      index,
      reason,
      pointer: pointerTo(this.#pointer, index) + fieldOf(reason),
    }));
  }

  rejectedErrors(): readonly ProblemError[] {
    return this.rejected().map(({ pointer, reason }) => ({
      pointer,
      detail: `${reason}: ${explanationOf(reason)}`,
    }));
  }

  #reject(index: number, reason: RejectionReason): void {
    this.#count(reason);
    if (this.#listed.length < rejectedListedMax) this.#listed.push({ index, reason });
  }

  #count(reason: RejectionReason): void {
    this.#rejectedTotal++;
    this.#byReason.set(reason, (this.#byReason.get(reason) ?? 0) + 1);
  }
}

function pointerTo(pointer: SentEvents['pointer'], index: number): string {
  return pointer === '' ? '' : `${pointer}${index}`;
}

export function tokenProblem(pointer: string): Problem {
  return new Problem(
    'token_unsupported',
    'Tokens are not supported yet, and ignoring one would count a retry twice. ' +
      'Nothing was counted.',
    { errors: [{ pointer, detail: 'leave it out' }] },
  );
}
