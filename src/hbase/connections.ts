// The open connections, one per server and service, made when first asked for.
// Promises that one that has ended is never handed out. Never retries, never chooses a server.
import type { CounterError } from '../model/errors.ts';
import { RpcConnection } from './connection.ts';
import type { Reply, Request, Service } from './connection.ts';
import { closedFailure, toCounterError } from './failures.ts';
import { addressText } from './host-map.ts';
import type { HostMap, ServerAddress } from './host-map.ts';
import type { HBaseObserver } from './observer.ts';

export class Connections {
  readonly #open = new Map<string, RpcConnection>();
  /** Servers whose loss is logged already, and with which code: an outage is one line each. */
  readonly #lost = new Map<string, string>();
  readonly #user: string;
  readonly #hostMap: HostMap;
  readonly #observer: HBaseObserver;
  #closed = false;

  constructor(options: {
    readonly user: string;
    readonly hostMap: HostMap;
    readonly observer: HBaseObserver;
  }) {
    this.#user = options.user;
    this.#hostMap = options.hostMap;
    this.#observer = options.observer;
  }

  async call(server: ServerAddress, service: Service, request: Request): Promise<Reply> {
    const startMs = performance.now();
    let outcome = 'ok';
    try {
      const reply = await this.#connection(server, service).call(request);
      this.#lost.delete(keyOf(server, service));
      return reply;
    } catch (error) {
      const failure = toCounterError(error);
      outcome = failure.code;
      throw failure;
    } finally {
      const seconds = (performance.now() - startMs) / 1000;
      this.#observer.request(request.method, outcome, seconds);
    }
  }

  close(): void {
    this.#closed = true;
    for (const connection of this.#open.values()) connection.destroy(closedFailure());
  }

  #connection(server: ServerAddress, service: Service): RpcConnection {
    if (this.#closed) throw closedFailure();
    const key = keyOf(server, service);
    const open = this.#open.get(key);
    if (open !== undefined) return open;
    const connection = new RpcConnection({
      address: this.#hostMap.get(addressText(server)) ?? server,
      service,
      user: this.#user,
      onClose: (failure) => this.#forget(key, failure),
    });
    this.#open.set(key, connection);
    this.#observer.connections(this.#open.size);
    return connection;
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
