/**
 * Our own mistakes stop the process: the journal makes a restart safe, a wrong count is not.
 * The world's failures are a CounterError instead (errors.ts).
 */
export function assert(condition: unknown, promise: string): asserts condition {
  if (!condition) throw new AssertionError(promise);
}

export class AssertionError extends Error {
  override readonly name = 'AssertionError';
}
