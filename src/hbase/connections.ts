// The open connections, one per server and service, made when first asked for, and the turns of the
// calls that go there. Promises that one that has ended is never handed out, nor one whose replies
// made no sense, and that no call waits for a server longer than ZooKeeper knows it to be there.
// Never retries, never chooses a server.
import { CounterError } from '../model/errors.ts';
import { RpcConnection } from './connection.ts';
import type { Reply, Request } from './connection.ts';
import { Deadline } from './deadline.ts';
import { closedFailure, goneFailure, invalidReply, toCounterError } from './failures.ts';
import type { Service } from './handshake.ts';
import { addressText } from './host-map.ts';
import type { HostMap, ServerAddress } from './host-map.ts';
import type { HBaseObserver } from './observer.ts';
import { endAt, Paces } from './paces.ts';
import type { Presence } from './presence.ts';

/** `timeoutMs` is the longest that the server may take, once the call is sent. */
export interface Call extends Omit<Request, 'onWritten'> {
  /** The time of the caller, waiting for a turn included; else `timeoutMs` is for both. */
  readonly deadline?: Deadline;
  /** False: it does not wait where a server has too much to do. */
  readonly patient?: boolean;
  /** The region that it is for: while that is overloaded, it waits with the others. */
  readonly region?: Buffer;
  /** What the reply says of an overload of the server, once it is read. */
  readonly overload?: () => CounterError | null;
  /** A question to meta does not wait behind what goes to tables. */
  readonly meta?: boolean;
}

export class Connections {
  readonly paces = new Paces();
  readonly #open = new Map<string, RpcConnection>();
  /** Servers whose loss is logged already, and with which code: an outage is one line each. */
  readonly #lost = new Map<string, string>();
  readonly #user: string;
  readonly #hostMap: HostMap;
  readonly #observer: HBaseObserver;
  readonly #presence: Presence | undefined;
  #closed = false;

  constructor(options: {
    readonly user: string;
    readonly hostMap: HostMap;
    readonly observer: HBaseObserver;
    /** Without it a server is waited for as long as a call may take. */
    readonly presence?: Presence;
  }) {
    this.#user = options.user;
    this.#hostMap = options.hostMap;
    this.#observer = options.observer;
    this.#presence = options.presence;
  }

  async call(server: ServerAddress, service: Service, call: Call): Promise<Reply> {
    return await this.ask(server, service, call, (reply) => reply);
  }

  /** What `read` finds in the reply; where it finds no sense, the connection ends. */
  async ask<T>(
    server: ServerAddress,
    service: Service,
    call: Call,
    read: (reply: Reply) => T,
  ): Promise<T> {
    if (this.#closed) throw closedFailure();
    const pace = this.paces.server(paceKey(server, service, call));
    const regionPace = call.region === undefined ? undefined : this.paces.region(call.region);
    const leftMs = timeOf(call);
    const asking = { bytes: 0, leftMs: leftMs(), patient: true, signal: call.signal };
    const regionTurn = await regionPace?.enter(asking);
    let failure: CounterError | null = null;
    try {
      const { patient = true, body } = call;
      const turn = await pace.enter({ ...asking, patient, bytes: body.length, leftMs: leftMs() });
      const timeoutMs = Math.min(call.timeoutMs, leftMs());
      const request = { ...call, timeoutMs, onWritten: () => pace.written(turn) };
      try {
        return await this.#send({ server, service, request }, read);
      } catch (error) {
        failure = toCounterError(error);
        throw failure;
      } finally {
        pace.leave(turn, endAt('server', failure ?? call.overload?.() ?? null));
      }
    } catch (error) {
      failure ??= toCounterError(error);
      throw failure;
    } finally {
      if (call.region !== undefined) this.paces.leaveRegion(call.region, regionTurn, failure);
    }
  }

  close(): void {
    this.#closed = true;
    this.paces.close();
    for (const connection of this.#open.values()) connection.destroy(closedFailure());
  }

  async #send<T>(
    to: {
      readonly server: ServerAddress;
      readonly service: Service;
      readonly request: Request & { readonly onWritten: () => void };
    },
    read: (reply: Reply) => T,
  ): Promise<T> {
    const { server, service, request } = to;
    const startMs = performance.now();
    let outcome = 'ok';
    try {
      const connection = await this.#connection(server, service, request);
      const timeoutMs = request.timeoutMs - (performance.now() - startMs);
      const reply = await connection.call({ ...request, timeoutMs });
      this.#lost.delete(keyOf(server, service));
      try {
        return read(reply);
      } catch (error) {
        // Any failure here is one of the bytes: after them nothing on this connection is trusted.
        const why = error instanceof CounterError ? error : invalidReply(String(error));
        if (why.code === 'STORE_REPLY_INVALID') connection.destroy(why);
        throw why;
      }
    } catch (error) {
      const failure = toCounterError(error);
      outcome = failure.code;
      throw failure;
    } finally {
      const seconds = (performance.now() - startMs) / 1000;
      this.#observer.request(request.method, outcome, seconds);
    }
  }

  /** Where there is none, nothing of the request will be written. */
  async #connection(
    server: ServerAddress,
    service: Service,
    request: Request & { readonly onWritten: () => void },
  ): Promise<RpcConnection> {
    const key = keyOf(server, service);
    try {
      if (!this.#open.has(key) && this.#presence?.wasGone(server, service) === true) {
        // Meta may still name it, and a paused process lets others connect to it.
        const gone = goneFailure(addressText(server), false);
        const look = this.#presence.isGone(server, service);
        if (await new Deadline(request).race(look, () => gone)) throw gone;
      }
      const open = this.#open.get(key);
      if (open !== undefined) return open;
      if (this.#closed) throw closedFailure();
      const connection: RpcConnection = new RpcConnection({
        address: this.#hostMap.get(addressText(server)) ?? server,
        service,
        user: this.#user,
        onClose: (failure) => this.#forget(key, failure),
        onSilence: () => void this.#lookFor(server, service, connection),
      });
      this.#open.set(key, connection);
      this.#observer.connections(this.#open.size);
      return connection;
    } catch (error) {
      request.onWritten();
      throw error;
    }
  }

  /** A server that is only slow is waited for; the calls of one that is gone are made elsewhere. */
  async #lookFor(server: ServerAddress, service: Service, silent: RpcConnection): Promise<void> {
    const sinceMs = silent.silentSinceMs;
    if ((await this.#presence?.isGone(server, service)) !== true) return;
    if (silent.silentSinceMs === sinceMs) silent.destroy(goneFailure(silent.place, true));
  }

  #forget(key: string, failure: CounterError): void {
    this.#open.delete(key);
    this.#observer.connections(this.#open.size);
    if (!this.#closed && this.#lost.get(key) !== failure.code) {
      this.#lost.set(key, failure.code);
      this.#observer.log('hbase.connection_ended', { server: key, reason: failure.message });
    }
  }
}

function keyOf(server: ServerAddress, service: Service): string {
  return `${service} ${addressText(server)}`;
}

function paceKey(server: ServerAddress, service: Service, call: Call): string {
  return call.meta === true ? `meta ${addressText(server)}` : keyOf(server, service);
}

/** How long the caller can still wait, asked at any moment. */
function timeOf({ deadline, timeoutMs }: Call): () => number {
  if (deadline !== undefined) return () => deadline.leftMs();
  const endMs = performance.now() + timeoutMs;
  return () => endMs - performance.now();
}
