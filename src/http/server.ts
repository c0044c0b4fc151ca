// The HTTP server of the service: the door of this room. Built here, listened on by its owner.
// Promises bounds on everything that a client can make it wait for or hold, an answer to bytes
// that are not even HTTP, and a drain that ends. Never counts, never asks: see `routes.ts`.
import { createServer } from 'node:http';
import type { IncomingMessage, Server, ServerResponse } from 'node:http';
import type { Socket } from 'node:net';
import {
  connectionsCheckMs,
  connectionsMax,
  headerBytesMax,
  headersTimeoutMs,
  httpDrainMsMax,
  keepAliveTimeoutMs,
  requestTimeoutMs,
  socketIdleMsMax,
} from '../limits.ts';
import { createApp } from './app.ts';
import { answerMalformed } from './malformed.ts';
import type { HttpOptions } from './ports.ts';
import { createRoutes } from './routes.ts';
import { createEdge } from './serve.ts';

export interface HttpServer {
  /** Not yet listening; supertest and `listen` take it as it is. */
  readonly server: Server;
  /**
   * Stops accepting connections, answers what is in flight with `Connection: close`, and
   * resolves when the last connection is gone; after `drainMsMax` the rest are cut.
   */
  drain(drainMsMax?: number): Promise<void>;
}

export function createHttpServer(options: HttpOptions): HttpServer {
  let draining: Promise<void> | undefined;
  const edge = createEdge(options, () => draining !== undefined);
  const app = createApp(createRoutes(options), edge);
  const server = createServer(
    {
      maxHeaderSize: headerBytesMax,
      headersTimeout: headersTimeoutMs,
      requestTimeout: requestTimeoutMs,
      keepAliveTimeout: keepAliveTimeoutMs,
      connectionsCheckingInterval: connectionsCheckMs,
      insecureHTTPParser: false,
      // A missing Host is told by a problem document too, not by node's empty answer.
      requireHostHeader: false,
      noDelay: true,
    },
    app as (request: IncomingMessage, response: ServerResponse) => void,
  );
  // Above any 8 KiB of header lines: node would drop the others in silence.
  server.maxHeadersCount = 0;
  server.maxConnections = connectionsMax;
  server.timeout = socketIdleMsMax;
  answerMalformed(server, options.metrics);
  const connections = openConnections(server);
  return {
    server,
    drain: (drainMsMax = httpDrainMsMax) => {
      draining ??= drained(server, connections, drainMsMax);
      return draining;
    },
  };
}

function openConnections(server: Server): ReadonlySet<Socket> {
  const connections = new Set<Socket>();
  server.on('connection', (socket: Socket) => {
    connections.add(socket);
    socket.once('close', () => connections.delete(socket));
  });
  return connections;
}

/** How often connections that became idle are looked for while a server drains. */
const idleCheckMs = 50;

async function drained(
  server: Server,
  connections: ReadonlySet<Socket>,
  drainMsMax: number,
): Promise<void> {
  if (!server.listening) return;
  const closed = new Promise<void>((resolve) => {
    server.close(() => resolve());
  });
  closeIdle(server, connections);
  const idle = setInterval(() => closeIdle(server, connections), idleCheckMs);
  // Once it is closed node no longer looks at the time-outs of requests that still arrive.
  const cut = setTimeout(() => server.closeAllConnections(), drainMsMax);
  try {
    await closed;
  } finally {
    clearInterval(idle);
    clearTimeout(cut);
  }
}

/** For node a connection is idle after a request only; opened in advance, it is so too. */
function closeIdle(server: Server, connections: ReadonlySet<Socket>): void {
  server.closeIdleConnections();
  for (const socket of connections) if (socket.bytesRead === 0) socket.destroy();
}
