// What is asked of hbase:meta and how its rows are read: where a region is, and whether a table is
// enabled. Only computes; never knows who asks.
import { CounterError } from '../model/errors.ts';
import { hbaseRowBytesMax, hbaseScanReplyBytesMax } from '../limits.ts';
import { readResults } from './cell-block.ts';
import type { Reply } from './connection.ts';
import { invalidReply, isPort } from './failures.ts';
import type { ServerAddress } from './host-map.ts';
import { messages } from './messages.ts';
import { holds } from './regions.ts';
import type { Region } from './regions.ts';

export const metaTable = 'hbase:meta';
export const metaRegionName = Buffer.from('hbase:meta,,1');
const infoFamily = Buffer.from('info');
const tableFamily = Buffer.from('table');
/** Behind every id of a region. */
const behindIds = ',99999999999999';

/** Where the region of a row is, or that it is nowhere at the moment, and why. */
export type MetaAnswer =
  | { readonly server: ServerAddress; readonly region: Region }
  | {
      readonly server: null;
      readonly region: Region;
      readonly why: CounterError;
      /** By its own word, not on its way: perhaps its table is disabled. */
      readonly closed: boolean;
    };

/**
 * The row of meta with the greatest start key that is not after the row: read backwards from
 * `table,row,` and what sorts behind every region id.
 */
export function regionScan(table: string, row: Buffer): Buffer {
  const prefix = Buffer.from(`${table},`);
  // A row of the greatest length would make one beyond it; its beginning finds the region as well.
  const part = row.subarray(0, hbaseRowBytesMax - prefix.length - behindIds.length);
  return scanBody(infoFamily, {
    startRow: Buffer.concat([prefix, part, Buffer.from(behindIds)]),
    // Without the comma: meta compares its rows part by part, and one part sorts first.
    stopRow: Buffer.from(table),
    reversed: true,
  });
}

export function regionOf(table: string, row: Buffer, reply: Reply): MetaAnswer {
  const { name, columns } = firstRow(reply);
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
  const keys = { name, startKey: Buffer.from(startKey), endKey: Buffer.from(endKey) };
  const server = serverIn(columns.get('server')?.toString('utf8') ?? '');
  const state = columns.get('state')?.toString('latin1') ?? '';
  const region = { ...keys, server: server ?? { host: '', port: 0 } };
  // Meta is written step by step while a region opens, moves or splits.
  const here = holds(region, row, 0, row.length);
  const closed = state === 'CLOSED';
  if (server !== null && here && !offline && !split && !closed) return { server, region };
  const why = new CounterError('STORE_NOT_READY', 'retry', {
    detail: `a region of ${table} is between two places`,
  });
  // A gap between two regions is not the range of any: it is said of this row alone.
  const gap = { ...region, startKey: row, endKey: Buffer.concat([row, Buffer.alloc(1)]) };
  return { server: null, region: here ? region : gap, why, closed };
}

/** The row of the table itself, which stands before those of its regions. */
export function stateScan(table: string): Buffer {
  return scanBody(tableFamily, {
    startRow: Buffer.from(table),
    stopRow: Buffer.from(`${table}\0`),
    reversed: false,
  });
}

export function stateOf(table: string, reply: Reply): 'enabled' | 'disabled' {
  const { name, columns } = firstRow(reply);
  const bytes = columns.get('state');
  if (bytes === undefined || name.toString() !== table) return 'enabled';
  // A message of one field, number 1: 0 enabled, 1 disabled, 2 on its way there, 3 on its way back.
  return bytes[0] === 0x08 && (bytes[1] === 1 || bytes[1] === 2) ? 'disabled' : 'enabled';
}

function scanBody(
  family: Buffer,
  rows: { readonly startRow: Buffer; readonly stopRow: Buffer; readonly reversed: boolean },
): Buffer {
  return messages.scanRequest.encodeDelimited({
    region: { type: 1, value: metaRegionName },
    scan: {
      ...rows,
      column: [{ family }],
      maxResultSize: hbaseScanReplyBytesMax,
      caching: 1,
    },
    numberOfRows: 1,
    closeScanner: true,
  });
}

function firstRow(reply: Reply): {
  readonly name: Buffer;
  readonly columns: ReadonlyMap<string, Buffer>;
} {
  const columns = new Map<string, Buffer>();
  let name = Buffer.alloc(0);
  readResults(reply, (cell) => {
    name = Buffer.from(cell.bytes.subarray(cell.rowStart, cell.rowEnd));
    const qualifier = cell.bytes.toString('latin1', cell.qualifierStart, cell.qualifierEnd);
    columns.set(qualifier, Buffer.from(cell.bytes.subarray(cell.valueStart, cell.valueEnd)));
  });
  return { name, columns };
}

function serverIn(text: string): ServerAddress | null {
  const [, host, port] = /^(.+):(\d+)$/.exec(text) ?? [];
  return host !== undefined && isPort(Number(port)) ? { host, port: Number(port) } : null;
}
