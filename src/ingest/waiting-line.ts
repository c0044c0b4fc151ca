// Owns the requests that wait for their frame or are on their way in one. Bounded; first come,
// first taken; a request is never split over two frames. Never counts anything itself.
import { frameEventsMax, pendingEventsMax, pendingRequestsMax } from '../limits.ts';
import type { Acknowledgement, AdEvent } from '../model/event.ts';
import type { WriterRun } from './writer-run.ts';
import type { TouchedCells } from '../counters/touched-cells.ts';

/** For whoever waits for the store too: what it must confirm, of which identity. */
export interface Counted {
  readonly run: WriterRun;
  readonly touched: TouchedCells;
}

export interface WaitingRequest {
  readonly events: readonly AdEvent[];
  /** At `memory` it was answered already: only a crash or a failed journal may lose it. */
  readonly acknowledgement: Acknowledgement;
  /** With what the store must confirm, where the request waits for that. */
  readonly resolve: (counted: Counted | undefined) => void;
  readonly reject: (error: Error) => void;
}

export class WaitingLine {
  #waiting: WaitingRequest[] = [];
  #events = 0;
  #counts = 0;

  get isEmpty(): boolean {
    return this.#waiting.length === 0;
  }

  /** An upper bound of what waits or is on its way, in counts. */
  get counts(): number {
    return this.#counts;
  }

  /** That wait or are on their way. */
  get events(): number {
    return this.#events;
  }

  hasRoomFor(events: number): boolean {
    return this.#waiting.length < pendingRequestsMax && this.#events + events <= pendingEventsMax;
  }

  /** Settles when its frame has. */
  add(events: readonly AdEvent[], acknowledgement: Acknowledgement): Promise<Counted | undefined> {
    return new Promise((resolve, reject) => {
      this.#waiting.push({ events, acknowledgement, resolve, reject });
      this.#events += events.length;
      this.#counts += countsOf(events);
    });
  }

  /** The requests of the next frame: they stay in the line's sums until they leave(). */
  takeFrame(): WaitingRequest[] {
    let events = 0;
    let requests = 0;
    for (const request of this.#waiting) {
      events += request.events.length;
      if (requests > 0 && events > frameEventsMax) break;
      requests++;
    }
    return this.#waiting.splice(0, requests);
  }

  /** First again: their frame did not come to pass. */
  putBack(requests: readonly WaitingRequest[]): void {
    this.#waiting.unshift(...requests);
  }

  leave(requests: readonly WaitingRequest[]): void {
    for (const { events } of requests) {
      this.#events -= events.length;
      this.#counts -= countsOf(events);
    }
  }

  /** Refuses those who still wait for an answer. */
  rejectUnanswered(error: Error): void {
    this.#reject((request) => !isAnswered(request), error);
  }

  /** Refuses all. Answers the counts that had been acknowledged at `memory`: they are lost. */
  rejectAll(error: Error): number {
    return this.#reject(() => true, error);
  }

  #reject(goes: (request: WaitingRequest) => boolean, error: Error): number {
    const rejected = this.#waiting.filter(goes);
    this.#waiting = this.#waiting.filter((request) => !goes(request));
    this.leave(rejected);
    for (const request of rejected) request.reject(error);
    return countsOf(rejected.filter(isAnswered).flatMap(({ events }) => events));
  }
}

function isAnswered({ acknowledgement }: WaitingRequest): boolean {
  return acknowledgement === 'memory';
}

export function countsOf(events: readonly AdEvent[]): number {
  let counts = 0;
  for (const event of events) counts += event.n;
  return counts;
}
