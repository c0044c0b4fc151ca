/** Where time comes from. Tests and the simulation bring their own. */
export interface Clock {
  /** Milliseconds since 1970-01-01 UTC, as the machine believes; may leap. */
  wallMs(): number;
  /** Milliseconds since some start; never goes back, stands still while the machine sleeps. */
  monotonicMs(): number;
}

export const systemClock: Clock = {
  wallMs: () => Date.now(),
  monotonicMs: () => performance.now(),
};
