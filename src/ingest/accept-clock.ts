// The clock by which a process accepts: the wall clock, but it never goes back, never falls below
// the floor of the registration and does not follow a wall clock that leaps, or that is far from
// the store's: then it goes on by the monotonic clock.
// Never read by anything that only reports.
import { clockFloorMs, clockLeapMs, wallSteadyMs } from '../limits.ts';
import type { Clock } from '../model/clock.ts';

export class AcceptClock {
  readonly #clock: Clock;
  #lastMs = clockFloorMs;
  /** Wall minus monotonic, as last believed. */
  #offsetMs: number;
  /** Since when (monotonic) the wall clock has been steady again after a leap; undefined: fine. */
  #leapt: { offsetMs: number; sinceMs: number } | undefined;
  #storeSkewMs: number | undefined;

  constructor(clock: Clock) {
    this.#clock = clock;
    this.#offsetMs = clock.wallMs() - clock.monotonicMs();
  }

  /** Milliseconds since 1970 UTC; never less than before. */
  nowMs(): number {
    const monotonicMs = this.#clock.monotonicMs();
    this.#follow(this.#clock.wallMs() - monotonicMs, monotonicMs);
    this.#lastMs = Math.max(this.#lastMs, Math.floor(monotonicMs + this.#offsetMs));
    return this.#lastMs;
  }

  liftTo(floorMs: number): void {
    this.#lastMs = Math.max(this.#lastMs, floorMs);
  }

  /** What the store's clock says now; answers the wall clock's distance from it. */
  observeStore(storeMs: number): number {
    this.#storeSkewMs = this.#clock.wallMs() - storeMs;
    return this.#storeSkewMs;
  }

  /** The wall clock is not followed, or is far from the store's. */
  get degraded(): boolean {
    return this.#leapt !== undefined || this.#farFromStore;
  }

  /**
   * The wall clock leapt, and can be believed again: it agrees with the store's, or (no clock but
   * its own: embedded) it was steady for minutes. The process goes on under a new identity, with
   * a new clock, since this one must not leap.
   */
  canBeReplaced(hasStoreClock: boolean): boolean {
    this.nowMs();
    if (this.#leapt === undefined) return false;
    if (hasStoreClock) return this.#storeSkewMs !== undefined && !this.#farFromStore;
    return this.#clock.monotonicMs() - this.#leapt.sinceMs >= wallSteadyMs;
  }

  get #farFromStore(): boolean {
    return this.#storeSkewMs !== undefined && Math.abs(this.#storeSkewMs) > clockLeapMs;
  }

  #follow(offsetMs: number, monotonicMs: number): void {
    if (Math.abs(offsetMs - this.#offsetMs) <= clockLeapMs) {
      if (!this.#farFromStore) this.#offsetMs = offsetMs;
      this.#leapt = undefined;
    } else if (
      this.#leapt === undefined ||
      Math.abs(offsetMs - this.#leapt.offsetMs) > clockLeapMs
    ) {
      this.#leapt = { offsetMs, sinceMs: monotonicMs };
      this.#storeSkewMs = undefined;
    }
  }
}
