// Says once what began or ceased, so that an alarm is a line of the log and not one a second:
// counting is refused, the machine's clock is not followed, a record of the registry cannot be
// read. Looks only; decides nothing.
import type { RefusalReason } from './ingest/accept.ts';
import { begunWithinHour, isStorm } from './ingest/writer-storm.ts';
import type { Log } from './log.ts';
import type { WriterId } from './model/writer-id.ts';
import type { RegistryReading } from './store/registry.ts';

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
  #unreadable: ReadonlySet<WriterId> = new Set();
  #strangers = 0;
  #isStorm = false;

  constructor(log: Log) {
    this.#log = log;
  }

  look({ refusal, clockIsOff, skewMs }: Situation): void {
    if (refusal !== this.#refusal) this.#tellOfRefusal(refusal);
    if (clockIsOff !== this.#clockIsOff) this.#tellOfClock(clockIsOff, skewMs);
    this.#refusal = refusal;
    this.#clockIsOff = clockIsOff;
  }

  /** At the moment of the store's clock. */
  lookAtRegistry(reading: RegistryReading, nowMs: number): void {
    const { unreadable, strangers } = reading;
    const isStormNow = isStorm(reading, nowMs);
    if (isStormNow && !this.#isStorm) {
      const what =
        'Writers begin again and again: each is a record and a cell more of all it counts';
      const fields = { writers: begunWithinHour(reading, nowMs), hours: 1 };
      this.#log.error('registry.storm', what, fields);
    }
    this.#isStorm = isStormNow;
    for (const { writer, reason } of unreadable) {
      if (this.#unreadable.has(writer)) continue;
      const what = 'The record of a writer cannot be read: nothing more is called complete';
      this.#log.error('registry.unreadable', what, { writer_id: writer, reason });
    }
    const now = new Set(unreadable.map(({ writer }) => writer));
    for (const writer of this.#unreadable) {
      if (now.has(writer)) continue;
      const what = 'The record of a writer can be read again, or was given up';
      this.#log.info('registry.readable', what, { writer_id: writer });
    }
    if (strangers > this.#strangers) {
      const what = 'Cells in the place of writers name no writer; they are passed over';
      this.#log.warn('registry.strangers', what, { cells: strangers });
    }
    this.#unreadable = now;
    this.#strangers = strangers;
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
