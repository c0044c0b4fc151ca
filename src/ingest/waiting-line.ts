// Owns the requests that wait for their frame or are on their way in one. Bounded; first come,
// first taken; a request is never split over two frames. Never counts anything itself.
import { frameEventsMax, pendingEventsMax, pendingRequestsMax } from '../limits.ts';
import type { AdEvent } from '../model/event.ts';

export interface WaitingRequest {
  readonly events: readonly AdEvent[];
  readonly resolve: () => void;
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

  hasRoomFor(events: number): boolean {
    return this.#waiting.length < pendingRequestsMax && this.#events + events <= pendingEventsMax;
  }

  /** Settles when its frame has. */
  add(events: readonly AdEvent[]): Promise<void> {
    return new Promise((resolve, reject) => {
      this.#waiting.push({ events, resolve, reject });
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

  leave(requests: readonly WaitingRequest[]): void {
    for (const { events } of requests) {
      this.#events -= events.length;
      this.#counts -= countsOf(events);
    }
  }

  rejectAll(error: Error): void {
    const waiting = this.#waiting.splice(0);
    this.leave(waiting);
    for (const request of waiting) request.reject(error);
  }
}

export function countsOf(events: readonly AdEvent[]): number {
  let counts = 0;
  for (const event of events) counts += event.n;
  return counts;
}
