// Finds the region of a row: first in what is known, then in hbase:meta, whose own server is
// known from ZooKeeper. Promises that a location that proved wrong is asked for anew, that one
// question answers all who wait for it, and that no more is forgotten than a failure says.
// Never retries: whoever calls it does, within its deadline.
import { CounterError } from '../model/errors.ts';
import { hbaseMetaQuestionMs, hbaseNotReadyKeptMs, hbaseZooKeeperAttemptMsMax } from '../limits.ts';
import type { Reply } from './connection.ts';
import type { Connections } from './connections.ts';
import { Deadline } from './deadline.ts';
import type { Discovery } from './discovery.ts';
import { concernsServer, RegionMoved, toCounterError } from './failures.ts';
import type { ServerAddress } from './host-map.ts';
import { addressText } from './host-map.ts';
import type { ServerNameMessage } from './messages.ts';
import { metaRegionName, metaTable, regionOf, regionScan, stateOf, stateScan } from './meta.ts';
import type { MetaAnswer } from './meta.ts';
import type { HBaseObserver } from './observer.ts';
import { holds, Regions } from './regions.ts';
import type { Region } from './regions.ts';

const empty = Buffer.alloc(0);

/** What meta said last of a region that is nowhere just now. */
interface NotReady {
  readonly answer: MetaAnswer & { readonly server: null };
  readonly untilMs: number;
}

export class Locator {
  readonly #regions = new Regions();
  readonly #questions = new Map<string, Promise<MetaAnswer>>();
  readonly #notReady = new Map<string, readonly NotReady[]>();
  readonly #connections: Connections;
  readonly #discovery: Discovery;
  readonly #observer: HBaseObserver;
  readonly #rpcTimeoutMs: number;
  #metaServer: ServerAddress | null = null;

  constructor(options: {
    readonly connections: Connections;
    readonly discovery: Discovery;
    readonly observer: HBaseObserver;
    readonly rpcTimeoutMs: number;
  }) {
    this.#connections = options.connections;
    this.#discovery = options.discovery;
    this.#observer = options.observer;
    this.#rpcTimeoutMs = options.rpcTimeoutMs;
  }

  /** What is known, without asking: the way of a flush. */
  known(table: string, bytes: Buffer, start: number, end: number): Region | null {
    return this.#regions.find(table, bytes, start, end);
  }

  /** Why the row is nowhere, if meta said so a moment ago. */
  nowhere(table: string, bytes: Buffer, start: number, end: number): CounterError | null {
    const nowMs = performance.now();
    const recent = this.#notReady.get(table)?.find(({ answer, untilMs }) => {
      return nowMs < untilMs && holds(answer.region, bytes, start, end);
    });
    return recent?.answer.why ?? null;
  }

  /** One question of a table at a time: many look for a region that has moved, and one asks. */
  async locate(table: string, row: Buffer, deadline: Deadline): Promise<Region> {
    if (table === metaTable) return await this.#metaRegion(deadline);
    for (;;) {
      const known = this.#regions.find(table, row, 0, row.length);
      if (known !== null) return known;
      deadline.throwIfOver();
      const nowhere = this.nowhere(table, row, 0, row.length);
      if (nowhere !== null) throw nowhere;
      const answer = await deadline.race(this.#question(table, row));
      // The answer to another's question is perhaps none to this one.
      if (!holds(answer.region, row, 0, row.length)) continue;
      if (answer.server === null) throw answer.why;
      return answer.region;
    }
  }

  /** A call to the region has failed: forgets what that says is wrong, and nothing else. */
  failed(table: string, region: Region, failure: CounterError): void {
    if (failure.remedy !== 'relocate') return;
    if (table === metaTable) {
      this.#forgetMeta(region.server);
    } else if (!this.#regions.forget(table, region)) {
      // Somebody has seen it before; what is known now was learned since.
    } else if (concernsServer(failure)) {
      this.#observer.relocation();
      this.#forgetServer(region.server);
    } else {
      this.#observer.relocation();
      // Followed once: two servers that name each other would lead in a circle.
      if (failure instanceof RegionMoved && region.hinted !== true) {
        this.#regions.learn(table, { ...region, server: failure.to, hinted: true });
      }
    }
  }

  #forgetServer(server: ServerAddress): void {
    for (let i = this.#regions.forgetServer(server); i > 0; i--) this.#observer.relocation();
    this.#forgetMeta(server);
  }

  #forgetMeta(server: ServerAddress): void {
    if (this.#metaServer !== null && addressText(this.#metaServer) === addressText(server)) {
      this.#metaServer = null;
    }
  }

  async #metaRegion(deadline: Deadline): Promise<Region> {
    this.#metaServer ??= addressOf(await this.#discovery.metaServer(deadline));
    return { name: metaRegionName, startKey: empty, endKey: empty, server: this.#metaServer };
  }

  /** Has a time of its own: those who wait have more or less of it. */
  #question(table: string, row: Buffer): Promise<MetaAnswer> {
    const underWay = this.#questions.get(table);
    if (underWay !== undefined) return underWay;
    const question = this.#askMeta(table, row).finally(() => this.#questions.delete(table));
    this.#questions.set(table, question);
    return question;
  }

  async #askMeta(table: string, row: Buffer): Promise<MetaAnswer> {
    const { server } = await this.#metaRegion(
      new Deadline({ timeoutMs: 2 * hbaseZooKeeperAttemptMsMax }),
    );
    const answer = await this.#scan(server, regionScan(table, row), (reply) =>
      regionOf(table, row, reply),
    );
    if (answer.server !== null) {
      this.#notReady.delete(table);
      this.#regions.learn(table, answer.region);
      return answer;
    }
    if (answer.closed) {
      // Closed for a moment, or with its whole table: only then it is worth a question more.
      const state = await this.#scan(server, stateScan(table), (reply) => stateOf(table, reply));
      if (state !== 'enabled') {
        throw new CounterError('STORE_TABLE_DISABLED', 'retry', {
          detail: `the table ${table} is disabled`,
        });
      }
    }
    const nowMs = performance.now();
    const recent = this.#notReady.get(table)?.filter(({ untilMs }) => nowMs < untilMs) ?? [];
    const untilMs = nowMs + hbaseNotReadyKeptMs;
    this.#notReady.set(table, [...recent, { answer, untilMs }]);
    return answer;
  }

  async #scan<T>(server: ServerAddress, body: Buffer, read: (reply: Reply) => T): Promise<T> {
    try {
      return await this.#connections.ask(
        server,
        'ClientService',
        {
          method: 'Scan',
          body,
          cellBytes: 0,
          timeoutMs: Math.min(this.#rpcTimeoutMs, hbaseMetaQuestionMs),
          meta: true,
        },
        read,
      );
    } catch (error) {
      const failure = toCounterError(error);
      if (concernsServer(failure)) this.#forgetServer(server);
      else if (failure.remedy === 'relocate') this.#forgetMeta(server);
      throw failure;
    }
  }
}

export function addressOf(server: ServerNameMessage): ServerAddress {
  return { host: server.hostName, port: server.port };
}
