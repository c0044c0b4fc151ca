// Moves, splits and merges of a table's regions, each done when meta says so. Asks past the
// proxies, with a client that remembers nothing from one look to the next.
import { setTimeout as sleep } from 'node:timers/promises';
import { HBaseClient } from '../../../src/hbase/hbase-client.ts';
import type { Place } from '../../../src/hbase/hbase-client.ts';
import type { ServerNameMessage } from '../../../src/hbase/messages.ts';
import { holds } from '../../../src/hbase/regions.ts';
import type { Region } from '../../../src/hbase/regions.ts';
import { CounterError } from '../../../src/model/errors.ts';
import { clientOptions } from '../client-options.ts';
import type { Ledger } from './ledger.ts';

const changeTimeoutMs = 90_000;

export class RegionChanges {
  readonly #zookeeper: string;
  readonly #random: (below: number) => number;

  constructor(zookeeper: string, random: (below: number) => number) {
    this.#zookeeper = zookeeper;
    this.#random = random;
  }

  /** With one family, split at those bytes, or keys. */
  async newTable(table: string, splits: readonly (number | Buffer)[]): Promise<Place> {
    const families = new Map([['c', new Map([['VERSIONS', '1']])]]);
    const splitKeys = splits.map((at) => (typeof at === 'number' ? Buffer.from([at]) : at));
    await this.use((client) => client.createTable({ name: table, families, splitKeys }, inTime));
    return { table, family: Buffer.from('c') };
  }

  async regions(table: string): Promise<readonly Region[]> {
    return await this.use((client) => client.regions(table, inTime));
  }

  async servers(): Promise<readonly ServerNameMessage[]> {
    return await this.use((client) => client.servers(inTime));
  }

  /** One region, or the one that is named, to a server that it is not on. */
  async move(table: string, to?: number): Promise<void> {
    const regions = await this.regions(table);
    const region = to === undefined ? this.#oneOf(regions) : regions[0];
    if (region === undefined || region.server.port === to) return;
    const others = (await this.servers()).filter(({ port }) =>
      to === undefined ? port !== region.server.port : port === to,
    );
    const target = this.#oneOf(others);
    await this.#insist(() => this.use((client) => client.moveRegion(region, target, inTime)));
    await this.#untilSeen(table, (now) =>
      now.some(({ name, server }) => name.equals(region.name) && server.port === target.port),
    );
  }

  /** The region with the most rows of the book, in their middle. */
  async split(table: string, { cells }: Ledger): Promise<void> {
    const before = await this.regions(table);
    await this.#insist(async () => {
      const parts = (await this.regions(table)).map((region) => ({
        region,
        rows: cells.filter(({ row }) => holds(region, row, 0, row.length)).map(({ row }) => row),
      }));
      const largest = parts.toSorted((a, b) => b.rows.length - a.rows.length);
      const part = largest[this.#random(Math.min(2, largest.length))];
      if (part === undefined) throw new Error('the table has no region');
      const sorted = part.rows.toSorted((a, b) => a.compare(b));
      const at = sorted[sorted.length >>> 1];
      if (at === undefined) throw new Error('the region has no rows');
      await this.use((client) => client.splitRegion(part.region, at, inTime));
    });
    await this.#untilSeen(table, (now) => now.length > before.length);
  }

  /** Two neighbours. */
  async merge(table: string): Promise<void> {
    const before = await this.regions(table);
    await this.#insist(async () => {
      const regions = await this.regions(table);
      const first = this.#random(regions.length - 1);
      const pair = regions.slice(first, first + 2);
      await this.use((client) => client.mergeRegions(pair, inTime));
    });
    await this.#untilSeen(table, (now) => now.length < before.length);
  }

  /** Every server has a share of the regions again. */
  async spread(table: string): Promise<void> {
    const servers = await this.servers();
    const regions = await this.regions(table);
    for (const [i, region] of regions.entries()) {
      const target = servers[i % servers.length];
      if (target === undefined || target.port === region.server.port) continue;
      await this.use((client) => client.moveRegion(region, target, inTime));
    }
    await this.#untilSeen(table, (now) =>
      servers.every(({ port }) => now.some(({ server }) => server.port === port)),
    );
  }

  async use<T>(work: (client: HBaseClient) => Promise<T>): Promise<T> {
    const client = new HBaseClient(clientOptions(this.#zookeeper));
    try {
      return await work(client);
    } finally {
      client.close();
    }
  }

  #oneOf<T>(choices: readonly T[]): T {
    const chosen = choices[this.#random(choices.length)];
    if (chosen === undefined) throw new Error('there is nothing to choose from');
    return chosen;
  }

  /** HBase refuses to split or merge what it has not yet cleaned up after the last time. */
  async #insist(change: () => Promise<void>): Promise<void> {
    const endMs = performance.now() + changeTimeoutMs;
    for (;;) {
      try {
        await change();
        return;
      } catch (error) {
        if (!(error instanceof CounterError) || performance.now() > endMs) throw error;
        await sleep(500);
      }
    }
  }

  async #untilSeen(table: string, as: (regions: readonly Region[]) => boolean): Promise<void> {
    const endMs = performance.now() + changeTimeoutMs;
    while (!as(await this.regions(table))) {
      if (performance.now() > endMs) throw new Error(`${table} did not change in time`);
      await sleep(50);
    }
  }
}

const inTime = { timeoutMs: changeTimeoutMs };
