// The first two steps towards any server, each by itself and timed: its name resolved, a
// connection made. For diagnosis alone: the client dials through the package. Bounded in time.
import { lookup } from 'node:dns/promises';
import net from 'node:net';
import type { ServerAddress } from './host-map.ts';

export interface Resolved {
  readonly step: 'resolved';
  readonly addresses: readonly string[];
  readonly ms: number;
}
export interface Dialled {
  readonly step: 'connected';
  readonly addresses: readonly string[];
  readonly ms: number;
  readonly socket: net.Socket;
}
/** `code`: the operating system's, or TIMEOUT where nothing was answered at all. */
export interface NotDialled {
  readonly step: 'unresolved' | 'unconnected';
  readonly addresses: readonly string[];
  readonly ms: number;
  readonly code: string;
}

/** The caller owns the socket and ends it. */
export async function dial(address: ServerAddress, stepMs: number): Promise<Dialled | NotDialled> {
  const resolved = await resolve(address.host, stepMs);
  if (resolved.step !== 'resolved') return resolved;
  const { addresses } = resolved;
  const startMs = performance.now();
  const socket = net.connect({ ...address, autoSelectFamily: true });
  const code = await connected(socket, stepMs);
  const ms = performance.now() - startMs;
  if (code === null) return { step: 'connected', addresses, ms, socket };
  socket.destroy();
  return { step: 'unconnected', addresses, ms, code };
}

/** As the client would: by the operating system, its hosts file included. */
export async function resolve(host: string, stepMs: number): Promise<Resolved | NotDialled> {
  const startMs = performance.now();
  let timer: NodeJS.Timeout | undefined;
  const late = new Promise<never>((_, reject) => {
    timer = setTimeout(() => reject(Object.assign(new Error(), { code: 'TIMEOUT' })), stepMs);
  });
  try {
    const found = await Promise.race([lookup(host, { all: true }), late]);
    const addresses = [...new Set(found.map(({ address }) => address))];
    return { step: 'resolved', addresses, ms: performance.now() - startMs };
  } catch (thrown) {
    const ms = performance.now() - startMs;
    return { step: 'unresolved', addresses: [], ms, code: codeOf(thrown) };
  } finally {
    clearTimeout(timer);
  }
}

/** Null: it stands. */
async function connected(socket: net.Socket, stepMs: number): Promise<string | null> {
  return await new Promise((done) => {
    const timer = setTimeout(() => done('TIMEOUT'), stepMs);
    const end = (outcome: string | null): void => {
      clearTimeout(timer);
      done(outcome);
    };
    // Stays for good: a socket that fails later must not end the process.
    socket.on('error', (error) => end(codeOf(error)));
    socket.once('connect', () => end(null));
  });
}

/** Of several addresses that all failed Node says so by an AggregateError. */
function codeOf(thrown: unknown): string {
  const { code, errors } = thrown as { readonly code?: unknown; readonly errors?: unknown };
  const [first] = Array.isArray(errors) ? (errors as unknown[]) : [];
  const inner = (first as { readonly code?: unknown } | undefined)?.code;
  const known = typeof inner === 'string' ? inner : code;
  if (known === 'ETIMEDOUT') return 'TIMEOUT';
  return typeof known === 'string' ? known : 'UNKNOWN';
}
