// A cutting proxy before each server of a running HBase, and the host map that leads a client
// through them. Servers that come later are taken in by `refresh`. Never starts or ends a server.
import { Deadline } from '../../../src/hbase/deadline.ts';
import { ZooKeeperDiscovery } from '../../../src/hbase/discovery.ts';
import { HBaseClient } from '../../../src/hbase/hbase-client.ts';
import { addressText } from '../../../src/hbase/host-map.ts';
import type { HostMap, ServerAddress } from '../../../src/hbase/host-map.ts';
import { clientOptions, inTime } from '../client-options.ts';
import { CuttingProxy } from './cutting-proxy.ts';
import type { Armed, Fault, PassedReply, Struck } from './cutting-proxy.ts';
import type { RpcKind } from './rpc-kinds.ts';

export class Proxies {
  /** Grows with the servers: a client that was given it finds the new ones too. */
  readonly #hostMap = new Map<string, ServerAddress>();
  readonly #byServer = new Map<string, CuttingProxy>();
  readonly #zookeeper: string;
  onPassed: (server: string, reply: PassedReply) => void = () => undefined;

  private constructor(zookeeper: string) {
    this.#zookeeper = zookeeper;
  }

  static async around(zookeeper: string): Promise<Proxies> {
    const proxies = new Proxies(zookeeper);
    await proxies.refresh();
    return proxies;
  }

  get hostMap(): HostMap {
    return this.#hostMap;
  }

  /** As ADCOUNTER_HBASE_HOST_MAP wants it. */
  get setting(): string {
    return [...this.#hostMap].map(([name, to]) => `${name}=${addressText(to)}`).join(',');
  }

  get all(): readonly CuttingProxy[] {
    return [...this.#byServer.values()];
  }

  /** By the address that the server is registered under. */
  of(server: ServerAddress): CuttingProxy {
    const proxy = this.#byServer.get(addressText(server));
    if (proxy === undefined) throw new Error(`there is no proxy before ${addressText(server)}`);
    return proxy;
  }

  /** One before each server that has none yet. */
  async refresh(): Promise<void> {
    for (const server of await serversOf(this.#zookeeper)) {
      const name = addressText(server);
      if (this.#byServer.has(name)) continue;
      const proxy = await CuttingProxy.before(server);
      proxy.onPassed = (reply) => this.onPassed(name, reply);
      this.#byServer.set(name, proxy);
      this.#hostMap.set(name, proxy.address);
    }
  }

  /** Strikes as often as it says, at whichever servers the calls come. */
  arm(fault: Fault): Armed {
    const armed = { fault, left: fault.times };
    for (const proxy of this.all) proxy.arm(armed);
    return armed;
  }

  disarm(): void {
    for (const proxy of this.all) proxy.disarm();
  }

  /** What was struck, of that kind or any, at all servers. */
  struck(kind?: RpcKind): Struck[] {
    return this.all.flatMap(({ log }) =>
      log.filter((entry) => kind === undefined || entry.kind === kind),
    );
  }

  async close(): Promise<void> {
    await Promise.all(this.all.map((proxy) => proxy.close()));
  }
}

/** The master and the region servers, as they are registered. */
async function serversOf(zookeeper: string): Promise<ServerAddress[]> {
  const options = clientOptions(zookeeper);
  const discovery = new ZooKeeperDiscovery({ quorum: zookeeper, znode: options.znode });
  const client = new HBaseClient({ ...options, discovery });
  try {
    const master = await discovery.master(new Deadline(inTime));
    const regionServers = await client.servers(inTime);
    return [master, ...regionServers].map(({ hostName, port }) => ({ host: hostName, port }));
  } finally {
    client.close();
  }
}
