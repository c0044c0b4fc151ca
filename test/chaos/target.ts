// Where clients send and readers ask: an address that may be up or down, and how much of what was
// sent there waits for an answer. Who kills it looks here whether the kill fell into something.

export interface Target {
  readonly name: string;
  readonly address: string;
  /** Requests that wait for its answer. */
  inFlight: number;
  acknowledged: number;
  /** When a client was first left without an acknowledgement since the last one; else undefined. */
  awaySinceMs: number | undefined;
  longestAwayMs: number;
}

export function newTarget(name: string, port: number): Target {
  const address = `http://127.0.0.1:${port}`;
  const away = { awaySinceMs: undefined, longestAwayMs: 0 };
  return { name, address, inFlight: 0, acknowledged: 0, ...away };
}

export function answered(target: Target): void {
  target.acknowledged++;
  if (target.awaySinceMs === undefined) return;
  target.longestAwayMs = Math.max(target.longestAwayMs, performance.now() - target.awaySinceMs);
  target.awaySinceMs = undefined;
}

export function leftWithout(target: Target, sinceMs: number): void {
  target.awaySinceMs ??= sinceMs;
}
