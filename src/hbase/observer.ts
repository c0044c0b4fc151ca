// What the room tells whoever opened it: for metrics and logs. Never called from a failed assert.

export interface HBaseObserver {
  /** A request to HBase ended; outcome: `ok` or the code of its failure. */
  request(op: string, outcome: string, seconds: number): void;
  /** Something will be sent again. */
  retry(op: string): void;
  /** A region's location was forgotten. */
  relocation(): void;
  /** Open connections, after each change. */
  connections(count: number): void;
  log(event: string, fields: Readonly<Record<string, unknown>>): void;
}

export const silentObserver: HBaseObserver = {
  request: () => undefined,
  retry: () => undefined,
  relocation: () => undefined,
  connections: () => undefined,
  log: () => undefined,
};
