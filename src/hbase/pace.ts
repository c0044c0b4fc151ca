// How much is sent to one place at a time: a server, or a region of it. Shared by all calls of a
// client, so that a hundred of them do not ask an overloaded server a hundred times over.
// Promises turns in the order of asking, each within its caller's time; after a refusal nothing at
// all for half a second or more, then one call alone, and more with every good answer.
// Never sends anything, and never knows what is sent.
import { CounterError } from '../model/errors.ts';
import {
  hbasePendingBytesMax,
  hbasePendingCallsMax,
  hbaseRecoveredCalls,
  hbaseRecoveredMs,
  hbaseThrottleWaitMs,
  hbaseThrottleWaitMsMax,
  hbaseWaitingCallsMax,
} from '../limits.ts';
import { abortedFailure, timeoutFailure } from './deadline.ts';
import { closedFailure } from './failures.ts';

/** A call's leave to be sent. Its bytes count until it has ended, and has left this process. */
export interface Turn {
  readonly bytes: number;
  /** Whose it is: of one that was forgotten meanwhile, it is no turn of the one that followed. */
  readonly pace: Pace;
  ends: 0 | 1 | 2;
  /** Which refusal it came after: what was sent before the last one tells nothing new. */
  readonly epoch: number;
}

export interface TurnEnd {
  readonly ok: boolean;
  /** The place itself refused it as too much. */
  readonly overload: CounterError | null;
}

export interface Asking {
  readonly bytes: number;
  /** For so long the caller can wait. */
  readonly leftMs: number;
  /** False: it does not wait where the place was refused, having others to go to. */
  readonly patient: boolean;
  readonly signal: AbortSignal | undefined;
}

interface Waiter {
  readonly asking: Asking;
  settle(outcome: Turn | CounterError): void;
}

export class Pace {
  readonly #place: string;
  readonly #waiting = new Set<Waiter>();
  #calls = 0;
  #bytes = 0;
  /** Calls that may be under way, grown as TCP does it: fast to the threshold, slow beyond. */
  #window = hbasePendingCallsMax;
  #threshold = hbasePendingCallsMax;
  #epoch = 0;
  #refusals = 0;
  #refusedMs = -Infinity;
  #closedUntilMs = -Infinity;
  #why: CounterError | null = null;
  #timer: NodeJS.Timeout | undefined;
  #closed = false;

  constructor(place: string) {
    this.#place = place;
  }

  /** Nothing is under way, nobody waits, and no refusal is remembered. */
  get idle(): boolean {
    return this.#calls === 0 && this.#waiting.size === 0 && this.#why === null;
  }

  /** The failure that says why not; never waits. */
  tryEnter(bytes: number): Turn | CounterError {
    return this.#admit(bytes) ?? this.#why ?? this.#full();
  }

