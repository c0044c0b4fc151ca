// The HBase under a chaos run, and what can be done to it: a standalone one that can be away, or a
// cluster behind cutting proxies whose servers are killed, whose regions move, whose replies are
// cut after they were applied. Each act says whether it was seen to strike.
import { setTimeout as sleep } from 'node:timers/promises';
import { RegionChanges } from '../hbase/faults/region-changes.ts';
import { Proxies } from '../hbase/proxy/proxies.ts';
import type { RpcKind } from '../hbase/proxy/rpc-kinds.ts';
import type { RunningCluster } from '../hbase/server/cluster.ts';
import type { RunningHBase } from '../hbase/server/standalone.ts';
import { until } from '../support/until.ts';

export interface ChaosStore {
  readonly zookeeper: string;
  /** Of services, beyond the address: how they come through the proxies. */
  readonly env: Readonly<Record<string, string>>;
  /** Gone at once, and back after so long; `onDown` is called while it is gone. */
  down(forMs: number, onDown: () => Promise<void>): Promise<void>;
  /** Only a cluster has them. */
  readonly cluster?: ClusterActs;
  close(): Promise<void>;
}

export interface ClusterActs {
  killRegionServer(at: number): Promise<boolean>;
  /** One region of one of the tables. */
  moveRegion(tables: readonly string[], at: number): Promise<boolean>;
  /** The next reply of that kind; false: none came. */
  cutReply(kind: RpcKind): Promise<boolean>;
}

/** What the product sends: a flush or an increment, a claim or a watermark, a question. */
export const cutKinds: readonly RpcKind[] = ['Multi', 'Mutate', 'ScanOpen', 'ScanNext'];

const noticeTimeoutMs = 60_000;
const strikeTimeoutMs = 15_000;

export function standaloneStore(hbase: RunningHBase): ChaosStore {
  return {
    zookeeper: hbase.zookeeper,
    env: {},
    down: async (forMs, onDown) => {
      const goneMs = performance.now();
      await hbase.kill9();
      await onDown();
      await sleep(Math.max(0, goneMs + forMs - performance.now()));
      await hbase.restart();
    },
    close: () => Promise.resolve(),
  };
}

export async function clusterStore(
  cluster: RunningCluster,
  random: (below: number) => number,
): Promise<ChaosStore> {
  const proxies = await Proxies.around(cluster.zookeeper);
  const { master, rs1, rs2 } = cluster.processes;
  const acts = new Acts(cluster, proxies, random);
  return {
    zookeeper: cluster.zookeeper,
    env: { ADCOUNTER_HBASE_HOST_MAP: proxies.setting },
    cluster: acts,
    down: async (forMs, onDown) => {
      const goneMs = performance.now();
      await Promise.all([rs1, rs2, master].map((one) => one.kill9()));
      await onDown();
      await sleep(Math.max(0, goneMs + forMs - performance.now()));
      await Promise.all([rs1, rs2, master].map((one) => one.restart()));
    },
    close: () => proxies.close(),
  };
}

class Acts implements ClusterActs {
  readonly #cluster: RunningCluster;
  readonly #proxies: Proxies;
  readonly #changes: RegionChanges;
  /** Replies that said no for a region: it was not where it was asked for. */
  #refusedMultis = 0;

  constructor(cluster: RunningCluster, proxies: Proxies, random: (below: number) => number) {
    this.#cluster = cluster;
    this.#proxies = proxies;
    this.#changes = new RegionChanges(cluster.zookeeper, random);
    proxies.onPassed = (_server, { kind, applied }) => {
      if ((kind === 'Multi' || kind === 'Mutate') && !applied) this.#refusedMultis++;
    };
  }

  /** Hit: it owed answers when it was killed. */
  async killRegionServer(at: number): Promise<boolean> {
    await this.#untilWhole();
    const { rs1, rs2 } = this.#cluster.processes;
    const server = at < 0.5 ? rs1 : rs2;
    const proxy = this.#proxies.all.find(({ target }) => target.port === server.port);
    const isUnderWay = (): boolean => (proxy?.underWay ?? 0) > 0;
    await until(isUnderWay, strikeTimeoutMs).catch(() => undefined);
    const hit = isUnderWay();
    await server.kill9();
    await server.restart();
    await this.#untilWhole();
    return hit;
  }

  /** Hit: somebody was told that the region is not where it was. */
  async moveRegion(tables: readonly string[], at: number): Promise<boolean> {
    const table = tables[Math.floor(at * tables.length)];
    if (table === undefined) return false;
    await this.#untilWhole();
    const before = this.#refusedMultis;
    // A master that is busy with a server that died may leave it where it is: nothing was hit.
    const isMoved = await this.#changes.move(table).then(
      () => true,
      () => false,
    );
    if (!isMoved) return false;
    const isFelt = (): boolean => this.#refusedMultis > before;
    return await until(isFelt, strikeTimeoutMs).then(
      () => true,
      () => false,
    );
  }

  async cutReply(kind: RpcKind): Promise<boolean> {
    const armed = this.#proxies.arm({ kind, times: 1, at: 'reply', act: 'cut' });
    await until(() => armed.left === 0, strikeTimeoutMs).catch(() => undefined);
    const hit = armed.left === 0;
    armed.left = 0;
    return hit;
  }

  /** Whoever kills the next server leaves the other one there. */
  async #untilWhole(): Promise<void> {
    const isWhole = async (): Promise<boolean> =>
      (await this.#changes.servers().catch(() => [])).length === 2;
    await until(isWhole, noticeTimeoutMs);
  }
}
