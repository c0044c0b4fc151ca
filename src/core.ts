// Owns everything below the edge, connected: identity, ingest, rounds, recovery, queries.
// Starts without the store where it must and catches up when it answers. Never knows HTTP.
import { setTimeout as passes } from 'node:timers/promises';
import { Announcements } from './announcements.ts';
import { DataFolder } from './data-folder.ts';
import { ExpeditedFlush } from './flush/expedited-flush.ts';
import { FlushRounds } from './flush/rounds.ts';
import type { FlushCall, FlushReport } from './flush/rounds.ts';
import { AcceptClock } from './ingest/accept-clock.ts';
import { Ingest } from './ingest/ingest.ts';
import { Recovery } from './ingest/recovery.ts';
import { thisMachine } from './machine.ts';
import type { Machine } from './machine.ts';
import type { HostIdentity } from './ingest/host-identity.ts';
import { MemoryBound } from './ingest/memory-bound.ts';
import { PauseGuard } from './ingest/pause-guard.ts';
import { register } from './ingest/registration.ts';
import { WriterRun } from './ingest/writer-run.ts';
import { WritersSeen } from './ingest/writers-seen.ts';
import type { Disk } from './journal/disk.ts';
import { diskSampleMs, registrationWaitMs } from './limits.ts';
import type { Log } from './log.ts';
import type { Metrics } from './metrics.ts';
import { AssertionError } from './model/assert.ts';
import type { Clock } from './model/clock.ts';
import type { Completeness } from './store/completeness.ts';
import type { RowStore } from './store/row-store.ts';
import { StoreLink } from './store/store-link.ts';

export interface CoreOptions {
  readonly rows: RowStore;
  readonly dataDir: string;
  readonly disk: Disk;
  readonly clock: Clock;
  readonly log: Log;
  readonly metrics: Metrics;
  readonly memoryBytesMax: number;
  /** Whether the process is near the end of its heap; never where it is left out. */
  readonly heapIsShort?: () => boolean;
  /** This process' share of the bound on all journals of the data folder. */
  readonly journalBytesMax: number;
  /** How many processes count in the data folder; 1 where it is left out. */
  readonly share?: number;
  readonly ballastBytesMax?: number;
  /** Undefined: whatever the store was created with. */
  readonly salts: number | undefined;
  readonly retentionDays: number;
  /** A promise of our own is broken: the process must stop. */
  readonly onBroken: (error: Error) => void;
  readonly cellCountEnd?: number;
  readonly segmentBytes?: number;
  /** Undefined: the one that this process runs on. */
  readonly machine?: Machine;
}

export class Core {
  readonly link: StoreLink;
  readonly folder: DataFolder;
  readonly memory: MemoryBound;
  readonly ingest: Ingest;
  readonly rounds: FlushRounds;
  readonly recovery: Recovery;
  /** As the registry said when it was last read. */
  readonly writers: WritersSeen;
  readonly #options: CoreOptions;
  readonly #expedited: ExpeditedFlush;
  readonly #pauses: PauseGuard;
  readonly #announcements: Announcements;
  #skewMs = 0;
  #preparing: Promise<void> | undefined;
  #sampling: NodeJS.Timeout | undefined;

