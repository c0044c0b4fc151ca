// The composition root: builds every room, connects them, starts them in order and stops them in
// reverse. What is decided here is only who knows whom. Never holds a count.
import path from 'node:path';
import { setTimeout as passes } from 'node:timers/promises';
import type { Config } from './config.ts';
import { sweepAside } from './aside-sweep.ts';
import { Core } from './core.ts';
import { HeapWatch } from './ingest/heap-watch.ts';
import type { HttpOptions } from './http/ports.ts';
import { createHttpServer } from './http/server.ts';
import type { HttpServer } from './http/server.ts';
import { memoryBytesMaxOf } from './ingest/memory-bound.ts';
import { makePathDurably, nodeDisk } from './journal/disk.ts';
import { measureJournals } from './journal/journal-space.ts';
import { flushWaitMsMin, sweepCron } from './limits.ts';
import type { Log } from './log.ts';
import type { JobName } from './metric-definitions.ts';
import type { Metrics } from './metrics.ts';
import { systemClock } from './model/clock.ts';
import type { Clock } from './model/clock.ts';
import { CounterError } from './model/errors.ts';
import { openRowStore } from './open-row-store.ts';
import { createAsking } from './query/asking.ts';
import type { AskingNeeds } from './query/asking.ts';
import { every, flushCron } from './schedule.ts';
import type { Schedule } from './schedule.ts';
import { ownPart } from './service-part.ts';
import type { OwnPart, Together } from './service-part.ts';
import { StatusReport } from './status.ts';
import type { Phase } from './status.ts';
import { refuseOtherStore } from './store-folder.ts';
import type { CounterStore } from './store/counter-store.ts';
import type { RowStore } from './store/row-store.ts';
import { version } from './version.ts';

export interface ServiceOptions {
  readonly config: Config;
  readonly log: Log;
  readonly metrics: Metrics;
  readonly clock?: Clock;
  /** How many processes share the machine's memory and disk; 1 where it is left out. */
  readonly share?: number;
  /** What the edge says where several processes serve together, by what this one says. */
  readonly together?: (own: OwnPart) => Together;
}

export interface Service {
  /** Where it listens: `http://127.0.0.1:8080`. */
  readonly address: string;
  stop(): Promise<void>;
  /** Resolves if it can go on no longer: the process should end, a restart recovers. */
  readonly failed: Promise<Error>;
}

export async function startService(options: ServiceOptions): Promise<Service> {
  await refuseOtherStore(options.config);
  // Before anybody makes it in passing: what is acknowledged needs all of its path to last.
  await makePathDurably(nodeDisk, path.resolve(options.config.dataDir));
  const rows = await openRowStore(options.config, options.log, options.metrics);
  const service = new RunningService(options, rows);
  try {
    await service.start();
    return service;
  } catch (thrown) {
    await service.stop();
    throw thrown;
  }
}

class RunningService implements Service {
  readonly failed: Promise<Error>;
  readonly #options: ServiceOptions;
  readonly #rows: RowStore;
  readonly #clock: Clock;
  #fail: (error: Error) => void = () => undefined;
  #phase: Phase = 'starting';
  #http: HttpServer | undefined;
  #core: Core | undefined;
  #heap: HeapWatch | undefined;
  #schedules: Schedule[] = [];
  #address = '';

  constructor(options: ServiceOptions, rows: RowStore) {
    this.#options = options;
    this.#rows = rows;
    this.#clock = options.clock ?? systemClock;
    this.failed = new Promise((resolve) => {
      this.#fail = resolve;
    });
  }

  get address(): string {
    return this.#address;
  }

