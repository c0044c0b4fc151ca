// Reads the rows of a range, region by region, each row whole. Promises every row or a failure:
// the server says where a region and the scan end, never the number of rows that came.
// A next call is never sent twice on one scanner: after a failure a new one starts behind the last
// whole row. Never asks for parts of rows.
import { CounterError } from '../model/errors.ts';
import type { CellCursor, RowRange, ScanTally } from '../model/rows.ts';
import { hbaseScanReplyBytesMax } from '../limits.ts';
import { decodeScanResponse, readResults } from './cell-block.ts';
import type { Results } from './cell-block.ts';
import type { Reply } from './connection.ts';
import type { Connections } from './connections.ts';
import { persist } from './deadline.ts';
import type { Deadline } from './deadline.ts';
import type { Locator } from './locator.ts';
import { messages } from './messages.ts';
import type { Int64, ScanRequest, ScanResponse } from './messages.ts';
import type { HBaseObserver } from './observer.ts';
import type { Region } from './regions.ts';

export interface Scanning {
  readonly connections: Connections;
  readonly locator: Locator;
  readonly observer: HBaseObserver;
  readonly rpcTimeoutMs: number;
}

export interface ScanOptions {
  readonly table: string;
  readonly family: Buffer;
  readonly range: RowRange;
  readonly deadline: Deadline;
  readonly visit: (cell: CellCursor) => void;
}

/** Bounded by bytes alone: a row count would only add calls. */
const rowsMax = 0x7fffffff;

/** Where the scan stands; what is visited is never visited again. */
interface Progress {
  nextRow: Buffer;
  rows: number;
  cells: number;
  calls: number;
  done: boolean;
  /** What the caller's own visit threw: its business, and nothing to try again. */
  thrown: { readonly error: unknown } | null;
}

export async function scanRows(room: Scanning, options: ScanOptions): Promise<ScanTally> {
  const { start, stop } = options.range;
  const counted = { rows: 0, cells: 0, calls: 0 };
  const progress: Progress = { nextRow: start, ...counted, done: false, thrown: null };
  // An empty range; HBase would read a scan whose start is its stop as a question for one row.
  if (stop.length > 0 && start.compare(stop) >= 0) progress.done = true;
  while (!progress.done) {
    try {
      await persist(
        options.deadline,
        () => room.observer.retry('Scan'),
        () => scanRegion(room, options, progress),
      );
    } catch (error) {
      throw progress.thrown === null ? error : progress.thrown.error;
    }
  }
  const { rows, cells, calls } = progress;
  return { rows, cells, calls };
}

async function scanRegion(room: Scanning, options: ScanOptions, progress: Progress): Promise<void> {
  const { table, range } = options;
  const region = await room.locator.locate(table, progress.nextRow, options.deadline);
  let scannerId: Int64 | null = null;
  try {
    let request: ScanRequest = openRequest(region, options, progress.nextRow);
    for (;;) {
      const reply: Reply = await next(room, options, { region, progress, request });
      const response = decodeScanResponse(reply);
      const more = response.moreResultsInRegion && response.moreResults;
      // At the end of its region the server closes the scanner by itself.
      scannerId = more ? response.scannerId : null;
      const results = visitAll(reply, response, { visit: options.visit, progress });
      progress.rows += results.rows;
      progress.cells += results.cells;
      if (scannerId === null) {
        endRegion(response, region, range, progress);
        return;
      }
      request = { scannerId, numberOfRows: rowsMax, clientHandlesHeartbeats: true };
    }
  } catch (error) {
    if (isRelocation(error)) room.locator.forget(table, region);
    else if (scannerId !== null) closeScanner(room, region, scannerId);
    throw error;
  }
}

async function next(
  room: Scanning,
  { deadline }: ScanOptions,
  at: { readonly region: Region; readonly progress: Progress; readonly request: ScanRequest },
): Promise<Reply> {
  deadline.throwIfOver();
  at.progress.calls++;
  return await room.connections.call(at.region.server, 'ClientService', {
    method: 'Scan',
    body: messages.scanRequest.encodeDelimited(at.request),
    cellBytes: 0,
    timeoutMs: Math.min(room.rpcTimeoutMs, deadline.leftMs()),
    signal: deadline.signal,
  });
}

/** All cells of a reply, once: what is visited already cannot be taken back by a second try. */
function visitAll(
  reply: Reply,
  response: ScanResponse,
  at: { readonly visit: (cell: CellCursor) => void; readonly progress: Progress },
): Results {
  const { visit, progress } = at;
  const last = { rowStart: 0, rowEnd: 0 };
  let visited = false;
  const visitOne = (cell: CellCursor): void => {
    visited = true;
    last.rowStart = cell.rowStart;
    last.rowEnd = cell.rowEnd;
    try {
      visit(cell);
    } catch (error) {
      progress.thrown = { error };
      throw error;
    }
  };
  try {
    const results = readResults(reply, visitOne, response);
    if (results.cells > 0) {
      // The first row that can follow: the last one and a zero byte.
      const lastRow = reply.bytes.subarray(last.rowStart, last.rowEnd);
      progress.nextRow = Buffer.concat([lastRow, Buffer.alloc(1)]);
    }
    return results;
  } catch (error) {
    if (!visited) throw error;
    throw new CounterError('STORE_REPLY_INVALID', 'give-up', {
      detail: 'a reply turned out to be broken after a part of it was read',
      cause: error,
    });
  }
}

function openRequest(region: Region, options: ScanOptions, startRow: Buffer): ScanRequest {
  return {
    region: { type: 1, value: region.name },
    scan: {
      column: [{ family: options.family }],
      startRow,
      stopRow: options.range.stop,
      maxResultSize: hbaseScanReplyBytesMax,
      caching: rowsMax,
    },
    numberOfRows: rowsMax,
    clientHandlesHeartbeats: true,
  };
}

function endRegion(
  response: ScanResponse,
  region: Region,
  { stop }: RowRange,
  progress: Progress,
): void {
  const { endKey } = region;
  const lastRegion = endKey.length === 0 || (stop.length > 0 && stop.compare(endKey) <= 0);
  // more_results false: the server has seen the stop row, or there is nothing behind.
  if (lastRegion || !response.moreResults) progress.done = true;
  else progress.nextRow = endKey;
}

function isRelocation(error: unknown): boolean {
  return (error as CounterError).remedy === 'relocate';
}

/** A courtesy: the server's lease ends the scanner if this does not arrive. */
function closeScanner(room: Scanning, region: Region, scannerId: Int64): void {
  const body = messages.scanRequest.encodeDelimited({ scannerId, closeScanner: true });
  room.connections
    .call(region.server, 'ClientService', {
      method: 'Scan',
      body,
      cellBytes: 0,
      timeoutMs: room.rpcTimeoutMs,
    })
    .catch(() => undefined);
}
