// HBase Increments with retry, as clients of HBase send them: one call an increment, without a
// nonce, sent again on a fresh connection to wherever the region is now until an answer says that
// it was done. Knows how to be right about everything but a reply that was lost.
import { setTimeout as sleep } from 'node:timers/promises';
import { Connections } from '../../../src/hbase/connections.ts';
import { HBaseClient } from '../../../src/hbase/hbase-client.ts';
import type { Place } from '../../../src/hbase/hbase-client.ts';
import type { HostMap } from '../../../src/hbase/host-map.ts';
import { messages } from '../../../src/hbase/messages.ts';
import { durabilityCode } from '../../../src/hbase/multi-codec.ts';
import { silentObserver } from '../../../src/hbase/observer.ts';
import { holds } from '../../../src/hbase/regions.ts';
import type { Region } from '../../../src/hbase/regions.ts';
import { clientOptions } from '../../hbase/client-options.ts';

const mutateTypeIncrement = 1;
const qualifier = Buffer.from('n');
const callTimeoutMs = 10_000;
const retryPauseMs = 200;
/** As a client library's own: then the caller is told that it failed. */
const retryForMs = 120_000;
const inTime = { timeoutMs: 30_000 };

export class Increments {
  /** Sent again after a failure. */
  retries = 0;
  readonly #place: Place;
  readonly #zookeeper: string;
  readonly #hostMap: HostMap;
  readonly #connections: Connections;
  #client: HBaseClient;
  #regions: readonly Region[] | undefined;
  #locating: Promise<readonly Region[]> | undefined;

  constructor(options: {
    readonly zookeeper: string;
    readonly hostMap: HostMap;
    readonly table: string;
  }) {
    this.#zookeeper = options.zookeeper;
    this.#hostMap = options.hostMap;
    this.#place = { table: options.table, family: Buffer.from('c') };
    this.#connections = new Connections({
      user: 'adcounter',
      hostMap: options.hostMap,
      observer: silentObserver,
    });
    this.#client = this.#newClient();
  }

  /** Resolves once an answer says that it was done; how often it was done, nobody knows. */
  async add(row: Buffer, n: number): Promise<void> {
    const untilMs = performance.now() + retryForMs;
    for (;;) {
      try {
        await this.#try(row, n);
        return;
      } catch (error) {
        if (performance.now() > untilMs) throw error;
        this.retries++;
        this.#regions = undefined;
        await sleep(retryPauseMs);
      }
    }
  }

  /** Of all rows that begin so. */
  async sum(prefix: string): Promise<number> {
    const start = Buffer.from(prefix);
    const stop = Buffer.concat([start, Buffer.from([0xff])]);
    let sum = 0;
    await this.#client.scan(
      this.#place,
      { start, stop },
      (cell) => (sum += Number(cell.bytes.readBigInt64BE(cell.valueStart))),
      inTime,
    );
    return sum;
  }

  async #try(row: Buffer, n: number): Promise<void> {
    const regions = (this.#regions ??= await this.#located());
    const region = regions.find((each) => holds(each, row, 0, row.length));
    if (region === undefined) throw new Error('no region has the row');
    const value = Buffer.alloc(8);
    value.writeBigInt64BE(BigInt(n));
    const { family } = this.#place;
    const body = messages.mutateRequest.encodeDelimited({
      region: { type: 1, value: region.name },
      mutation: {
        row,
        mutateType: mutateTypeIncrement,
        columnValue: [{ family, qualifierValue: [{ qualifier, value }] }],
        durability: durabilityCode.sync_wal,
      },
    });
    const call = { method: 'Mutate', body, cellBytes: 0, timeoutMs: callTimeoutMs };
    await this.#connections.call(region.server, 'ClientService', call);
  }

  /** Asked anew, by a client that remembers nothing; once for all that wait for it. */
  async #located(): Promise<readonly Region[]> {
    this.#locating ??= this.#locate().finally(() => (this.#locating = undefined));
    return await this.#locating;
  }

  async #locate(): Promise<readonly Region[]> {
    this.#client.close();
    this.#client = this.#newClient();
    return await this.#client.regions(this.#place.table, inTime);
  }

  #newClient(): HBaseClient {
    return new HBaseClient({ ...clientOptions(this.#zookeeper), hostMap: this.#hostMap });
  }
}
