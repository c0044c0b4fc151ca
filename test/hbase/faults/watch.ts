// What a fault run sees of its client: retries, failures, how long puts stood still, and when they
// were as before again. Keeps sums and the present window, so that a long run does not grow.
import { CounterError } from '../../../src/model/errors.ts';
import type { HBaseObserver } from '../../../src/hbase/observer.ts';
import { silentObserver } from '../../../src/hbase/observer.ts';
import type { PassedReply } from '../proxy/cutting-proxy.ts';
import type { Proxies } from '../proxy/proxies.ts';
import { until } from '../../support/until.ts';

/** A put call that takes longer is one that a fault held up. */
const slowPutMs = 1_000;

/** From a fault's begin until puts were as before. */
export interface Felt {
  /** Longest time without any confirmed put, anywhere. */
  readonly standstillMs: number;
  /** Longest put call: of the regions that were struck. */
  readonly longestPutMs: number;
  /** Until the last call that the fault held up had all its puts confirmed; 0: held up none. */
  readonly recoveredMs: number;
  readonly retries: number;
  readonly failedRequests: number;
  readonly relocations: number;
}

interface PutCall {
  readonly writer: number;
  readonly beganMs: number;
}

export class Watch {
  readonly observer: HBaseObserver;
  retries = 0;
  failedRequests = 0;
  relocations = 0;
  readonly failures = new Map<string, number>();
  /** What the client logs: an event and its reason, without what differs each time. */
  readonly logged = new Map<string, number>();
  /** Put calls that ended with unconfirmed puts, by the code of the first. */
  readonly brokenCalls = new Map<string, number>();
  #lastConfirmMs = performance.now();
  #standstillMs = 0;
  #longestPutMs = 0;
  #lastHeldUpMs = 0;
  #startMs = 0;
  #before = { retries: 0, failedRequests: 0, relocations: 0 };
  /** Of each writer: when its last call began that had all its puts confirmed. */
  readonly #wholeBeganMs = new Map<number, number>();

  constructor(proxies: Proxies) {
    proxies.onPassed = (_server, reply) => this.#onPassed(reply);
    this.observer = {
      ...silentObserver,
      request: (op, outcome) => {
        if (outcome === 'ok') return;
        this.failedRequests++;
        count(this.failures, `${op} ${outcome}`);
      },
      retry: () => {
        this.retries++;
      },
      relocation: () => {
        this.relocations++;
      },
      log: (event, fields) => count(this.logged, `${event} ${reasonIn(fields['reason'])}`),
    };
  }

  putBegins(writer: number): PutCall {
    return { writer, beganMs: performance.now() };
  }

  putEnded(call: PutCall, failure: string | null): void {
    const nowMs = performance.now();
    const tookMs = nowMs - call.beganMs;
    this.#longestPutMs = Math.max(this.#longestPutMs, tookMs);
    if (tookMs > slowPutMs || failure !== null) this.#lastHeldUpMs = nowMs;
    if (failure === null) this.#wholeBeganMs.set(call.writer, call.beganMs);
    else count(this.brokenCalls, failure);
  }

  /** What is felt of something, until each writer's puts have all been confirmed anew after it. */
  async feel(cause: () => Promise<void>, writers: number, timeoutMs: number): Promise<Felt> {
    this.#before = this.#counts;
    this.#startMs = performance.now();
    this.#lastHeldUpMs = this.#startMs;
    this.#standstillMs = 0;
    this.#longestPutMs = 0;
    await cause();
    const causedMs = performance.now();
    const isBack = (writer: number): boolean => (this.#wholeBeganMs.get(writer) ?? 0) >= causedMs;
    const all = Array.from({ length: writers }, (_, writer) => writer);
    await until(() => all.every(isBack), timeoutMs);
    return this.felt();
  }

  /** Since the last cause began. */
  felt(): Felt {
    const { retries, failedRequests, relocations } = this.#counts;
    return {
      standstillMs: this.#standstillMs,
      longestPutMs: this.#longestPutMs,
      recoveredMs: this.#lastHeldUpMs - this.#startMs,
      retries: retries - this.#before.retries,
      failedRequests: failedRequests - this.#before.failedRequests,
      relocations: relocations - this.#before.relocations,
    };
  }

  get #counts(): Pick<Felt, 'retries' | 'failedRequests' | 'relocations'> {
    const { retries, failedRequests, relocations } = this;
    return { retries, failedRequests, relocations };
  }

  #onPassed({ kind, applied }: PassedReply): void {
    if (kind !== 'Multi' || !applied) return;
    const nowMs = performance.now();
    this.#standstillMs = Math.max(this.#standstillMs, nowMs - this.#lastConfirmMs);
    this.#lastConfirmMs = nowMs;
  }
}

function reasonIn(reason: unknown): string {
  return typeof reason === 'string' ? reason.replaceAll(/\d+/g, 'N').slice(0, 200) : '';
}

export function count(into: Map<string, number>, name: string): void {
  into.set(name, (into.get(name) ?? 0) + 1);
}

/** Of a failure of the cluster; our own mistakes go on their way. */
export function codeOf(error: unknown): string {
  if (!(error instanceof CounterError)) throw error;
  return error.code;
}
