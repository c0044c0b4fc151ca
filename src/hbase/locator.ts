// Finds the region of a row: first in what is known, then in hbase:meta, whose own server is
// known from ZooKeeper. Promises that a location that proved wrong is asked for anew.
// Never retries: whoever calls it does, within its deadline.
import { CounterError } from '../model/errors.ts';
import { hbaseScanReplyBytesMax } from '../limits.ts';
import { readResults } from './cell-block.ts';
import type { Connections } from './connections.ts';
import type { Deadline } from './deadline.ts';
import type { Discovery } from './discovery.ts';
import { invalidReply } from './failures.ts';
import type { ServerAddress } from './host-map.ts';
import { messages } from './messages.ts';
import type { ServerNameMessage } from './messages.ts';
import type { HBaseObserver } from './observer.ts';
import { holds, Regions } from './regions.ts';
import type { Region } from './regions.ts';

const metaTable = 'hbase:meta';
const metaRegionName = Buffer.from('hbase:meta,,1');
const infoFamily = Buffer.from('info');
const empty = Buffer.alloc(0);

export class Locator {
  readonly #regions = new Regions();
  readonly #questions = new Map<string, Promise<Region>>();
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

  async locate(table: string, row: Buffer, deadline: Deadline): Promise<Region> {
    if (table === metaTable) return await this.#metaRegion(deadline);
    const known = this.#regions.find(table, row, 0, row.length);
    if (known !== null) return known;
    // Many look for a region that has just moved: the first asks, and mostly for all.
    const underWay = this.#questions.get(table);
    if (underWay !== undefined) {
      await deadline.race(underWay.catch(() => undefined));
      const found = this.#regions.find(table, row, 0, row.length);
      if (found !== null) return found;
    }
    const question = this.#askMeta(table, row, deadline);
    this.#questions.set(table, question);
    try {
      const region = await question;
      this.#regions.learn(table, region);
      return region;
    } finally {
      if (this.#questions.get(table) === question) this.#questions.delete(table);
    }
  }

  /** The region is not there any more. */
  forget(table: string, region: Region): void {
    if (this.#regions.forget(table, region)) this.#observer.relocation();
  }

  async #metaRegion(deadline: Deadline): Promise<Region> {
    this.#metaServer ??= addressOf(await this.#discovery.metaServer(deadline));
    return { name: metaRegionName, startKey: empty, endKey: empty, server: this.#metaServer };
  }

  /**
   * The row of meta with the greatest start key that is not after the row: read backwards from
   * `table,row,` and what sorts behind every region id.
   */
  async #askMeta(table: string, row: Buffer, deadline: Deadline): Promise<Region> {
    const meta = await this.#metaRegion(deadline);
    const prefix = Buffer.from(`${table},`);
    const body = messages.scanRequest.encodeDelimited({
      region: { type: 1, value: metaRegionName },
      scan: {
        column: [{ family: infoFamily }],
        startRow: Buffer.concat([prefix, row, Buffer.from(',99999999999999')]),
        // Without the comma: meta compares its rows part by part, and one part sorts first.
        stopRow: Buffer.from(table),
        maxResultSize: hbaseScanReplyBytesMax,
        reversed: true,
        caching: 1,
      },
      numberOfRows: 1,
      closeScanner: true,
    });
    try {
      const reply = await this.#connections.call(meta.server, 'ClientService', {
        method: 'Scan',
        body,
        cellBytes: 0,
        timeoutMs: Math.min(this.#rpcTimeoutMs, deadline.leftMs()),
        signal: deadline.signal,
      });
      const columns = new Map<string, Buffer>();
      let name = empty;
      readResults(reply, (cell) => {
        name = Buffer.from(cell.bytes.subarray(cell.rowStart, cell.rowEnd));
        const qualifier = cell.bytes.toString('latin1', cell.qualifierStart, cell.qualifierEnd);
        columns.set(qualifier, Buffer.from(cell.bytes.subarray(cell.valueStart, cell.valueEnd)));
      });
      return regionOf(table, row, name, columns);
    } catch (error) {
      if (error instanceof CounterError && error.remedy === 'relocate') this.#metaServer = null;
      throw error;
    }
  }
}

export function addressOf(server: ServerNameMessage): ServerAddress {
  return { host: server.hostName, port: server.port };
}

function regionOf(
  table: string,
  row: Buffer,
  name: Buffer,
  columns: ReadonlyMap<string, Buffer>,
): Region {
  if (!name.subarray(0, table.length + 1).equals(Buffer.from(`${table},`))) {
    throw new CounterError('STORE_TABLE_MISSING', 'retry', {
      detail: `there is no table ${table}`,
    });
  }
  const info = columns.get('regioninfo');
  if (info === undefined || info.subarray(0, 4).toString('latin1') !== 'PBUF') {
    throw invalidReply('a row of hbase:meta has no regioninfo');
  }
  const { startKey, endKey, offline, split } = messages.regionInfo.decode(info.subarray(4));
  const server = /^(.+):(\d+)$/.exec(columns.get('server')?.toString('utf8') ?? '');
  const host = server?.[1];
  const region = {
    name,
    startKey: Buffer.from(startKey),
    endKey: Buffer.from(endKey),
    server: { host: host ?? '', port: Number(server?.[2]) },
  };
  // Meta is written step by step while a region opens, moves or splits.
  if (host === undefined || offline || split || !holds(region, row, 0, row.length)) {
    throw new CounterError('STORE_NOT_READY', 'retry', {
      detail: `a region of ${table} is between two places`,
    });
  }
  return region;
}
