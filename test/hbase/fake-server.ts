// A region server that does as it is told: it speaks HBase's frames and plays one region.
// For what a real HBase does too seldom: silence, broken bytes, exceptions on request.
import net from 'node:net';
import { writeCell, cellBytesOf } from '../../src/hbase/cell-block.ts';
import type { Discovery } from '../../src/hbase/discovery.ts';
import { FrameReader } from '../../src/hbase/frame-reader.ts';
import { messages } from '../../src/hbase/messages.ts';
import type { RequestHeader, ScanRequest } from '../../src/hbase/messages.ts';
import { readVarint, varintBytes, writeVarint } from '../../src/hbase/varint.ts';
import { PutBatch } from '../../src/model/rows.ts';
import type { Put } from '../../src/model/rows.ts';

export interface FakeCall {
  readonly method: string;
  readonly header: RequestHeader;
  readonly message: Buffer;
  readonly cells: Buffer;
  readonly socket: net.Socket;
  answer(message: Buffer, cells?: Buffer): void;
  fail(className: string, trace?: string, doNotRetry?: boolean): void;
}

export type Handler = (call: FakeCall) => void;

export class FakeServer {
  readonly calls: FakeCall[] = [];
  handler: Handler = () => undefined;
  /** Plays meta; without it there is one region, all of whatever table is asked for, here. */
  meta: Handler | null = null;
  /** Takes everything and answers nothing, meta included: paused, or without power. */
  dark = false;
  connections = 0;
  readonly #server: net.Server;
  readonly #sockets = new Set<net.Socket>();

  private constructor(server: net.Server) {
    this.#server = server;
    server.on('connection', (socket) => {
      this.#serve(socket);
    });
  }

  static async listen(port = 0): Promise<FakeServer> {
    const server = net.createServer();
    const fake = new FakeServer(server);
    await new Promise<void>((resolve) => {
      server.listen(port, '127.0.0.1', resolve);
    });
    return fake;
  }

  get port(): number {
    const address = this.#server.address();
    if (address === null || typeof address === 'string') throw new Error('it does not listen');
    return address.port;
  }

  get discovery(): Discovery {
    const server = { hostName: '127.0.0.1', port: this.port, startCode: 1 };
    return {
      master: () => Promise.resolve(server),
      metaServer: () => Promise.resolve(server),
      regionServers: () => Promise.resolve(new Set([`127.0.0.1:${this.port}`])),
      close: () => undefined,
    };
  }

  cutConnections(): void {
    for (const socket of this.#sockets) socket.destroy();
  }

  async close(): Promise<void> {
    this.cutConnections();
    await new Promise<void>((resolve) => {
      this.#server.close(() => resolve());
    });
  }

  #serve(socket: net.Socket): void {
    this.#sockets.add(socket);
    socket.on('error', () => undefined);
    socket.on('close', () => this.#sockets.delete(socket));
    let preambleLeft = 6;
    let greeted = false;
    const reader = new FrameReader((frame) => {
      if (greeted) this.#call(socket, frame);
      else this.connections++;
      greeted = true;
    });
    socket.on('data', (chunk: Buffer) => {
      const skip = Math.min(preambleLeft, chunk.length);
      // Another suite may still look for its service at a port that it gave back.
      if (preambleLeft === 6 && chunk[0] !== 0x48) socket.destroy();
      preambleLeft -= skip;
      if (!socket.destroyed) reader.push(chunk.subarray(skip));
    });
  }

  #call(socket: net.Socket, frame: Buffer): void {
    const part = { value: 0, end: 0 };
    readVarint(frame, 0, part);
    const headerEnd = part.end + part.value;
    const header = messages.requestHeader.decode(frame.subarray(part.end, headerEnd));
    readVarint(frame, headerEnd, part);
    const messageEnd = part.end + part.value;
    const { callId } = header;
    const call: FakeCall = {
      method: header.methodName,
      header,
      message: frame.subarray(part.end, messageEnd),
      cells: frame.subarray(messageEnd),
      socket,
      answer: (message, cells = Buffer.alloc(0)) => {
        const meta = cells.length > 0 ? { cellBlockMeta: { length: cells.length } } : {};
        const head = messages.responseHeader.encodeDelimited({ callId, ...meta });
        socket.write(frameOf(head, delimited(message), cells));
      },
      fail: (className, trace = className, doNotRetry = false) => {
        const exception = { exceptionClassName: className, stackTrace: trace, doNotRetry };
        socket.write(frameOf(messages.responseHeader.encodeDelimited({ callId, exception })));
      },
    };
    this.calls.push(call);
    if (this.dark) return;
    if (!isForMeta(call)) this.handler(call);
    else if (this.meta === null) this.#playMeta(call);
    else this.meta(call);
  }

