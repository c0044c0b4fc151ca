// A Core over a store in memory, a folder of its own and a steered clock: what tests of the rooms
// below the edge start from. A "crash" is a copy of the data folder: what kill -9 leaves behind.
import { cp, mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { Core } from '../../src/core.ts';
import type { Disk } from '../../src/journal/disk.ts';
import { nodeDisk } from '../../src/journal/disk.ts';
import type { Log } from '../../src/log.ts';
import { Metrics } from '../../src/metrics.ts';
import type { AdId, MeasureCounts, SiteId } from '../../src/model/cell.ts';
import { sumOf } from '../../src/model/cell.ts';
import type { Clock } from '../../src/model/clock.ts';
import type { AdEvent } from '../../src/model/event.ts';
import { CounterStore } from '../../src/store/counter-store.ts';
import { StatusReport } from '../../src/status.ts';
import { MemoryRowStore } from './memory-row-store.ts';

export const everything = { first: 0, end: 65_536 * 96 };
const callOptions = { timeoutMs: 5000 };

export class SteeredClock implements Clock {
  #wallMs: number;
  #monotonicMs = 1000;

  constructor(wallMs = 1_800_000_000_000) {
    this.#wallMs = wallMs;
  }

  readonly wallMs = (): number => this.#wallMs;
  readonly monotonicMs = (): number => this.#monotonicMs;

  pass(ms: number): void {
    this.#wallMs += ms;
    this.#monotonicMs += ms;
  }

  leap(ms: number): void {
    this.#wallMs += ms;
  }
}

export interface HarnessOptions {
  readonly rows?: MemoryRowStore;
  readonly clock?: SteeredClock;
  readonly dataDir?: string;
  readonly disk?: Disk;
  readonly cellCountEnd?: number;
  readonly journalBytesMax?: number;
  readonly memoryBytesMax?: number;
  readonly heapIsShort?: () => boolean;
  readonly ballastBytesMax?: number;
}

/** One writer's counts of an ad on the one site. */
export interface StoredEntry {
  readonly eventQuarter: number;
  readonly lag: number;
  readonly counts: MeasureCounts;
}

export interface LoggedLine {
  readonly event: string;
  readonly fields: Readonly<Record<string, unknown>>;
}

export class CoreHarness {
  readonly core: Core;
  readonly rows: MemoryRowStore;
  readonly clock: SteeredClock;
  readonly dataDir: string;
  readonly metrics: Metrics;
  readonly logged: readonly LoggedLine[];
  readonly broken: readonly Error[];

  private constructor(fields: {
    core: Core;
    rows: MemoryRowStore;
    clock: SteeredClock;
    dataDir: string;
    metrics: Metrics;
    logged: readonly LoggedLine[];
    broken: readonly Error[];
  }) {
    this.core = fields.core;
    this.rows = fields.rows;
    this.clock = fields.clock;
    this.dataDir = fields.dataDir;
    this.metrics = fields.metrics;
    this.logged = fields.logged;
    this.broken = fields.broken;
  }

  static async start(options: HarnessOptions = {}): Promise<CoreHarness> {
    const clock = options.clock ?? new SteeredClock();
    const rows = options.rows ?? new MemoryRowStore(clock.wallMs);
    const dataDir = options.dataDir ?? (await freshFolder());
    const metrics = new Metrics({ version: 'test' });
    const logged: LoggedLine[] = [];
    const broken: Error[] = [];
    const core = await Core.start({
      // Closing a core closes its rows; the store itself outlives it, as a real one does.
      rows: lastingRows(rows),
      dataDir,
      disk: options.disk ?? nodeDisk,
      clock,
      log: logInto(logged),
      metrics,
      memoryBytesMax: options.memoryBytesMax ?? 2 ** 30,
      ballastBytesMax: options.ballastBytesMax ?? 0,
      heapIsShort: options.heapIsShort ?? (() => false),
      journalBytesMax: options.journalBytesMax ?? 2 ** 30,
      salts: undefined,
      retentionDays: 400,
      onBroken: (error) => broken.push(error),
      ...(options.cellCountEnd === undefined ? {} : { cellCountEnd: options.cellCountEnd }),
    });
    metrics.observe(gaugesOf(core, clock));
    return new CoreHarness({ core, rows, clock, dataDir, metrics, logged, broken });
  }

  count(ad: string, n = 1, more: Partial<AdEvent> = {}): Promise<unknown> {
    return this.core.ingest.accept([eventOf(ad, n, more)], 'journal');
  }

  /** What the store holds of an ad, over all writers. */
  async stored(ad: string): Promise<number> {
    return (await this.entries(ad)).reduce((sum, entry) => sum + sumOf(entry.counts), 0);
  }

  async entries(ad: string): Promise<StoredEntry[]> {
    return entriesIn(this.rows, ad);
  }

  /** The gauge that must be 0, and those that it is made of, as a scrape tells them. */
  async ledger(): Promise<Record<string, number>> {
    const { text } = await this.metrics.scrape();
    const lines = text.matchAll(
      /^adcounter_(?:ledger_counts\{state="(\w+)"\}|(unaccounted)_counts) (\S+)$/gm,
    );
    return Object.fromEntries([...lines].map(([, state, name, n]) => [state ?? name, Number(n)]));
  }

  /** The folder as kill -9 would leave it now; start another core on it. */
  async crashed(): Promise<string> {
    for (let attempt = 0; attempt < 20; attempt++) {
      const copy = await freshFolder();
      try {
        await cp(this.dataDir, copy, { recursive: true });
        return copy;
      } catch (thrown) {
        // Not one instant: a file went while the folder was copied (a lock being made).
        if ((thrown as NodeJS.ErrnoException).code !== 'ENOENT') throw thrown;
      }
    }
    throw new Error('the data folder never stood still');
  }

  stop(): Promise<boolean> {
    return this.core.stop(5000);
  }
}

export function eventOf(ad: string, n = 1, more: Partial<AdEvent> = {}): AdEvent {
  const site = 's.example' as SiteId;
  return { measure: 1, ad: ad as AdId, site, n, tsMs: undefined, ...more };
}

export async function entriesIn(rows: MemoryRowStore, ad: string): Promise<StoredEntry[]> {
  const store = await CounterStore.open(rows, { createIfMissing: true }, callOptions);
  const entries: StoredEntry[] = [];
  const visit = ({ eventQuarter, lag, counts }: StoredEntry): void => {
    entries.push({ eventQuarter, lag, counts });
  };
  await store.readAd(ad as AdId, everything, visit, callOptions);
  return entries;
}

const folders: string[] = [];

export async function freshFolder(): Promise<string> {
  const folder = await mkdtemp(path.join(tmpdir(), 'adcounter-core-'));
  folders.push(folder);
  return folder;
}

/** For afterAll. */
export async function removeFolders(): Promise<void> {
  for (const folder of folders.splice(0)) await rm(folder, { recursive: true, force: true });
}

function gaugesOf(core: Core, clock: SteeredClock): ReturnType<StatusReport['gauges']> {
  return new StatusReport({
    core,
    version: 'test',
    flushSeconds: 30,
    journalBytesMax: 2 ** 30,
    monotonicMs: clock.monotonicMs,
  }).gauges();
}

function lastingRows(rows: MemoryRowStore): MemoryRowStore {
  return new Proxy(rows, {
    get(target, name) {
      if (name === 'close') return () => Promise.resolve();
      const value: unknown = Reflect.get(target, name, target);
      return typeof value === 'function' ? value.bind(target) : value;
    },
  });
}

/** The store says that it is HBase: its clock is its own, and deaths need a proof. */
export function asHBase(rows: MemoryRowStore): MemoryRowStore {
  return new Proxy(rows, {
    get(target, name) {
      if (name === 'kind') return 'hbase';
      const value: unknown = Reflect.get(target, name, target);
      return typeof value === 'function' ? value.bind(target) : value;
    },
    set: (target, name, value) => Reflect.set(target, name, value, target),
  });
}

function logInto(lines: LoggedLine[]): Log {
  const write = (event: string, _msg: string, fields: Record<string, unknown> = {}): void => {
    lines.push({ event, fields });
  };
  return { info: write, warn: write, error: write };
}
