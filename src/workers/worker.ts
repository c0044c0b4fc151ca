// A worker: the service of one process, that says of itself what the primary asks, and at its edge
// what the primary says of all. Stops when the primary tells it to. Starts no process.
import type { FlushAnswer, Readiness } from '../http/ports.ts';
import { workerAnswerMs, workerFlushMs, workersFlushMs } from '../limits.ts';
import type { Metrics } from '../metrics.ts';
import type { AdId, SiteId } from '../model/cell.ts';
import type { QuarterRange } from '../model/quarter.ts';
import type { Unflushed } from '../query/asking.ts';
import type { OwnPart, Together } from '../service-part.ts';
import type { Service, ServiceOptions } from '../service.ts';
import { Channel } from './channel.ts';
import type { Document } from './sums.ts';

/** The part of `process` that a worker needs. */
export interface WorkerHost {
  readonly send: (message: object, sent?: () => void) => void;
  readonly onMessage: (listener: (message: unknown) => void) => void;
}

interface UnflushedQuestion {
  readonly ad: AdId;
  readonly site?: SiteId;
  readonly quarters: QuarterRange;
}

export class Worker {
  /** Resolves when the primary tells it to stop. */
  readonly told: Promise<void>;
  readonly #channel: Channel;
  #metrics: Metrics | undefined;
  #own: OwnPart | undefined;

  constructor(host: WorkerHost) {
    let stop: (() => void) | undefined;
    this.told = new Promise((resolve) => {
      stop = resolve;
    });
    this.#channel = new Channel((message) => host.send(message), {
      stop: () => stop?.(),
      sign: () => true,
      metrics: () => this.#metrics?.part(),
      readiness: () => this.#own?.readiness(),
      status: () => this.#own?.status(),
      flush: () => this.#own?.flush(),
      freshen: () => this.#own?.freshen(),
      recover: () => this.#own?.recover(),
      hasLostCounts: (withinMs) => this.#own?.hasLostCounts(withinMs as number),
      unflushed: (detail) => {
        const { ad, site, quarters } = detail as UnflushedQuestion;
        return this.#own?.unflushed(ad, site, quarters);
      },
    });
    host.onMessage((message) => this.#channel.receive(message));
  }

  /** The service of this process, as one of `workers`. */
  async start(
    startService: (options: ServiceOptions) => Promise<Service>,
    options: ServiceOptions,
  ): Promise<Service> {
    const { metrics, config } = options;
    this.#metrics = metrics;
    metrics.scrapedBy(async () => (await this.#ask('metrics')) as string);
    const service = await startService({
      ...options,
      share: config.workers,
      together: (own) => {
        this.#own = own;
        return this.#together(own);
      },
    });
    await this.#ask('started');
    const { address, failed } = service;
    const stop = async (): Promise<void> => {
      await service.stop();
      // The last of its totals; without an answer they end as those of a crash.
      await this.#ask('ended', await metrics.part()).catch(() => undefined);
    };
    return { address, failed, stop };
  }

  #together(own: OwnPart): Together {
    return {
      readiness: async () =>
        (await this.#ask('readiness').catch(() => own.readiness())) as Readiness,
      status: async () => (await this.#ask('status')) as Document,
      flush: async () =>
        (await this.#channel.ask('flush', undefined, workersFlushMs)) as FlushAnswer,
      // The question has a deadline of its own; who heard nothing by then is not fresh.
      freshen: async () =>
        (await this.#channel.ask('freshen', undefined, workerFlushMs).catch(() => false)) === true,
      unflushed: async (ad, site, quarters) =>
        (await this.#ask('unflushed', { ad, site, quarters })) as Unflushed,
      isChosen: async () => (await this.#ask('isChosen')) === true,
      hasLostCounts: async (withinMs) => (await this.#ask('hasLostCounts', withinMs)) !== false,
    };
  }

  #ask(what: string, detail?: unknown): Promise<unknown> {
    // The primary asks the others first, each with the time of one answer.
    return this.#channel.ask(what, detail, 2 * workerAnswerMs);
  }
}
