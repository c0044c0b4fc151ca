// Reads the rows of a range, region by region, each row whole. Promises every row or a failure:
// the server says where a region and the scan end, never the number of rows that came. A reply is
// checked whole before any of it is seen. A next call is never sent twice on one scanner: after a
// failure a new one starts behind the last whole row. Never asks for parts of rows.
import type { CellCursor, RowRange, ScanTally } from '../model/rows.ts';
import { hbaseScanReplyBytesMax } from '../limits.ts';
import { checkResults, decodeScanResponse, visitResults } from './cell-block.ts';
import type { RowEnds } from './cell-block.ts';
import type { Reply } from './connection.ts';
import { abortedFailure, persist } from './deadline.ts';
import type { Deadline } from './deadline.ts';
import { concernsServer, invalidReply, toCounterError } from './failures.ts';
import { messages } from './messages.ts';
import type { Int64, ScanRequest, ScanResponse } from './messages.ts';
import type { Region } from './regions.ts';
import type { Room } from './room.ts';

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
  /** The next row; once rows came, the last of them, which is not asked for again. */
  nextRow: Buffer;
  afterNextRow: boolean;
  rows: number;
  cells: number;
  calls: number;
  done: boolean;
  /** What the caller's own visit threw: its business, and nothing to try again. */
  thrown: { readonly error: unknown } | null;
}

export async function scanRows(room: Room, options: ScanOptions): Promise<ScanTally> {
  const { start, stop } = options.range;
  const counted = { rows: 0, cells: 0, calls: 0 };
  const begin = { nextRow: start, afterNextRow: false };
  const progress: Progress = { ...begin, ...counted, done: false, thrown: null };
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

async function scanRegion(room: Room, options: ScanOptions, progress: Progress): Promise<void> {
  const { table, range } = options;
  const region = await room.locator.locate(table, progress.nextRow, options.deadline);
  let scannerId: Int64 | null = null;
  const cellsBefore = progress.cells;
  try {
    let request: ScanRequest = openRequest(region, options, progress);
    for (let nextCallSeq = 0; ; nextCallSeq++) {
      const page = await next(room, options, { region, progress, request });
      const { response } = page;
      const more = response.moreResultsInRegion && response.moreResults;
      // At the end of its region the server closes the scanner by itself.
      scannerId = more ? response.scannerId : null;
      visitAll(page, options, progress);
      if (scannerId === null) {
        endRegion(response, region, range, progress);
        return;
      }
      const numberOfRows = rowsMax;
      request = { scannerId, numberOfRows, clientHandlesHeartbeats: true, nextCallSeq };
    }
  } catch (error) {
    const failure = toCounterError(error);
    room.locator.failed(table, region, failure);
    if (scannerId !== null && !concernsServer(failure)) closeScanner(room, region, scannerId);
    // A scanner that brought something before it expired is followed by another at once.
    if (failure.code === 'STORE_SCANNER_LOST' && progress.cells > cellsBefore) return;
    throw error;
  }
}

/** A reply that was checked. */
interface Page {
  readonly reply: Reply;
  readonly response: ScanResponse;
}

async function next(
  room: Room,
  { deadline, range }: ScanOptions,
  at: { readonly region: Region; readonly progress: Progress; readonly request: ScanRequest },
): Promise<Page> {
  deadline.throwIfOver();
  const { region, progress, request } = at;
  progress.calls++;
  const call = {
    method: 'Scan',
    body: messages.scanRequest.encodeDelimited(request),
    cellBytes: 0,
    timeoutMs: room.rpcTimeoutMs,
    deadline,
    signal: deadline.signal,
    region: region.name,
  };
  return await room.connections.ask(region.server, 'ClientService', call, (reply) => {
    const response = decodeScanResponse(reply);
    const rows = checkResults(reply, response);
    if (rows !== null) checkRows(rows, { region, progress, range });
    return { reply, response };
  });
}

/** None that was seen before, and none that was not asked for here. */
function checkRows(
  { first, last }: RowEnds,
  at: { readonly region: Region; readonly progress: Progress; readonly range: RowRange },
): void {
  const { region, progress, range } = at;
  const order = first.compare(progress.nextRow);
  if (order < 0 || (order === 0 && progress.afterNextRow)) {
    throw invalidReply('a row came that was read before');
  }
  if (isBehind(last, region.endKey) || isBehind(last, range.stop)) {
    throw invalidReply('a row came that was not asked for');
  }
}

/** An empty bound is the end of the table. */
function isBehind(row: Buffer, bound: Buffer): boolean {
  return bound.length > 0 && row.compare(bound) >= 0;
}

/** What is visited cannot be taken back by a second try; it is never asked for again. */
function visitAll({ reply, response }: Page, options: ScanOptions, progress: Progress): void {
  const last = { rowStart: 0, rowEnd: 0 };
  const visit = (cell: CellCursor): void => {
    last.rowStart = cell.rowStart;
    last.rowEnd = cell.rowEnd;
    options.visit(cell);
  };
  try {
    const { rows, cells } = visitResults(reply, visit, response);
    progress.rows += rows;
    progress.cells += cells;
  } catch (error) {
    progress.thrown = { error };
    throw abortedFailure();
  }
  if (last.rowEnd === 0) return;
  progress.nextRow = Buffer.from(reply.bytes.subarray(last.rowStart, last.rowEnd));
  progress.afterNextRow = true;
}

function openRequest(
  region: Region,
  options: ScanOptions,
  { nextRow, afterNextRow }: Progress,
): ScanRequest {
  return {
    region: { type: 1, value: region.name },
    scan: {
      column: [{ family: options.family }],
      startRow: nextRow,
      includeStartRow: !afterNextRow,
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
  if (lastRegion || !response.moreResults) {
    progress.done = true;
  } else {
    progress.nextRow = endKey;
    progress.afterNextRow = false;
  }
}

/** A courtesy: the server's lease ends the scanner if this does not arrive. */
function closeScanner(room: Room, region: Region, scannerId: Int64): void {
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
