// What every kind of call to a region goes through.
import type { Connections } from './connections.ts';
import type { Locator } from './locator.ts';
import type { HBaseObserver } from './observer.ts';

export interface Room {
  readonly connections: Connections;
  readonly locator: Locator;
  readonly observer: HBaseObserver;
  readonly rpcTimeoutMs: number;
}
