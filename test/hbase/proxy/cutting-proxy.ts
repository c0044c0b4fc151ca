// A proxy before one server of HBase that knows its protocol and fails as it is told: it refuses,
// resets, half-closes, goes dark, delays, and loses a request before the server has it or a reply
// after the server has applied it. Promises to fail exactly what was asked for, and to write down
// each frame that it failed. Never changes a byte of what it passes on.
import net from 'node:net';
import type { ServerAddress } from '../../../src/hbase/host-map.ts';
import { Relay } from './relay.ts';
import { readReply, readRequest } from './rpc-kinds.ts';
import type { RpcKind } from './rpc-kinds.ts';

export type Mode =
  | 'pass'
  /** Nothing listens, and what was connected is cut. */
  | 'refuse'
  /** Whoever connects is reset at once; what was connected too. */
  | 'reset'
  /** Takes connections and frames, passes on nothing, either way. */
  | 'dark';

export interface Fault {
  /** The kind of call that it strikes; without one: any. */
  readonly kind?: RpcKind;
  /** How many calls it strikes before it is used up. */
  readonly times: number;
  /** `reply`: after the server answered that all was done; `request`: before the server has it. */
  readonly at: 'request' | 'reply';
  /** Held back for `ms`, swallowed, or swallowed together with the connection. */
  readonly act: { readonly delayMs: number } | 'swallow' | 'cut';
}

export interface Struck {
  readonly kind: RpcKind;
  readonly server: string;
  readonly callId: number;
  readonly atMs: number;
  readonly bytes: number;
  readonly fault: Fault;
}

export interface PassedReply {
  readonly kind: RpcKind;
  readonly applied: boolean;
}

/** A fault that waits for its calls; proxies that share one count together. */
export interface Armed {
  readonly fault: Fault;
  left: number;
}

/** Older entries go: a long run must not grow by what it writes down. */
const logEntriesMax = 10_000;

export class CuttingProxy {
  readonly target: ServerAddress;
  readonly log: Struck[] = [];
  /** For measuring: each reply that went through to the client. */
  onPassed: (reply: PassedReply) => void = () => undefined;
  readonly #relays = new Map<Relay, Map<number, RpcKind>>();
  #armed: Armed[] = [];
  #server: net.Server;
  #mode: Mode = 'pass';
  #port = 0;

  private constructor(target: ServerAddress) {
    this.target = target;
    this.#server = this.#newServer();
  }

  static async before(target: ServerAddress): Promise<CuttingProxy> {
    const proxy = new CuttingProxy(target);
    await proxy.#listen();
    return proxy;
  }

  get address(): ServerAddress {
    return { host: '127.0.0.1', port: this.#port };
  }

  /** Connections that go through it now. */
  get connections(): number {
    return this.#relays.size;
  }

  /** Calls that wait for their replies now. */
  get underWay(): number {
    return [...this.#relays.values()].reduce((sum, pending) => sum + pending.size, 0);
  }

  async set(mode: Mode): Promise<void> {
    const before = this.#mode;
    this.#mode = mode;
    if (mode === 'refuse' || mode === 'reset') this.cutConnections();
    if (before === 'dark') this.#endStillborn();
    if (mode === 'refuse' && before !== 'refuse') await closed(this.#server);
    if (mode !== 'refuse' && before === 'refuse') {
      this.#server = this.#newServer();
      await this.#listen();
    }
  }

  arm(armed: Armed): void {
    this.#armed.push(armed);
  }

  disarm(): void {
    this.#armed = [];
  }

  cutConnections(): void {
    for (const relay of this.#relays.keys()) relay.reset();
  }

  /** A FIN one way; the other way goes on. */
  halfClose(towards: 'client' | 'server'): void {
    for (const relay of this.#relays.keys()) relay.halfClose(towards);
  }

  async close(): Promise<void> {
    this.cutConnections();
    if (this.#mode !== 'refuse') await closed(this.#server);
    this.#mode = 'refuse';
  }

  async #listen(): Promise<void> {
    await new Promise<void>((resolve, reject) => {
      this.#server.once('error', reject);
      this.#server.listen(this.#port, '127.0.0.1', resolve);
    });
    const address = this.#server.address();
    if (address !== null && typeof address === 'object') this.#port = address.port;
  }

  #newServer(): net.Server {
    // A half-closed client still gets its answers.
    const server = net.createServer({ allowHalfOpen: true });
    server.on('connection', (client) => {
      if (this.#mode === 'reset') client.resetAndDestroy();
      else this.#open(client);
    });
    return server;
  }

  #open(client: net.Socket): void {
    const pending = new Map<number, RpcKind>();
    const relay = new Relay({
      client,
      server: this.target,
      dark: () => this.#mode === 'dark',
      onRequest: (on, frame) => this.#onRequest(on, pending, frame),
      onReply: (on, frame) => this.#onReply(on, pending, frame),
      onEnd: (on) => this.#relays.delete(on),
    });
    this.#relays.set(relay, pending);
  }

  #onRequest(relay: Relay, pending: Map<number, RpcKind>, frame: Buffer): boolean {
    if (this.#mode === 'dark') return false;
    const { callId, kind } = readRequest(frame);
    const fault = this.#strike('request', { kind, callId, bytes: frame.length });
    if (fault === null || typeof fault.act === 'object') pending.set(callId, kind);
    if (fault === null) return true;
    this.#act(fault, relay, () => relay.toServer(frame));
    return false;
  }

  #onReply(relay: Relay, pending: Map<number, RpcKind>, frame: Buffer): boolean {
    if (this.#mode === 'dark') return false;
    const { callId, applied } = readReply(frame, (id) => pending.get(id));
    const kind = pending.get(callId);
    pending.delete(callId);
    if (kind === undefined) return true;
    const fault = applied ? this.#strike('reply', { kind, callId, bytes: frame.length }) : null;
    if (fault === null) {
      this.onPassed({ kind, applied });
      return true;
    }
    this.#act(fault, relay, () => relay.toClient(frame));
    return false;
  }

  /** The first fault that is meant for the call, once used up by one. */
  #strike(
    at: Fault['at'],
    call: { readonly kind: RpcKind; readonly callId: number; readonly bytes: number },
  ): Fault | null {
    const armed = this.#armed.find(
      ({ fault, left }) => left > 0 && fault.at === at && (fault.kind ?? call.kind) === call.kind,
    );
    if (armed === undefined) return null;
    armed.left--;
    this.#armed = this.#armed.filter(({ left }) => left > 0);
    const server = `${this.target.host}:${this.target.port}`;
    if (this.log.length >= logEntriesMax) this.log.shift();
    this.log.push({ ...call, server, atMs: performance.now(), fault: armed.fault });
    return armed.fault;
  }

  #act(fault: Fault, relay: Relay, passOn: () => void): void {
    const { act } = fault;
    if (act === 'cut') relay.destroy();
    else if (act !== 'swallow') setTimeout(passOn, act.delayMs).unref();
  }

  #endStillborn(): void {
    for (const relay of this.#relays.keys()) if (relay.stillborn) relay.reset();
  }
}

async function closed(server: net.Server): Promise<void> {
  await new Promise<void>((resolve) => {
    server.close(() => resolve());
  });
}
