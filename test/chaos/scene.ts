// All that takes part in a chaos run: what is under chaos, its store, its instances, who sends and
// who asks. Acts reach one another only through it.
import type { Account } from './account.ts';
import type { Instance, InstanceOptions } from './instance.ts';
import type { Load } from './load.ts';
import type { Reader } from './reader.ts';
import type { ChaosStore } from './store.ts';
import type { System } from './system.ts';
import type { Target } from './target.ts';

export interface Scene {
  readonly home: string;
  readonly system: System;
  readonly store: ChaosStore;
  /** Those that are always there. */
  readonly instances: readonly Instance[];
  /** Where clients send and readers ask: those, and clones for a while. */
  readonly targets: Target[];
  readonly accounts: readonly Account[];
  readonly load: Load;
  readonly reader: Reader;
  /** Folders whose counts could not be put yet: the end puts them. */
  readonly leftBehind: string[];
  /** Why work in the background failed. */
  readonly brokenOff: readonly string[];
  readonly say: (line: string) => void;
  /** Goes on beside other faults; the end waits for it. */
  inBackground(work: Promise<unknown>): void;
  backgroundDone(): Promise<void>;
  nextNumber(): number;
  newInstance(options: Omit<InstanceOptions, 'env' | 'program'>): Instance;
  /** False: the store did not take it. */
  markLost(writer: string): Promise<boolean>;
}