  private constructor(options: CoreOptions, identity: HostIdentity) {
    const { rows, clock, log, metrics, onBroken, retentionDays } = options;
    const monotonicMs = (): number => clock.monotonicMs();
    const common = { metrics, log, monotonicMs, retentionDays, onBroken };
    this.#options = options;
    this.#announcements = new Announcements(log);
    const createIfMissing = rows.kind !== 'hbase';
    const guard = { createIfMissing, salts: options.salts };
    this.link = new StoreLink({ rows, guard, clock, log });
    this.#pauses = new PauseGuard({ clock, link: this.link, run: () => this.ingest.current, log });
    const { share = 1, journalBytesMax } = options;
    this.folder = new DataFolder({ ...options, journalBytesMax: share * journalBytesMax });
    const { memoryBytesMax: maxBytes, heapIsShort = () => false } = options;
    const otherBytes = (): number => this.recovery.heldBytes;
    this.memory = new MemoryBound({ maxBytes, otherBytes, heapIsShort });
    this.ingest = new Ingest({
      ...common,
      beginRun: () => this.#beginRun(identity),
      memory: this.memory,
      refusal: () => this.link.refusal?.reason,
      flushSoon: () => void this.rounds.flush(),
      confirmed: ({ run, touched }) => this.#expedited.confirmed(run, touched),
      afterPause: () => this.#pauses.settled(),
    });
    this.rounds = new FlushRounds({
      ...common,
      store: () => this.link.store,
      writers: () => this.ingest.runs,
      prepare: () => this.#prepareRound(),
      wallMs: () => clock.wallMs(),
    });
    this.#expedited = new ExpeditedFlush({
      store: () => this.link.store,
      isUp: () => this.link.up,
      suspect: () => this.link.suspect(),
      round: () => this.rounds.flush(),
      metrics,
      onBroken,
    });
    const isOwn = (writer: string): boolean =>
      this.ingest.runs.some((run) => run.writer === writer);
    this.writers = new WritersSeen({ isOwn, holdsStore: createIfMissing, monotonicMs });
    this.recovery = new Recovery({
      ...common,
      disk: this.folder.disk,
      journalFolder: this.folder.journalFolder,
      link: this.link,
      identity,
      isOwn,
      tryLock: (options.machine ?? thisMachine).tryLock,
    });
  }

  static async start(options: CoreOptions): Promise<Core> {
    const core = new Core(options, await (options.machine ?? thisMachine).identity());
    await core.folder.start();
    await core.ingest.start();
    core.#sampling = setInterval(() => core.#lookAround(), diskSampleMs);
    core.#sampling.unref();
    // A registered start has no unregistered frames; but a store that is away holds up nobody.
    await Promise.race([
      core.#prepareQuietly(),
      passes(registrationWaitMs, undefined, { ref: false }),
    ]);
    void core.recover();
    return core;
  }

  get completeness(): Completeness {
    return this.writers.completeness;
  }

  /** Wall clock minus the store's, when it was last asked. */
  get skewMs(): number {
    return this.#skewMs;
  }

  /** A round, and what it made of the registry. */
  async flush(call?: FlushCall): Promise<FlushReport> {
    const report = await this.rounds.flush(call);
    await this.readRegistry().catch(() => undefined);
    return report;
  }

  async readRegistry(): Promise<Completeness> {
    const reading = await this.link.registry.readAll();
    const nowMs = this.link.nowMs() ?? this.#options.clock.wallMs();
    this.writers.see(reading, nowMs);
    this.#announcements.lookAtRegistry(reading, nowMs);
    return this.completeness;
  }

  /** One pass over what dead writers left in the data folder. Never throws; false: not all. */
  async recover(): Promise<boolean> {
    try {
      await this.recovery.pass();
      return true;
    } catch (err) {
      this.#options.log.warn('recovery.interrupted', 'Recovery goes on at the next round', { err });
      return false;
    }
  }

  /** Last frame, last flush, sealed. True: all is in the store. */
  async stop(waitMs: number): Promise<boolean> {
    clearInterval(this.#sampling);
    await this.folder.stop();
    await this.ingest.stop();
    const late = passes(waitMs, undefined, { ref: false }).then(() => false);
    const sealing = this.rounds
      .flush({ setAside: true })
      .then(({ outcome }) => outcome === 'success');
    const sealed = await Promise.race([sealing, late]);
    // A put of the recovery may be on its way; it may land, and is repeated by the next start.
    await Promise.race([this.recovery.stop(), late]);
    await this.ingest.close();
    await this.link.rows.close();
    return sealed;
  }

  #beginRun(identity: HostIdentity): Promise<WriterRun> {
    const { clock, metrics, log, journalBytesMax } = this.#options;
    const { cellCountEnd, segmentBytes } = this.#options;
    return WriterRun.begin({
      disk: this.folder.disk,
      journalFolder: this.folder.journalFolder,
      journalBytesMax,
      space: this.folder.journals,
      lock: (this.#options.machine ?? thisMachine).lock,
      identity,
      // A clock of its own: the old one was bound to what the old identity had seen.
      clock: new AcceptClock(clock),
      wallMs: () => clock.wallMs(),
      storeNowMs: () => this.link.nowMs(),
      onFrameSynced: (seconds) => metrics.journalSync(seconds),
      onJournalError: (err) => {
        metrics.journalError(err.code === 'JOURNAL_FAILED' ? 'sync' : 'write');
        log.error('journal.error', 'The disk failed the journal', { err });
      },
      ...(cellCountEnd === undefined ? {} : { cellCountEnd }),
      ...(segmentBytes === undefined ? {} : { segmentBytes }),
    });
  }

  /** One at a time: a slow start and the first round must not register twice. */
  #prepareRound(): Promise<void> {
    this.#preparing ??= this.#prepare().finally(() => {
      this.#preparing = undefined;
    });
    return this.#preparing;
  }

  /** What a round needs first: an open store, its time, registered writers. */
  async #prepare(): Promise<void> {
    await this.link.reach();
    await this.#pauses.settled();
    await this.#lookAtClocks();
    for (const run of this.ingest.runs) {
      if (!run.registered) await this.#tryToRegister(run);
    }
    await this.ingest.dropFinished();
  }

  /** One identity that cannot be registered must not keep the others from their round. */
  async #tryToRegister(run: WriterRun): Promise<void> {
    try {
      await this.#register(run);
    } catch (err) {
      if (err instanceof AssertionError) throw err;
      const what = 'This writer could not be registered; the next round tries again';
      this.#options.log.warn('writer.unregistered', what, { writer_id: run.writer, err });
    }
  }

  async #register(run: WriterRun): Promise<void> {
    const { log } = this.#options;
    await register(run, {
      registry: this.link.registry,
      storeNowMs: this.link.clockMs,
      hold: (task) => this.ingest.hold(task),
      log,
    });
    if (!run.registered) return;
    log.info('writer.registered', 'The store knows this writer', { writer_id: run.writer });
  }

  /** An identity whose wall clock leapt gives way once it can be believed. */
  async #lookAtClocks(): Promise<void> {
    const run = this.ingest.current;
    const storeMs = this.link.nowMs();
    if (run === undefined || storeMs === undefined) return;
    this.#skewMs = run.clock.observeStore(storeMs);
    const hasStoreClock = this.link.rows.kind === 'hbase';
    if (run.clock.canBeReplaced(hasStoreClock)) await this.ingest.replaceRun('clock_leapt');
  }

  async #prepareQuietly(): Promise<void> {
    try {
      await this.#prepareRound();
      await this.readRegistry();
    } catch (err) {
      // A schema that is refused was named already, and nothing is counted until it fits.
      if (this.link.refusal !== undefined) return;
      this.#options.log.warn('store.not_reached', 'Counting begins without the store', { err });
    }
  }

  /** Once a second: pauses, room on the disk, and what began or ceased to be wrong. */
  #lookAround(): void {
    this.#pauses.look();
    void this.folder.look();
    this.#options.metrics.storeUp(this.link.up);
    this.#announcements.look({
      refusal: this.ingest.refusal,
      clockIsOff: this.ingest.current?.clock.degraded === true,
      skewMs: this.#skewMs,
    });
  }
}
