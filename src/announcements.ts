// Says once what began or ceased, so that an alarm is a line of the log and not one a second:
// counting is refused, the machine's clock is not followed. Looks only; decides nothing.
import type { RefusalReason } from './ingest/accept.ts';
import type { Log } from './log.ts';

export interface Situation {
  readonly refusal: RefusalReason | undefined;
  readonly clockIsOff: boolean;
  /** Wall clock minus the store's. */
  readonly skewMs: number;
}

export class Announcements {
  readonly #log: Log;
  #refusal: RefusalReason | undefined;
  #clockIsOff = false;

  constructor(log: Log) {
    this.#log = log;
  }

  look({ refusal, clockIsOff, skewMs }: Situation): void {
    if (refusal !== this.#refusal) this.#tellOfRefusal(refusal);
    if (clockIsOff !== this.#clockIsOff) this.#tellOfClock(clockIsOff, skewMs);
    this.#refusal = refusal;
    this.#clockIsOff = clockIsOff;
  }

  #tellOfRefusal(reason: RefusalReason | undefined): void {
    if (reason === undefined) this.#log.info('ingest.accepting', 'Counting goes on');
    else this.#log.error('ingest.refusing', 'Counting is refused', { reason });
  }

  #tellOfClock(isOff: boolean, skewMs: number): void {
    const what = "The machine's clock leapt, or is far from the store's; it is not followed";
    if (isOff) this.#log.error('clock.off', what, { skew_ms: Math.round(skewMs) });
    else this.#log.info('clock.fine', 'Counting goes by the clock of the machine again');
  }
}
