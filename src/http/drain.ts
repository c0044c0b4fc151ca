// Ends the connections of a server that stops, and leaves as few senders in doubt as it can.
// Promises: what has arrived is answered, and whoever goes on sending on a connection in use is
// answered too, with `Connection: close`; cut is what has been quiet, and what takes too long.
import type { Server } from 'node:http';
import { Server as NetServer } from 'node:net';
import type { Socket } from 'node:net';
import { httpDrainQuietMs } from '../limits.ts';
import type { Connections } from './connections.ts';

/** How often connections that became quiet are looked for. */
const quietCheckMs = 50;

export async function drained(
  server: Server,
  connections: Connections,
  drainMsMax: number,
): Promise<void> {
  if (!server.listening) return;
  // Not yet the server's own close: it cuts idle connections at once, and a request that is on
  // its way on one of them would be lost without its sender knowing whether it counts.
  const closed = new Promise<void>((resolve) => {
    NetServer.prototype.close.call(server, () => resolve());
  });
  const cutQuiet = quietCutter(connections);
  // Behind the poll for bytes, so that what arrived is seen before its connection is cut.
  const looking = setInterval(() => setImmediate(cutQuiet), quietCheckMs);
  const cut = setTimeout(() => server.closeAllConnections(), drainMsMax);
  try {
    await closed;
  } finally {
    clearInterval(looking);
    clearTimeout(cut);
    // Nothing is left to close but node's timer for requests that arrive slowly.
    server.close();
  }
}

/** Cuts connections that owe nothing, and brought nothing for `httpDrainQuietMs`. */
function quietCutter(connections: Connections): () => void {
  const seen = new WeakMap<Socket, Readonly<{ bytes: number; sinceMs: number }>>();
  const look = (): void => {
    const nowMs = performance.now();
    for (const [socket, { unanswered }] of connections) {
      const before = seen.get(socket);
      if (unanswered > 0 || before === undefined || before.bytes !== socket.bytesRead) {
        seen.set(socket, { bytes: socket.bytesRead, sinceMs: nowMs });
      } else if (nowMs - before.sinceMs >= httpDrainQuietMs) {
        socket.destroy();
      }
    }
  };
  look();
  return look;
}