  async enter(asking: Asking): Promise<Turn> {
    if (this.#closed) throw closedFailure();
    if (this.#waiting.size === 0) {
      const turn = this.#admit(asking.bytes);
      if (turn !== null) return turn;
    }
    const closedMs = this.#closedUntilMs - performance.now();
    if (this.#why !== null && closedMs > 0 && (!asking.patient || closedMs >= asking.leftMs)) {
      throw this.#why;
    }
    if (this.#waiting.size >= hbaseWaitingCallsMax) throw this.#full();
    if (asking.signal?.aborted === true) throw abortedFailure();
    return await this.#wait(asking);
  }

  /** The call has ended; with which overload of this place, if it was one. */
  leave(turn: Turn, end: TurnEnd): void {
    this.#calls--;
    this.#end(turn);
    if (turn.epoch === this.#epoch) {
      if (end.overload !== null) this.refused(end.overload);
      else if (end.ok) this.#taken();
    }
    this.#pump();
  }

  /** Its bytes have left this process: a server that does not read leaves them in the socket. */
  written(turn: Turn): void {
    this.#end(turn);
    this.#pump();
  }

  refused(why: CounterError): void {
    const nowMs = performance.now();
    const doubled = hbaseThrottleWaitMs * 2 ** Math.min(this.#refusals, 16);
    // With jitter, so that the clients of a cluster do not come back together.
    const ms = Math.min(hbaseThrottleWaitMsMax, doubled) * (1 + Math.random() / 2);
    this.#threshold = Math.max(1, Math.floor(Math.min(this.#window, this.#calls + 1) / 2));
    this.#window = 1;
    this.#epoch++;
    this.#refusals++;
    this.#refusedMs = nowMs;
    this.#closedUntilMs = nowMs + ms;
    this.#why = why;
    for (const waiter of this.#waiting) {
      const { patient, leftMs } = waiter.asking;
      if (!patient || leftMs <= ms) waiter.settle(why);
    }
  }

  /** As if it had never been refused. */
  open(): void {
    this.#closedUntilMs = -Infinity;
    this.#recovered();
    this.#pump();
  }

  /** Fails all that wait. */
  close(): void {
    this.#closed = true;
    for (const waiter of this.#waiting) waiter.settle(closedFailure());
    clearTimeout(this.#timer);
  }

  #admit(bytes: number): Turn | null {
    if (this.#closed) return null;
    if (this.#why !== null) {
      const nowMs = performance.now();
      if (nowMs < this.#closedUntilMs) return null;
      if (nowMs - this.#refusedMs >= hbaseRecoveredMs) this.#recovered();
    }
    if (this.#calls >= Math.floor(this.#window)) return null;
    if (this.#bytes > 0 && this.#bytes + bytes > hbasePendingBytesMax) return null;
    this.#calls++;
    this.#bytes += bytes;
    return { bytes, pace: this, ends: 0, epoch: this.#epoch };
  }

  #end(turn: Turn): void {
    turn.ends = turn.ends === 0 ? 1 : 2;
    if (turn.ends === 2) this.#bytes -= turn.bytes;
  }

  #taken(): void {
    if (this.#why === null) return;
    this.#refusals = Math.max(0, this.#refusals - 1);
    this.#window += this.#window < this.#threshold ? 1 : 1 / this.#window;
    if (this.#window >= hbaseRecoveredCalls) this.#recovered();
  }

  #recovered(): void {
    this.#why = null;
    this.#refusals = 0;
    this.#window = hbasePendingCallsMax;
    this.#threshold = hbasePendingCallsMax;
  }

  #wait(asking: Asking): Promise<Turn> {
    return new Promise<Turn>((resolve, reject) => {
      const { signal } = asking;
      const onAbort = (): void => waiter.settle(abortedFailure());
      const late = (): void => {
        waiter.settle(this.#why ?? timeoutFailure(`${this.#place}: no turn came in time`));
      };
      const timer = setTimeout(late, Math.max(0, asking.leftMs));
      const waiter: Waiter = {
        asking,
        settle: (outcome) => {
          clearTimeout(timer);
          signal?.removeEventListener('abort', onAbort);
          this.#waiting.delete(waiter);
          if (outcome instanceof CounterError) {
            reject(outcome);
            // Whoever stands behind may be smaller.
            this.#pump();
          } else resolve(outcome);
        },
      };
      signal?.addEventListener('abort', onAbort, { once: true });
      this.#waiting.add(waiter);
      this.#pump();
    });
  }

  /** Lets in whoever may go, and comes back when the place opens again. */
  #pump(): void {
    for (const waiter of this.#waiting) {
      const turn = this.#admit(waiter.asking.bytes);
      if (turn === null) break;
      waiter.settle(turn);
    }
    clearTimeout(this.#timer);
    this.#timer = undefined;
    const closedMs = this.#closedUntilMs - performance.now();
    if (this.#waiting.size > 0 && closedMs > 0) {
      this.#timer = setTimeout(() => this.#pump(), Math.ceil(closedMs));
    }
  }

  #full(): CounterError {
    const detail = `${this.#place}: too many calls are under way`;
    return new CounterError('STORE_BUSY', 'throttle', { detail });
  }
}
