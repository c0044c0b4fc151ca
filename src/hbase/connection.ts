// One connection to a server of HBase: hbase-rpc-client's socket and its life, our handshake (cell
// blocks), our frames. A refused or closed connection fails its calls at once; a call that times
// out on a connection that has long been silent takes it along, and says relocate: a host that
// went dark closes nothing, and what it held is elsewhere. Never retries.
// The package's own framing is left out: docs/decisions/0001 says why.
// First, since it sets a global that the next one needs.
// eslint-disable-next-line import/no-unassigned-import
import 'hbase-rpc-client/lib/client.js';
import Connection from 'hbase-rpc-client/lib/connection.js';
import { CounterError } from '../model/errors.ts';
import { nextTurn } from '../model/slice.ts';
import {
  hbaseAbandonedCallsMax,
  hbaseFrameBytesMax,
  hbaseLargeReplyBytes,
  hbaseLookMs,
  hbasePresenceKeptMs,
  hbaseSilenceMs,
} from '../limits.ts';
import { abortedFailure, timeoutFailure } from './deadline.ts';
import {
  connectionFailure,
  failureOfResponse,
  invalidReply,
  silenceFailure,
  toCounterError,
} from './failures.ts';
import { FrameReader } from './frame-reader.ts';
import { handshake } from './handshake.ts';
import type { Service } from './handshake.ts';
import { addressText } from './host-map.ts';
import type { ServerAddress } from './host-map.ts';
import { messages } from './messages.ts';
import type { Message, RequestHeader } from './messages.ts';
import { readVarint } from './varint.ts';
import type { Varint } from './varint.ts';

export interface ConnectionOptions {
  readonly address: ServerAddress;
  readonly service: Service;
  readonly user: string;
  readonly onClose: (failure: CounterError) => void;
  /** Again and again while answers are awaited and none has come for long. */
  readonly onSilence: () => void;
}

export interface Request {
  readonly method: string;
  /** The message with its length before it, then the cell block. */
  readonly body: Buffer;
  readonly cellBytes: number;
  readonly timeoutMs: number;
  readonly signal?: AbortSignal | undefined;
  /** Called once, in any case: its bytes have left this process, or never will. */
  readonly onWritten?: () => void;
}

/** A reply's frame; message and cell block are ranges of it. */
export interface Reply {
  readonly bytes: Buffer;
  readonly messageStart: number;
  readonly messageEnd: number;
  readonly cellsStart: number;
}

/** Null: of a reply that says no more than that the call is done. */
export function messageIn<Decoded>(reply: Reply, message: Message<never, Decoded> | null): Decoded {
  const bytes = reply.bytes.subarray(reply.messageStart, reply.messageEnd);
  return message === null ? (undefined as Decoded) : message.decode(bytes);
}

interface Pending {
  readonly sentMs: number;
  /** Its time is no longer counted; answers how to say what came. */
  take(): (outcome: Reply | CounterError) => void;
}

/** The package's class, told to open the socket and nothing more. */
class Transport extends Connection {
  socketError: Error | undefined;

  override setupIOStreams(): void {
    this.setupConnection();
  }

  override _handleError(error: Error): void {
    this.socketError = error;
    super._handleError(error); // eslint-disable-line no-underscore-dangle -- the package's name
  }
}

export class RpcConnection {
  readonly place: string;
  readonly #transport: Transport;
  readonly #onClose: (failure: CounterError) => void;
  readonly #onSilence: () => void;
  readonly #pending = new Map<number, Pending>();
  /** Calls that nobody waits for any more, and whose answers may still come. */
  readonly #abandoned = new Set<number>();
  readonly #unwritten = new Set<() => void>();
  readonly #varint: Varint = { value: 0, end: 0 };
  #nextCallId = 1;
  #silentSinceMs: number | null = null;
  /** For how long all waited in vain that wait no more; no answer has come since. */
  #waitedMs = 0;
  #watch: NodeJS.Timeout | undefined;
  #failure: CounterError | null = null;
  /** Replies that wait to be read. */
  #largeReplies = 0;