  async start(): Promise<void> {
    const { config, log, metrics, share = 1 } = this.#options;
    const journalBytesMax = Math.floor((await this.#journalBytesMax()) / share);
    const heap = new HeapWatch(() => this.#clock.monotonicMs());
    this.#heap = heap;
    const core = await Core.start({
      rows: this.#rows,
      dataDir: config.dataDir,
      disk: nodeDisk,
      clock: this.#clock,
      log,
      metrics,
      memoryBytesMax: memoryBytesMaxOf(config.memoryMaxBytes / share, heap.limitBytes),
      heapIsShort: () => heap.isShort,
      journalBytesMax,
      share,
      salts: config.hbaseSalts,
      retentionDays: config.retentionDays,
      onBroken: (error) => this.#fail(error),
    });
    this.#core = core;
    const report = new StatusReport({
      core,
      version,
      flushSeconds: config.flushSeconds,
      journalBytesMax,
      share,
      monotonicMs: () => this.#clock.monotonicMs(),
    });
    metrics.observe(report.gauges());
    const own = ownPart(core, report, () => this.#phase);
    const together = this.#options.together?.(own) ?? own;
    this.#http = createHttpServer(this.#httpOptions(core, together));
    this.#address = await listen(this.#http, config);
    this.#schedules = this.#jobs(core, report, together);
    this.#phase = 'serving';
  }

  /** Of all processes. What the journals hold counts as free: no start is to halve the bound. */
  async #journalBytesMax(): Promise<number> {
    const { dataDir, journalMaxBytes } = this.#options.config;
    if (journalMaxBytes !== undefined) return journalMaxBytes;
    const folder = path.join(dataDir, 'journal');
    const { keptBytes } = await measureJournals({ disk: nodeDisk, folder });
    return ((await nodeDisk.freeBytes(dataDir)) + keptBytes) / 2;
  }

  /** Unready, stop accepting, answer what is in flight, last frame, flush, seal. */
  async stop(): Promise<void> {
    const { config, log } = this.#options;
    const deadlineMs = this.#clock.monotonicMs() + config.shutdownGraceMs;
    this.#phase = 'draining';
    await passes(config.drainDelayMs);
    await this.#http?.drain(Math.max(0, (deadlineMs - this.#clock.monotonicMs()) / 2));
    // A round under way is waited for below, with a bound.
    for (const schedule of this.#schedules) void schedule.stop();
    const leftMs = Math.max(
      flushWaitMsMin,
      deadlineMs - this.#clock.monotonicMs() - flushWaitMsMin,
    );
    this.#heap?.close();
    if (this.#core === undefined) return this.#rows.close();
    if (!(await this.#core.stop(leftMs))) {
      const what = 'The store did not take everything: what is left is in the journal';
      log.warn('service.left_open', what, { writer_id: this.#core.ingest.current?.writer });
    }
  }

  #httpOptions(core: Core, together: Together): HttpOptions {
    const { config, log, metrics } = this.#options;
    return {
      accepting: core.ingest,
      asking: createAsking(this.#askingNeeds(core, together)),
      operating: together,
      metrics,
      keys: { write: config.writeKeys, read: config.readKeys, admin: config.adminKeys },
      defaultAcknowledgement: config.ack,
      corsOrigins: config.corsOrigins,
      nowMs: () => core.ingest.current?.clock.nowMs() ?? this.#clock.wallMs(),
      log: (event, fields) => log.warn(event, 'A request went wrong', fields),
      version,
    };
  }

  #askingNeeds(core: Core, together: Together): AskingNeeds {
    return {
      store: {
        readAd: (...question) => asked(core, (store) => store.readAd(...question)),
        readAdSite: (...question) => asked(core, (store) => store.readAdSite(...question)),
      },
      readRegistry: () =>
        asked(core, async () => ({ ...(await core.readRegistry()), dead: core.writers.dead })),
      unflushed: (ad, site, quarters) => together.unflushed(ad, site, quarters),
      flushFirst: async () => {
        if (!(await together.freshen())) throw new CounterError('STORE_UNAVAILABLE', 'retry');
      },
      // By which this process accepts, so that its own events never lie beyond the range.
      nowMs: () => core.ingest.current?.clock.nowMs() ?? this.#clock.wallMs(),
      retentionDays: this.#options.config.retentionDays,
    };
  }

  #jobs(core: Core, report: StatusReport, together: Together): Schedule[] {
    const { config, log, metrics } = this.#options;
    const flushJob = async (): Promise<void> => {
      await core.flush();
      report.sampleRate();
      // Not awaited: a large estate takes longer than a round, and rounds must not wait for it.
      void this.#timed('recover', () => core.recover());
    };
    const sweepJob = async (): Promise<void> => {
      if (!(await together.isChosen())) return;
      const wallMs = this.#clock.wallMs();
      const asideMs = config.asideHours * 3_600_000;
      await this.#timed('aside', () => sweepAside({ core, together, wallMs, asideMs, log }));
    };
    // A second of its own, so that instances that start together do not flush together.
    const firstSecond = Math.floor(Math.random() * config.flushSeconds);
    return [
      every({
        name: 'flush',
        cronExpression: flushCron(config.flushSeconds, firstSecond),
        run: flushJob,
        onOverlap: () => metrics.flushSkipped(),
        log,
      }),
      every({
        name: 'aside',
        cronExpression: sweepCron,
        run: sweepJob,
        onOverlap: () => undefined,
        log,
      }),
    ];
  }

  async #timed(job: JobName, work: () => Promise<unknown>): Promise<void> {
    const startedMs = this.#clock.monotonicMs();
    await work();
    this.#options.metrics.jobDone(job, (this.#clock.monotonicMs() - startedMs) / 1000);
  }
}

/** A question that the store could not answer is how an outage is noticed between two rounds. */
async function asked<T>(core: Core, ask: (store: CounterStore) => Promise<T>): Promise<T> {
  try {
    return await ask(core.link.opened);
  } catch (thrown) {
    core.link.suspect();
    throw thrown;
  }
}

async function listen({ server }: HttpServer, config: Config): Promise<string> {
  await new Promise<void>((resolve, reject) => {
    server.once('error', reject);
    server.listen(config.httpPort, config.httpHost, () => {
      server.off('error', reject);
      resolve();
    });
  });
  const address = server.address();
  if (address === null || typeof address === 'string')
    throw new CounterError('NO_ADDRESS', 'give-up');
  const host = address.family === 'IPv6' ? `[${address.address}]` : address.address;
  return `http://${host}:${address.port}`;
}
