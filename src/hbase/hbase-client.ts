// The door of the HBase room: an HBase 2 client for one cluster. Knows tables by name, one family
// at a time, and nothing of what they hold. Promises an outcome or a CounterError with a remedy
// within each call's deadline, and that close() leaves nothing running.
import type {
  CallOptions,
  CellCursor,
  CheckAndPut,
  PutBatch,
  PutOutcome,
  RowMutation,
  RowRange,
  ScanTally,
} from '../model/rows.ts';
import { Admin } from './admin.ts';
import type { NewTable, TableDescription } from './admin.ts';
import { checkAndPutCell } from './check-and-put.ts';
import { Connections } from './connections.ts';
import { Deadline, persist } from './deadline.ts';
import { ZooKeeperDiscovery } from './discovery.ts';
import type { Discovery } from './discovery.ts';
import type { HostMap } from './host-map.ts';
import { Locator } from './locator.ts';
import { Master } from './master.ts';
import type { ServerNameMessage } from './messages.ts';
import { putBatch } from './multi.ts';
import type { Durability } from './multi-codec.ts';
import type { HBaseObserver } from './observer.ts';
import { Presence } from './presence.ts';
import type { Region } from './regions.ts';
import { RegionAdmin } from './region-admin.ts';
import { mutateOneRow } from './row-mutation.ts';
import { scanRows } from './scan.ts';

export interface HBaseClientOptions {
  /** host:port, separated by commas. */
  readonly zookeeper: string;
  readonly znode: string;
  readonly hostMap: HostMap;
  readonly user: string;
  readonly durability: Durability;
  /** The longest that one attempt of a call may take. */
  readonly rpcTimeoutMs: number;
  readonly observer: HBaseObserver;
  /** Where master and meta are; ZooKeeper's answer, if not said otherwise. */
  readonly discovery?: Discovery;
}

/** A table and the family in it. */
export interface Place {
  readonly table: string;
  readonly family: Buffer;
}

export class HBaseClient {
  readonly #discovery: Discovery;
  readonly #connections: Connections;
  readonly #locator: Locator;
  readonly #admin: Admin;
  readonly #regionAdmin: RegionAdmin;
  readonly #options: HBaseClientOptions;
  readonly #closing = new AbortController();

  constructor(options: HBaseClientOptions) {
    const { observer, rpcTimeoutMs } = options;
    this.#options = options;
    const { zookeeper: quorum, znode } = options;
    this.#discovery = options.discovery ?? new ZooKeeperDiscovery({ quorum, znode });
    const presence = new Presence(this.#discovery);
    this.#connections = new Connections({ ...options, presence });
    const shared = { connections: this.#connections, discovery: this.#discovery };
    this.#locator = new Locator({ ...shared, observer, rpcTimeoutMs });
    const master = new Master({ ...shared, observer, rpcTimeoutMs });
    this.#admin = new Admin(master);
    this.#regionAdmin = new RegionAdmin({ master, ...this.#room() });
  }

  async put(place: Place, batch: PutBatch, options: CallOptions): Promise<PutOutcome> {
    const { durability } = this.#options;
    const deadline = this.#deadline(options);
    return await putBatch(this.#room(), { ...place, batch, durability, deadline });
  }

  async scan(
    place: Place,
    range: RowRange,
    visit: (cell: CellCursor) => void,
    options: CallOptions,
  ): Promise<ScanTally> {
    const deadline = this.#deadline(options);
    return await scanRows(this.#room(), { ...place, range, visit, deadline });
  }

  async checkAndPut(place: Place, check: CheckAndPut, options: CallOptions): Promise<boolean> {
    const { durability } = this.#options;
    const deadline = this.#deadline(options);
    return await checkAndPutCell(this.#room(), { ...place, check, durability, deadline });
  }

  /** Repeatable, as a put is: every version is explicit. */
  async mutateRow(place: Place, mutation: RowMutation, options: CallOptions): Promise<void> {
    const { durability } = this.#options;
    const deadline = this.#deadline(options);
    await mutateOneRow(this.#room(), { ...place, mutation, durability, deadline });
  }

  async describeTables(
    names: readonly string[],
    options: CallOptions,
  ): Promise<readonly TableDescription[]> {
    return await this.#admin.describe(names, this.#deadline(options));
  }

  /** Made and ready; false: somebody else has made it before. */
  async createTable(table: NewTable, options: CallOptions): Promise<boolean> {
    return await this.#admin.createTable(table, this.#deadline(options));
  }

  /** The regions of a table in the order of their keys; meta is asked for what is not known. */
  async regions(table: string, options: CallOptions): Promise<readonly Region[]> {
    const deadline = this.#deadline(options);
    const regions: Region[] = [];
    let row = Buffer.alloc(0);
    do {
      const from = row;
      const region = await persist(
        deadline,
        () => this.#options.observer.retry('Regions'),
        () => this.#locator.locate(table, from, deadline),
      );
      regions.push(region);
      row = Buffer.from(region.endKey);
    } while (row.length > 0);
    return regions;
  }

  /** The clock of the cluster, ms since 1970 UTC, as late as its region servers have told it. */
  async nowMs(options: CallOptions): Promise<number> {
    return await this.#admin.nowMs(this.#deadline(options));
  }

  async servers(options: CallOptions): Promise<readonly ServerNameMessage[]> {
    return await this.#admin.servers(this.#deadline(options));
  }

  async moveRegion(region: Region, to: ServerNameMessage, options: CallOptions): Promise<void> {
    await this.#regionAdmin.move(region, to, this.#deadline(options));
  }

  async splitRegion(region: Region, at: Buffer, options: CallOptions): Promise<void> {
    await this.#regionAdmin.split(region, at, this.#deadline(options));
  }

  /** Neighbours, into one. */
  async mergeRegions(regions: readonly Region[], options: CallOptions): Promise<void> {
    await this.#regionAdmin.merge(regions, this.#deadline(options));
  }

  async flushRegion(region: Region, options: CallOptions): Promise<void> {
    await this.#regionAdmin.flush(region, this.#deadline(options));
  }

  async compactRegion(
    region: Region,
    how: { readonly major: boolean },
    options: CallOptions,
  ): Promise<void> {
    await this.#regionAdmin.compact(region, how, this.#deadline(options));
  }

  close(): void {
    this.#closing.abort();
    this.#discovery.close();
    this.#connections.close();
  }

  #deadline(options: CallOptions): Deadline {
    return new Deadline(options, this.#closing.signal);
  }

  #room(): {
    readonly connections: Connections;
    readonly locator: Locator;
    readonly observer: HBaseObserver;
    readonly rpcTimeoutMs: number;
  } {
    const { observer, rpcTimeoutMs } = this.#options;
    const shared = { connections: this.#connections, locator: this.#locator };
    return { ...shared, observer, rpcTimeoutMs };
  }
}
