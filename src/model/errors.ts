/** What the caller does next. Whoever catches a CounterError acts on this, never on its text. */
export type Remedy =
  /** The same call may succeed later, at the same place. */
  | 'retry'
  /** The region is elsewhere: forget its location, look it up again, send again. */
  | 'relocate'
  /** The server is overloaded: wait longer than for a retry, with jitter. */
  | 'throttle'
  /** Sending it again cannot help. */
  | 'give-up';

export interface CounterErrorOptions {
  readonly cause?: unknown;
  /** For a person: what was seen, and what to do about it. */
  readonly detail?: string;
}

/** A failure of the world (disk, network, store, data): carries a stable code and its remedy. */
export class CounterError extends Error {
  override readonly name = 'CounterError';
  readonly code: string;
  readonly remedy: Remedy;

  constructor(code: string, remedy: Remedy, options: CounterErrorOptions = {}) {
    super(
      options.detail === undefined ? code : `${code}: ${options.detail}`,
      options.cause === undefined ? undefined : { cause: options.cause },
    );
    this.code = code;
    this.remedy = remedy;
  }
}

/** Any thrown thing as an Error: old libraries throw strings. */
export function toError(thrown: unknown): Error {
  return thrown instanceof Error ? thrown : new Error(String(thrown));
}
