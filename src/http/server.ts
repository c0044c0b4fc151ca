// The HTTP server of the service: the door of this room. Built here, listened on by its owner.
// Promises bounds on everything that a client can make it wait for or hold, an answer to bytes
// that are not even HTTP, and a drain that ends. Never counts, never asks: see `routes.ts`.
import { createServer } from 'node:http';
import type { IncomingMessage, Server, ServerResponse } from 'node:http';
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
import { openConnections } from './connections.ts';
import { drained } from './drain.ts';
import { answerMalformed } from './malformed.ts';
import type { HttpOptions } from './ports.ts';
import { createRoutes } from './routes.ts';
import { createEdge } from './serve.ts';

export interface HttpServer {
  /** Not yet listening; supertest and `listen` take it as it is. */
  readonly server: Server;
  /**
   * Stops accepting connections, answers what is in flight or still comes on a connection in use
   * with `Connection: close`, and resolves when the last is gone; after `drainMsMax` the rest are
   * cut.
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
  const connections = openConnections(server);
  // A client may go without what else it expects (RFC 9110, 10.1.1); node's 417 would be empty.
  server.on('checkExpectation', (request: IncomingMessage, response: ServerResponse) => {
    server.emit('request', request, response);
  });
  answerMalformed(server, connections, options.metrics);
  return {
    server,
    drain: (drainMsMax = httpDrainMsMax) => {
      draining ??= drained(server, connections, drainMsMax);
      return draining;
    },
  };
}
