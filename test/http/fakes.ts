// Everything below the edge, in memory, and the real server object above it.
// Remembers what it was asked and counts what it accepted; fails when told to.
import { connect } from 'node:net';
import type { AddressInfo, Socket } from 'node:net';
import { createHttpServer } from '../../src/http/server.ts';
import type { HttpServer } from '../../src/http/server.ts';
import type { HttpMetrics, HttpOptions, Readiness } from '../../src/http/ports.ts';
import type { AcceptResult, RefusedEvent } from '../../src/ingest/accept.ts';
import type { AdId, SiteId } from '../../src/model/cell.ts';
import type { Acknowledgement, AdEvent } from '../../src/model/event.ts';
import type { AdTotal, PageOptions, QueryOptions } from '../../src/query/answers.ts';

export const nowMs = Date.UTC(2026, 7, 1, 12, 0, 0);

export interface Accepted {
  readonly events: readonly AdEvent[];
  readonly acknowledgement: Acknowledgement;
}

export interface Asked {
  readonly ads: readonly AdId[];
  readonly site?: SiteId;
  readonly options: QueryOptions;
  readonly page?: PageOptions;
}

export interface World extends HttpServer {
  readonly accepted: Accepted[];
  readonly asked: Asked[];
  readonly metrics: MetricsFake;
  readonly logged: string[];
  /** What `accept` refuses, by index into the accepted events. */
  refused: readonly RefusedEvent[];
  /** What `accept` says that holds; undefined: what was wished for. */
  acknowledged: Acknowledgement | undefined;
  /** Thrown by `accept`, by questions and by a flush. */
  failure: unknown;
  readiness: Readiness;
  flushes: number;
  nextCursor: string | undefined;
  /** Awaited by `accept` and by questions before they answer. */
  pause: () => Promise<void>;
}

export class MetricsFake implements HttpMetrics {
  readonly counts = new Map<string, number>();
  readonly requests: string[] = [];

  events(measure: string, result: string, events: number): void {
    this.#add(`${measure} ${result}`, events);
  }

  rejected(reason: string, events: number): void {
    this.#add(reason, events);
  }

  unknownFields(fields: number): void {
    this.#add('unknown fields', fields);
  }

  request(method: string, route: string, code: number, _seconds: number): void {
    this.requests.push(`${method} ${route} ${code}`);
  }

  async scrape(): Promise<{ contentType: string; text: string }> {
    return { contentType: 'text/plain; version=0.0.4', text: 'adcounter_build_info 1\n' };
  }

  #add(name: string, n: number): void {
    this.counts.set(name, (this.counts.get(name) ?? 0) + n);
  }
}

export function totalOf(ad: AdId, known = true): AdTotal {
  const counted = known ? 5 : 0;
  return {
    ad,
    range: { first: 1_984_000, end: 1_984_004 },
    impressions: { counted, filtered: {}, gross: counted },
    clicks: { counted: 0, filtered: {}, gross: 0 },
    ctr: known ? 0 : null,
    unflushed: { impressions: 2, clicks: 0 },
    completeThroughMs: nowMs,
    final: false,
    known,
  };
}

export function world(given: Partial<HttpOptions> = {}): World {
  const accepted: Accepted[] = [];
  const asked: Asked[] = [];
  const metrics = new MetricsFake();
  const logged: string[] = [];
  async function answering(question: Asked): Promise<void> {
    asked.push(question);
    await fakes.pause();
    if (fakes.failure !== undefined) throw fakes.failure;
  }
  const options: HttpOptions = {
    accepting: {
      async accept(events, acknowledgement): Promise<AcceptResult> {
        await fakes.pause();
        if (fakes.failure !== undefined) throw fakes.failure;
        accepted.push({ events, acknowledgement });
        const { refused } = fakes;
        const acknowledged = fakes.acknowledged ?? acknowledgement;
        return { countedEvents: events.length - refused.length, refused, acknowledged };
      },
    },
    asking: {
      async adTotals(ads, queryOptions) {
        await answering({ ads, options: queryOptions });
        return ads.map((ad) => totalOf(ad, ad !== 'unknown'));
      },
      async adSites(ad, queryOptions, page) {
        await answering({ ads: [ad], options: queryOptions, page });
        const { range, completeThroughMs, final, impressions, clicks, ctr } = totalOf(ad);
        const sites = [{ site: 'x.example' as SiteId, impressions, clicks, ctr }];
        const { nextCursor } = fakes;
        return { ad, range, completeThroughMs, final, sites, sitesTotal: 7, nextCursor };
      },
      async adSite(ad, site, queryOptions) {
        await answering({ ads: [ad], site, options: queryOptions });
        return { ...totalOf(ad), site };
      },
    },
    operating: {
      readiness: () => fakes.readiness,
      status: async () => ({ version: 'test', store: 'memory' }),
      async flush() {
        if (fakes.failure !== undefined) throw fakes.failure;
        fakes.flushes++;
        return { outcome: 'success', cells: 3, ms: 4, completeThroughMs: nowMs };
      },
    },
    metrics,
    keys: { write: [], read: [], admin: [] },
    defaultAcknowledgement: 'journal',
    corsOrigins: [],
    nowMs: () => nowMs,
    log: (event, fields) => logged.push(`${event} ${JSON.stringify(fields)}`),
    version: 'test',
    ...given,
  };
  const fakes: World = {
    ...createHttpServer(options),
    accepted,
    asked,
    metrics,
    logged,
    refused: [],
    acknowledged: undefined,
    failure: undefined,
    readiness: { state: 'ready', reasons: [] },
    flushes: 0,
    nextCursor: undefined,
    pause: async () => {},
  };
  return fakes;
}

/** The accepted events of all requests, as the sender would write them. */
export function eventsIn({ accepted }: World): readonly Partial<AdEvent>[] {
  return accepted.flatMap(({ events }) =>
    events.map(({ ad, site, n, tsMs, measure }) => {
      const plain = {
        ad,
        site,
        ...(n === 1 ? {} : { n }),
        ...(tsMs === undefined ? {} : { tsMs }),
      };
      return measure === 1 ? plain : { ...plain, measure };
    }),
  );
}

/** A bare connection to the service, for what no HTTP client would send. */
export async function connected({ server }: World): Promise<Socket> {
  if (!server.listening) {
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', () => resolve()));
  }
  const { port } = server.address() as AddressInfo;
  return new Promise((resolve, reject) => {
    const socket = connect(port, '127.0.0.1', () => resolve(socket));
    socket.once('error', reject);
  });
}
