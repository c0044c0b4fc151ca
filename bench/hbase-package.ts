// hbase-rpc-client 0.1.15 as a player of the bench, used as its own users do: mput in batches that
// are awaited, and its scanner. Never repairs what it loses; counts what came.
import { createRequire } from 'node:module';
import path from 'node:path';
import hbase from 'hbase-rpc-client';
import type { Client, Put } from 'hbase-rpc-client';
import type { RowRange } from '../src/model/rows.ts';
import { countIn, family } from './hbase-cells.ts';
import type { BenchCell } from './hbase-cells.ts';

const batchPuts = 5_000;

export interface ScanSum {
  readonly cells: number;
  readonly sum: number;
}

/** A message class of the package's own protobufjs. */
interface MessageClass {
  new (fields: unknown): { toBuffer(): Buffer };
  decode(bytes: Buffer): unknown;
}

export function openPackage(zookeeper: string): Client {
  const client = hbase({
    zookeeperHosts: [zookeeper],
    zookeeperRoot: '/hbase',
    callTimeout: 120_000,
  });
  client.on('error', (error) => {
    throw error;
  });
  return client;
}

export function closePackage(client: Client): void {
  client.zk.close();
  for (const connection of Object.values(client.servers)) connection.socket.destroy();
}

export async function putByPackage(
  client: Client,
  table: string,
  cells: readonly BenchCell[],
  version: number,
): Promise<number> {
  for (let from = 0; from < cells.length; from += batchPuts) {
    const puts = cells.slice(from, from + batchPuts).map((cell) => newPut(cell, version));
    await new Promise<void>((resolve, reject) => {
      client.mput(table, puts, (error, results) => {
        if (error === null || error === undefined) {
          if (results.length === puts.length) resolve();
          else reject(new Error(`${results.length} results for ${puts.length} puts`));
        } else {
          reject(new Error('mput failed', { cause: error }));
        }
      });
    });
  }
  return cells.length;
}

/** All ranges at once, as ours are read; what its scanner leaves out is missing here too. */
export async function scanByPackage(
  client: Client,
  table: string,
  ranges: readonly RowRange[],
): Promise<ScanSum> {
  let cells = 0;
  let sum = 0;
  const scan = async ({ start, stop }: RowRange): Promise<void> => {
    const scanner = client.getScanner(table, start, stop);
    await new Promise<void>((resolve, reject) => {
      scanner.each(
        (_, { columns }) => {
          cells += columns.length;
          for (const { value } of columns) sum += countIn(value, 0);
        },
        (error) => {
          if (error === null || error === undefined) resolve();
          else reject(new Error('a scan failed', { cause: error }));
        },
      );
    });
    scanner.close();
  };
  await Promise.all(ranges.map(scan));
  return { cells, sum };
}

/** The bytes alone: what mput makes of puts, without its search for the region of each row. */
export class PackageBytes {
  readonly #multiRequest: MessageClass;
  readonly #scanResponse: MessageClass;
  readonly #client: Client;

  constructor() {
    const library = path.dirname(createRequire(import.meta.url).resolve('hbase-rpc-client'));
    const require = createRequire(path.join(library, 'index.js'));
    const protobuf = require('protobufjs') as {
      convertFieldsToCamelCase: boolean;
      loadProtoFile(file: string): { build(): Readonly<Record<string, MessageClass>> };
    };
    protobuf.convertFieldsToCamelCase = true;
    const proto = protobuf.loadProtoFile(path.join(library, 'proto/Client.proto')).build();
    const { MultiRequest: multiRequest, ScanResponse: scanResponse } = proto;
    if (multiRequest === undefined || scanResponse === undefined) throw new Error('no messages');
    this.#multiRequest = multiRequest;
    this.#scanResponse = scanResponse;
    const Base = require('./lib/client.js') as { readonly prototype: Client };
    this.#client = Base.prototype;
  }

  /** By region, as many puts as one mput of the bench has; answers how many bytes. */
  encode(regions: ReadonlyMap<Buffer, readonly BenchCell[]>, version: number): number {
    const regionAction = [...regions].map(([value, cells]) => ({
      region: { type: 'REGION_NAME', value },
      action: cells.map((cell) => ({ mutation: newPut(cell, version).getFields() })),
    }));
    return new this.#multiRequest({ regionAction }).toBuffer().length;
  }

  /** A scan's reply as a server sends it to the package. */
  scanReply(rows: readonly (readonly BenchCell[])[], version: number): Buffer {
    const results = rows.map((cells) => ({
      cell: cells.map(({ row, qualifier, value }) => ({
        row,
        family,
        qualifier,
        timestamp: version,
        cellType: 'PUT',
        value,
      })),
    }));
    return new this.#scanResponse({ results, scannerId: 1, moreResults: true }).toBuffer();
  }

  decode(reply: Buffer): ScanSum {
    let cells = 0;
    let sum = 0;
    const { results } = this.#scanResponse.decode(reply) as { readonly results: unknown[] };
    for (const result of results) {
      // eslint-disable-next-line no-underscore-dangle -- the package's name
      const { columns } = this.#client._parseResponse(result);
      cells += columns.length;
      for (const { value } of columns) sum += countIn(value, 0);
    }
    return { cells, sum };
  }
}

function newPut({ row, qualifier, value }: BenchCell, version: number): Put {
  const put = new hbase.Put(row, version);
  put.add('c', qualifier, value);
  return put;
}