  constructor(options: ConnectionOptions) {
    this.place = addressText(options.address);
    this.#onClose = options.onClose;
    this.#onSilence = options.onSilence;
    const transport = new Transport({ ...options.address, tcpNoDelay: true, tcpKeepAlive: true });
    this.#transport = transport;
    transport.on('close', () => {
      const connected = transport.socket.bytesRead > 0;
      this.destroy(connectionFailure(this.place, connected, transport.socketError));
    });
    const reader = new FrameReader((frame) => this.#onFrame(frame));
    transport.socket.on('data', (chunk: Buffer) => {
      try {
        reader.push(chunk);
      } catch (error) {
        // After bytes that make no sense nothing on this connection can be trusted.
        this.destroy(toCounterError(error));
      }
    });
    transport.socket.write(handshake(options));
  }

  get open(): boolean {
    return this.#failure === null;
  }

  /** Since when an answer is awaited and none has come; null: there is nothing to wait for. */
  get silentSinceMs(): number | null {
    return this.#silentSinceMs;
  }

  /** The reply, or a failure; never later than the time-out. */
  async call(request: Request): Promise<Reply> {
    const { method, body, cellBytes, signal } = request;
    const written = (): void => {
      if (this.#unwritten.delete(written)) request.onWritten?.();
    };
    this.#unwritten.add(written);
    const callId = this.#nextCallId;
    const header: RequestHeader = {
      callId,
      methodName: method,
      requestParam: true,
      timeout: Math.max(1, Math.floor(request.timeoutMs)),
      ...(cellBytes > 0 ? { cellBlockMeta: { length: cellBytes } } : {}),
    };
    const headerBytes = messages.requestHeader.encodeDelimited(header);
    const why = this.#failure ?? refusal(headerBytes.length + body.length, signal);
    if (why !== null) {
      written();
      throw why;
    }
    this.#nextCallId = callId === 0x7fffffff ? 1 : callId + 1;
    const answer = this.#expect(callId, request);
    const head = Buffer.allocUnsafe(4 + headerBytes.length);
    head.writeUInt32BE(headerBytes.length + body.length, 0);
    headerBytes.copy(head, 4);
    const socket = this.#transport.socket;
    socket.cork();
    socket.write(head);
    socket.write(body, written);
    socket.uncork();
    return await answer;
  }

  /** Ends the connection and fails all that waits for an answer, once. */
  destroy(failure: CounterError): void {
    if (this.#failure !== null) return;
    this.#failure = failure;
    clearTimeout(this.#watch);
    this.#transport.socket.destroy();
    const waiting = [...this.#pending.values()];
    this.#pending.clear();
    for (const written of this.#unwritten) written();
    this.#onClose(failure);
    for (const call of waiting) call.take()(failure);
  }

  #expect(callId: number, { method, timeoutMs, signal }: Request): Promise<Reply> {
    const sentMs = performance.now();
    this.#silentSinceMs ??= sentMs - this.#waitedMs;
    this.#watchFor(hbaseLookMs - (sentMs - this.#silentSinceMs));
    return new Promise<Reply>((resolve, reject) => {
      const onAbort = (): void => this.#abandon(callId, pending, abortedFailure());
      const timer = setTimeout(
        () => this.#onTimeout(callId, pending, `${method} at ${this.place}: no answer in time`),
        Math.max(1, timeoutMs),
      );
      const pending: Pending = {
        sentMs,
        take: () => {
          clearTimeout(timer);
          signal?.removeEventListener('abort', onAbort);
          this.#pending.delete(callId);
          return (outcome) => {
            if (outcome instanceof CounterError) reject(outcome);
            else resolve(outcome);
          };
        },
      };
      signal?.addEventListener('abort', onAbort, { once: true });
      this.#pending.set(callId, pending);
    });
  }

  /** One timer for all calls: it ends by itself once none is left. */
  #watchFor(ms: number): void {
    this.#watch ??= setTimeout(() => {
      this.#watch = undefined;
      if (this.#silentSinceMs === null) return;
      const leftMs = hbaseLookMs - (performance.now() - this.#silentSinceMs);
      if (leftMs <= 0) this.#onSilence();
      this.#watchFor(leftMs > 0 ? leftMs : hbasePresenceKeptMs);
    }, ms);
  }

  /** A call that had little time proves nothing about the connection that others wait on too. */
  #onTimeout(callId: number, pending: Pending, detail: string): void {
    const alone = this.#pending.size === 1;
    const sinceMs = Math.max(alone ? 0 : pending.sentMs, this.#silentSinceMs ?? Infinity);
    if (performance.now() - sinceMs >= hbaseSilenceMs) this.destroy(silenceFailure(detail));
    else this.#abandon(callId, pending, timeoutFailure(detail));
  }

  #abandon(callId: number, pending: Pending, failure: CounterError): void {
    this.#abandoned.add(callId);
    pending.take()(failure);
    // A server may drop a call whose time is over, and never answer it.
    if (this.#pending.size === 0) {
      this.#waitedMs = performance.now() - (this.#silentSinceMs ?? pending.sentMs);
      this.#silentSinceMs = null;
    }
    if (this.#abandoned.size > hbaseAbandonedCallsMax) {
      this.destroy(silenceFailure(`${this.place}: too many calls were never answered`));
    }
  }

  /** Reading it is long work; until its turn comes, no more is taken from this server. */
  async #settleInTurn(settle: () => void): Promise<void> {
    const { socket } = this.#transport;
    this.#largeReplies++;
    socket.pause();
    await nextTurn();
    settle();
    if (--this.#largeReplies === 0) socket.resume();
  }

  /** Throws at what no server of HBase says: after it nothing here can be trusted. */
  #onFrame(frame: Buffer): void {
    const varint = this.#varint;
    readVarint(frame, 0, varint);
    const headerEnd = varint.end + varint.value;
    if (headerEnd > frame.length) throw invalidReply('a frame has the wrong length');
    const header = messages.responseHeader.decode(frame.subarray(varint.end, headerEnd));
    const { callId, exception } = header;
    const pending = this.#pending.get(callId);
    if (pending === undefined && !this.#abandoned.delete(callId)) {
      // Of the connection itself, whose calls have not begun: a user that is refused.
      if (exception && callId >= this.#nextCallId) this.destroy(failureOfResponse(exception));
      throw invalidReply('an answer to a call that was not made');
    }
    let outcome: Reply | CounterError;
    if (exception) {
      outcome = failureOfResponse(exception);
    } else {
      readVarint(frame, headerEnd, varint);
      const messageEnd = varint.end + varint.value;
      if (messageEnd + (header.cellBlockMeta?.length ?? 0) !== frame.length) {
        throw invalidReply('a frame has the wrong length');
      }
      outcome = { bytes: frame, messageStart: varint.end, messageEnd, cellsStart: messageEnd };
    }
    if (pending !== undefined) {
      const settle = pending.take();
      if (frame.length < hbaseLargeReplyBytes) settle(outcome);
      else void this.#settleInTurn(() => settle(outcome));
    }
    this.#silentSinceMs = this.#pending.size > 0 ? performance.now() : null;
    this.#waitedMs = 0;
  }
}

/** Why a call is not sent at all. */
function refusal(frameBytes: number, signal: AbortSignal | undefined): CounterError | null {
  if (signal?.aborted === true) return abortedFailure();
  if (frameBytes <= hbaseFrameBytesMax) return null;
  const detail = `a call of ${frameBytes} bytes is beyond the bound`;
  return new CounterError('STORE_REFUSED', 'give-up', { detail });
}
