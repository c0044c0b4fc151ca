// One connection through the proxy: both sockets, and the frames between them, each passed on only
// when it is whole. Promises linear time, bounded memory (a side that does not read is not read
// for), and that both sockets end together. The proxy decides what becomes of a frame.
import net from 'node:net';
import type { ServerAddress } from '../../../src/hbase/host-map.ts';
import { FrameReader } from '../../../src/hbase/frame-reader.ts';

export interface RelayOptions {
  readonly client: net.Socket;
  readonly server: ServerAddress;
  /** False: the frame is swallowed, or passed on later by the one who was asked. */
  readonly onRequest: (relay: Relay, frame: Buffer) => boolean;
  readonly onReply: (relay: Relay, frame: Buffer) => boolean;
  readonly onEnd: (relay: Relay) => void;
  /** Nothing is passed on while it holds, the first bytes of a connection included. */
  readonly dark: () => boolean;
}

const preambleBytes = 6;

export class Relay {
  readonly #client: net.Socket;
  readonly #server: net.Socket;
  readonly #options: RelayOptions;
  #ended = false;
  /** A connection whose begin was swallowed can never be of use. */
  stillborn = false;

  constructor(options: RelayOptions) {
    this.#options = options;
    this.#client = options.client;
    this.#server = net.connect({ ...options.server, noDelay: true, allowHalfOpen: true });
    this.#client.setNoDelay(true);
    this.#fromClient();
    this.#fromServer();
    for (const socket of [this.#client, this.#server]) {
      socket.on('error', () => this.destroy());
      socket.on('close', () => this.destroy());
    }
    this.#client.on('end', () => this.#server.end());
    this.#server.on('end', () => this.#client.end());
  }

  toServer(frame: Buffer): void {
    send(this.#server, this.#client, frame);
  }

  toClient(frame: Buffer): void {
    send(this.#client, this.#server, frame);
  }

  /** One way ends in order, the other goes on. */
  halfClose(towards: 'client' | 'server'): void {
    (towards === 'client' ? this.#client : this.#server).end();
  }

  destroy(): void {
    if (this.#ended) return;
    this.#ended = true;
    this.#client.destroy();
    this.#server.destroy();
    this.#options.onEnd(this);
  }

  reset(): void {
    this.#client.resetAndDestroy();
    this.destroy();
  }

  #fromClient(): void {
    const preamble: Buffer[] = [];
    let preambleLeft = preambleBytes;
    let greeted = false;
    const pass = (bytes: Buffer): void => {
      this.#server.write(bytes);
    };
    const reader = new FrameReader((frame) => {
      if (!greeted) {
        greeted = true;
        if (this.#options.dark()) this.stillborn = true;
        else {
          for (const bytes of preamble) pass(bytes);
          this.toServer(frame);
        }
      } else if (!this.stillborn && this.#options.onRequest(this, frame)) {
        this.toServer(frame);
      }
    });
    this.#client.on('data', (chunk: Buffer) => {
      this.#careful(() => {
        const taken = Math.min(preambleLeft, chunk.length);
        if (taken > 0) preamble.push(chunk.subarray(0, taken));
        preambleLeft -= taken;
        reader.push(chunk.subarray(taken));
      });
    });
  }

  #fromServer(): void {
    const reader = new FrameReader((frame) => {
      if (this.#options.onReply(this, frame)) this.toClient(frame);
    });
    this.#server.on('data', (chunk: Buffer) => {
      this.#careful(() => reader.push(chunk));
    });
  }

  /** Bytes that are no frames end the connection, not the process. */
  #careful(work: () => void): void {
    if (this.#ended) return;
    try {
      work();
    } catch {
      this.destroy();
    }
  }
}

function send(to: net.Socket, from: net.Socket, frame: Buffer): void {
  if (to.destroyed || to.writableEnded) return;
  const length = Buffer.allocUnsafe(4);
  length.writeUInt32BE(frame.length, 0);
  to.cork();
  to.write(length);
  const goOn = to.write(frame);
  to.uncork();
  if (goOn || from.isPaused()) return;
  from.pause();
  to.once('drain', () => from.resume());
}
