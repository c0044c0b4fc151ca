// Owns what it means that the store refuses a cell for good, and how often such cells are tried
// again: soon at first, for an operator may have removed the cause, then less and less often.
import { setAsideRetryMs, setAsideRetryMsMax } from '../limits.ts';
import { CounterError } from '../model/errors.ts';

/** They say that the call or the client ended, nothing about the cell. */
const ofTheCall: ReadonlySet<string> = new Set(['STORE_ABORTED', 'STORE_CLOSED']);

export function isRefusal(failure: Error | undefined): failure is CounterError {
  if (!(failure instanceof CounterError) || failure.remedy !== 'give-up') return false;
  return !ofTheCall.has(failure.code);
}

export class SetAsideBackOff {
  readonly #monotonicMs: () => number;
  #waitMs = 0;
  #dueAtMs = 0;

  constructor(monotonicMs: () => number) {
    this.#monotonicMs = monotonicMs;
  }

  get isDue(): boolean {
    return this.#monotonicMs() >= this.#dueAtMs;
  }

  tried({ anyConfirmed }: { readonly anyConfirmed: boolean }): void {
    const longer = Math.min(setAsideRetryMsMax, Math.max(setAsideRetryMs, 2 * this.#waitMs));
    this.#waitMs = anyConfirmed ? 0 : longer;
    this.#dueAtMs = this.#monotonicMs() + this.#waitMs;
  }
}