  #playMeta(call: FakeCall): void {
    const request: ScanRequest = messages.scanRequest.decode(call.message);
    const table = Buffer.from(request.scan?.stopRow ?? []).toString();
    const row = Buffer.from(`${table},,1.0123456789abcdef0123456789abcdef.`);
    const info = messages.regionInfo.encode({
      regionId: 1,
      tableName: { namespace: Buffer.from('default'), qualifier: Buffer.from(table) },
      startKey: Buffer.alloc(0),
      endKey: Buffer.alloc(0),
      offline: false,
      split: false,
    });
    const cell = (qualifier: string, value: Buffer): Put => ({
      row,
      qualifier: Buffer.from(qualifier),
      value,
      version: 1,
    });
    const cells = [
      cell('regioninfo', Buffer.concat([Buffer.from('PBUF'), info])),
      cell('server', Buffer.from(`127.0.0.1:${this.port}`)),
    ];
    answerScan(call, [cells], { more: false });
  }
}

function isForMeta(call: FakeCall): boolean {
  if (call.method !== 'Scan') return false;
  const { region } = messages.scanRequest.decode(call.message);
  return Buffer.from(region?.value ?? []).toString('latin1') === 'hbase:meta,,1';
}

/** Rows as a scan's reply carries them. */
export function answerScan(
  call: FakeCall,
  rows: readonly (readonly Put[])[],
  options: { readonly more: boolean; readonly partial?: boolean; readonly scannerId?: number },
): void {
  const message = messages.scanResponse.encode({
    cellsPerResult: rows.map((cells) => cells.length),
    scannerId: (options.scannerId ?? 7) as never,
    moreResults: true,
    results: [],
    partialFlagPerResult: rows.map(() => options.partial === true),
    moreResultsInRegion: options.more,
    heartbeatMessage: rows.length === 0,
  });
  call.answer(message, cellBlock(rows.flat()));
}

function cellBlock(puts: readonly Put[]): Buffer {
  const batch = new PutBatch(puts.length);
  for (const put of puts) batch.add(put);
  const family = Buffer.from('c');
  return Buffer.concat(
    puts.map((_, i) => {
      const bytes = Buffer.alloc(cellBytesOf(batch, i, family));
      writeCell(bytes, 0, { batch, i, family });
      return bytes;
    }),
  );
}

/** A Multi's reply for one region: an exception's class for each action, or null for done. */
export function multiReply(actions: readonly (string | null)[]): Buffer {
  const results = actions.map((exception, index) => {
    const pair =
      exception === null
        ? Buffer.from([0x12, 0])
        : field(0x1a, messages.nameBytesPair.encode({ name: exception, value: Buffer.alloc(0) }));
    return field(0x0a, Buffer.concat([Buffer.from([0x08]), varint(index), pair]));
  });
  return field(0x0a, Buffer.concat(results));
}

/** The same where the region failed as a whole. */
export function regionFailure(className: string, trace = className): Buffer {
  const value = Buffer.from(trace);
  return field(0x0a, field(0x12, messages.nameBytesPair.encode({ name: className, value })));
}

function frameOf(...parts: readonly Buffer[]): Buffer {
  const body = Buffer.concat(parts);
  const length = Buffer.alloc(4);
  length.writeUInt32BE(body.length, 0);
  return Buffer.concat([length, body]);
}

function field(tag: number, bytes: Buffer): Buffer {
  return Buffer.concat([Buffer.from([tag]), delimited(bytes)]);
}

function delimited(bytes: Buffer): Buffer {
  return Buffer.concat([varint(bytes.length), bytes]);
}

function varint(value: number): Buffer {
  const bytes = Buffer.alloc(varintBytes(value));
  writeVarint(bytes, value, 0);
  return bytes;
}
