// One simulated process: a Core on its machine's disk, its way to the store, its rounds. It may be
// stopped, frozen and killed; once dead nothing of it runs any more.
import { Core } from '../../src/core.ts';
import type { Log } from '../../src/log.ts';
import type { Metrics } from '../../src/metrics.ts';
import type { Chance } from './chance.ts';
import { dataDir } from './machine.ts';
import type { Machine } from './machine.ts';
import { MountedDisk } from './mounted-disk.ts';
import type { Network } from './network.ts';
import type { Owner, VirtualTime } from './virtual-time.ts';

const flushMs = 30_000;
const stopMs = 60_000;

export interface ProcessOptions {
  readonly name: string;
  readonly machine: Machine;
  readonly time: VirtualTime;
  readonly chance: Chance;
  readonly networkFor: (owner: Owner) => Network;
  readonly segmentBytes: number;
  readonly journalBytesMax: number;
  readonly onBroken: (error: Error) => void;
}

const nothing = (): void => undefined;

export class SimulatedProcess implements Owner {
  readonly name: string;
  readonly machine: Machine;
  readonly disk: MountedDisk;
  readonly network: Network;
  isDead = false;
  isFrozen = false;
  /** It was told to stop: by itself it begins no round. */
  isStopping = false;
  core: Core | undefined;
  /** Why it could not start. */
  startFailed: Error | undefined;
  /** Told once, when its next round begins. */
  readonly onRound: (() => void)[] = [];
  /** When it last stood still: from and to. */
  frozenFromMs = Infinity;
  thawedAtMs = 0;
  readonly startedAtMs: number;
  nextRoundAtMs = Infinity;
  /** Of its ledger, each added up at its own place. */
  journaled = 0;
  confirmed = 0;
  readonly #options: ProcessOptions;

  constructor(options: ProcessOptions) {
    const { name, machine, time, chance } = options;
    this.name = name;
    this.machine = machine;
    this.#options = options;
    this.startedAtMs = time.nowMs;
    this.disk = new MountedDisk(machine.disk, machine.diskFaults, { time, chance, owner: this });
    this.network = options.networkFor(this);
  }

  wallMs(): number {
    return this.machine.wallMs();
  }

  monotonicMs(): number {
    return this.machine.monotonicMs();
  }

  /** In an event of its own. */
  async start(): Promise<void> {
    const { machine, onBroken, segmentBytes, journalBytesMax } = this.#options;
    try {
      this.core = await Core.start({
        rows: this.network,
        dataDir,
        disk: this.disk,
        clock: { wallMs: () => this.wallMs(), monotonicMs: () => this.monotonicMs() },
        log: this.#log(),
        metrics: this.#metrics(),
        memoryBytesMax: 2 ** 30,
        ballastBytesMax: 0,
        journalBytesMax,
        salts: undefined,
        retentionDays: 400,
        onBroken,
        segmentBytes,
        machine: machine.portOf(this),
      });
      this.#everyRound();
    } catch (thrown) {
      this.startFailed = thrown as Error;
    }
  }

  /** Journaled = confirmed + unflushed, at any moment between two events. */
  get unaccounted(): number {
    if (this.core === undefined) return 0;
    const { ingest, recovery } = this.core;
    const inRuns = ingest.runs.reduce((sum, { counters }) => sum + counters.unflushedCounts, 0);
    return this.journaled - this.confirmed - inRuns - recovery.book.unflushedCounts;
  }

  /** In an event of its own. True: all is in the store. */
  stop(): Promise<boolean> {
    this.isStopping = true;
    return this.core?.stop(stopMs) ?? Promise.resolve(false);
  }

  kill(): void {
    this.disk.abandon();
    this.isDead = true;
    this.machine.killed(this);
  }

  freeze(): void {
    this.isFrozen = true;
    this.frozenFromMs = this.#options.time.nowMs;
  }

  thaw(): void {
    this.isFrozen = false;
    this.thawedAtMs = this.#options.time.nowMs;
    this.#options.time.thaw(this);
  }

  /** As the service's schedule does it: rounds never overlap, recovery goes on beside them. */
  #everyRound(): void {
    const { time, chance } = this.#options;
    let isRunning = false;
    const flush = async (): Promise<void> => {
      await this.core?.flush();
      isRunning = false;
      if (!this.isStopping) void this.core?.recover();
    };
    const round = (): void => {
      time.after(flushMs, this, round);
      this.nextRoundAtMs = time.nowMs + flushMs;
      if (isRunning || this.isStopping) return;
      isRunning = true;
      for (const told of this.onRound.splice(0)) told();
      void flush();
    };
    const firstMs = chance.between(0, flushMs);
    this.nextRoundAtMs = time.nowMs + firstMs;
    time.after(firstMs, this, round);
  }

  #log(): Log {
    const { time } = this.#options;
    const write = (event: string, _said: string, fields: Record<string, unknown> = {}): void => {
      if (event === 'flush.done') return;
      if (event === 'journal.aside_gave_way') this.machine.asideGaveWay = true;
      const { writer_id: writer = '', err, kind, segment, detail } = fields;
      const problem = kind === undefined ? '' : ` ${[kind, segment, detail].join(' ')}`;
      const what = err instanceof Error ? ` (${err.message})` : problem;
      time.trace.tell(time.nowMs, `${this.name} ${event} ${String(writer)}${what}`);
    };
    return { info: write, warn: write, error: write };
  }

  /** Of the metrics only the ledger is of interest; the others cost more than a history. */
  #metrics(): Metrics {
    const ledger: Record<string, (counts: number) => void> = {
      ledgerJournaled: (counts) => void (this.journaled += counts),
      ledgerConfirmed: (counts) => void (this.confirmed += counts),
    };
    return new Proxy({}, { get: (_, name) => ledger[String(name)] ?? nothing }) as Metrics;
  }
}
