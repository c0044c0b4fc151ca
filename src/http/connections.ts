// The open connections of a server, and what each still owes: how many answers, and to whom the
// last. Kept in one place for those that answer broken bytes and those that end connections.
// Never reads and never writes on a connection.
import type { IncomingMessage, Server, ServerResponse } from 'node:http';
import type { Socket } from 'node:net';

export interface Connection {
  /** Requests that have arrived, at least their header lines, and are not answered yet. */
  unanswered: number;
  /** The request that came last, and its answer. */
  last: Readonly<{ request: IncomingMessage; response: ServerResponse }> | undefined;
}

export type Connections = ReadonlyMap<Socket, Connection>;

export function openConnections(server: Server): Connections {
  const connections = new Map<Socket, Connection>();
  server.on('connection', (socket: Socket) => {
    connections.set(socket, { unanswered: 0, last: undefined });
    socket.once('close', () => connections.delete(socket));
  });
  server.on('request', (request: IncomingMessage, response: ServerResponse) => {
    const connection = connections.get(request.socket);
    if (connection === undefined) return;
    connection.unanswered++;
    connection.last = { request, response };
    response.once('close', () => {
      connection.unanswered--;
    });
  });
  return connections;
}
