// What a cluster says of itself in ZooKeeper: its master, meta's server, the region servers under
// the names that they registered. For diagnosis; the client asks for the first two alone.
import { diagnosisMessages } from './diagnosis-messages.ts';
import { payload } from './discovery.ts';
import { addressOf } from './locator.ts';
import type { ServerAddress } from './host-map.ts';
import { messages } from './messages.ts';
import type { ZooKeeperSession } from './zookeeper-session.ts';

export interface RegisteredServer {
  readonly address: ServerAddress;
  /** `name,port,start`, as HBase names one run of a server. */
  readonly fullName: string;
  /** Of HBase, as the server says; null: it does not. */
  readonly version: string | null;
}

export interface ClusterZnodes {
  readonly master: ServerAddress | null;
  readonly metaServer: ServerAddress | null;
  readonly regionServers: readonly RegisteredServer[];
}

/** Null: there is no such path. Of so many region servers at most the version is asked. */
export async function readZnodes(
  session: ZooKeeperSession,
  znode: string,
  versionsMax: number,
): Promise<ClusterZnodes | null> {
  if ((await session.children(znode)) === null) return null;
  const master = await messageAt(session, `${znode}/master`);
  const meta = await messageAt(session, `${znode}/meta-region-server`);
  const names = (await session.children(`${znode}/rs`)) ?? [];
  const regionServers: RegisteredServer[] = [];
  for (const [i, fullName] of names.entries()) {
    const [host = '', port] = fullName.split(',');
    const info = i < versionsMax ? await messageAt(session, `${znode}/rs/${fullName}`) : null;
    const version =
      info === null ? undefined : diagnosisMessages.regionServerInfo.decode(info).versionInfo;
    regionServers.push({
      address: { host, port: Number(port) },
      fullName,
      version: version?.version ?? null,
    });
  }
  return {
    master: master === null ? null : addressOf(messages.master.decode(master).master),
    metaServer: meta === null ? null : addressOf(messages.metaRegionServer.decode(meta).server),
    regionServers,
  };
}

/** Paths at the root that hold what HBase keeps there: the znode that was meant. */
export async function clusterPaths(
  session: ZooKeeperSession,
  lookAtMax: number,
): Promise<readonly string[]> {
  const names = (await session.children('/')) ?? [];
  const found: string[] = [];
  for (const name of names.slice(0, lookAtMax)) {
    const beneath = (await session.children(`/${name}`)) ?? [];
    if (beneath.includes('hbaseid') || beneath.includes('meta-region-server')) {
      found.push(`/${name}`);
    }
  }
  return found;
}

async function messageAt(session: ZooKeeperSession, path: string): Promise<Buffer | null> {
  const data = await session.data(path);
  return data === null ? null : payload(data);
}
