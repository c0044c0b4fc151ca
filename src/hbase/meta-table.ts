// All that hbase:meta says of one table, for diagnosis: its state and every region, also those that
// are nowhere. The client asks for one region at a time (meta.ts). Never asks twice.
import type { CellCursor } from '../model/rows.ts';
import { hbaseScanReplyBytesMax } from '../limits.ts';
import { checkResults, decodeScanResponse, visitResults } from './cell-block.ts';
import type { Connections } from './connections.ts';
import { timeoutFailure } from './deadline.ts';
import { diagnosisMessages } from './diagnosis-messages.ts';
import type { ServerAddress } from './host-map.ts';
import { messages } from './messages.ts';
import type { ScanRequest } from './messages.ts';
import { metaRegionName } from './meta.ts';

export interface MetaRegion {
  /** As text, for a person. */
  readonly name: string;
  readonly nameBytes: Buffer;
  readonly startKey: Buffer;
  readonly endKey: Buffer;
  readonly server: ServerAddress | null;
  /** `name,port,start` of the server that has it; null: nobody has. */
  readonly serverName: string | null;
  /** OPEN where it can be read and written. */
  readonly state: string;
}

export interface MetaTable {
  readonly state: 'ENABLED' | 'DISABLED' | 'DISABLING' | 'ENABLING' | null;
  /** In the order of their keys; parents of a split left out. */
  readonly regions: readonly MetaRegion[];
}

const tableStates = ['ENABLED', 'DISABLED', 'DISABLING', 'ENABLING'] as const;

interface Asking {
  readonly connections: Connections;
  readonly metaServer: ServerAddress;
  readonly callMs: number;
}

/** Without a region and a state: there is no such table. */
export async function readMetaTable(asking: Asking, table: string): Promise<MetaTable> {
  const states: number[] = [];
  await scanMeta(asking, { table, family: 'table' }, (_row, _qualifier, value) => {
    states.push(diagnosisMessages.tableState.decode(value).state);
  });
  const columns = new Map<string, Map<string, Buffer>>();
  await scanMeta(asking, { table, family: 'info' }, (row, qualifier, value) => {
    const key = row.toString('latin1');
    const ofRow = columns.get(key) ?? new Map<string, Buffer>();
    columns.set(key, ofRow.set(qualifier, value));
  });
  const regions = [...columns].flatMap(([name, values]) => metaRegion(name, values));
  return { state: tableStates[states[0] ?? -1] ?? null, regions };
}

/**
 * From the row of the table itself to behind its last region. By hand, since a scan of a table
 * checks that rows come in the order of their bytes, and meta compares its rows part by part.
 */
async function scanMeta(
  { connections, metaServer, callMs }: Asking,
  what: { readonly table: string; readonly family: string },
  visit: (row: Buffer, qualifier: string, value: Buffer) => void,
): Promise<void> {
  const endMs = performance.now() + callMs;
  let request: ScanRequest = {
    region: { type: 1, value: metaRegionName },
    scan: {
      column: [{ family: Buffer.from(what.family) }],
      startRow: Buffer.from(what.table),
      stopRow: Buffer.from(`${what.table}-`),
      maxResultSize: hbaseScanReplyBytesMax,
      caching: 0x7fffffff,
    },
    numberOfRows: 0x7fffffff,
    clientHandlesHeartbeats: true,
  };
  for (;;) {
    const timeoutMs = endMs - performance.now();
    if (timeoutMs <= 0) throw timeoutFailure('meta was not read in time');
    const body = messages.scanRequest.encodeDelimited(request);
    const call = { method: 'Scan', body, cellBytes: 0, timeoutMs };
    const response = await connections.ask(metaServer, 'ClientService', call, (reply) => {
      const read = decodeScanResponse(reply);
      checkResults(reply, read, { ordered: false });
      visitResults(reply, (cell) => visitCell(cell, visit), read);
      return read;
    });
    if (!response.moreResults || !response.moreResultsInRegion) return;
    const { scannerId } = response;
    request = { scannerId, numberOfRows: 0x7fffffff, clientHandlesHeartbeats: true };
  }
}

function visitCell(
  cell: CellCursor,
  visit: (row: Buffer, qualifier: string, value: Buffer) => void,
): void {
  const part = (from: number, to: number): Buffer => Buffer.from(cell.bytes.subarray(from, to));
  const qualifier = part(cell.qualifierStart, cell.qualifierEnd).toString('latin1');
  visit(part(cell.rowStart, cell.rowEnd), qualifier, part(cell.valueStart, cell.valueEnd));
}

/** None for the parent of a split, which waits for its daughters' files. */
function metaRegion(name: string, columns: ReadonlyMap<string, Buffer>): MetaRegion[] {
  const info = columns.get('regioninfo');
  if (info === undefined || info.toString('latin1', 0, 4) !== 'PBUF') return [];
  const { startKey, endKey, split } = messages.regionInfo.decode(info.subarray(4));
  const state = columns.get('state')?.toString('latin1') ?? 'OPEN';
  if (split || state === 'SPLIT' || state === 'MERGED') return [];
  const place = /^(.+):(\d+)$/.exec(columns.get('server')?.toString('utf8') ?? '');
  const server = place === null ? null : { host: place[1] ?? '', port: Number(place[2]) };
  const startCode = columns.get('serverstartcode');
  const started = startCode?.length === 8 ? startCode.readBigInt64BE(0) : null;
  return [
    {
      name: name.replaceAll(/[^\x20-\x7e]/g, (byte) => {
        return `\\x${byte.charCodeAt(0).toString(16).padStart(2, '0')}`;
      }),
      nameBytes: Buffer.from(name, 'latin1'),
      startKey: Buffer.from(startKey),
      endKey: Buffer.from(endKey),
      server,
      serverName:
        server === null || started === null ? null : `${server.host},${server.port},${started}`,
      state,
    },
  ];
}
