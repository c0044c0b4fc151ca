// What is done to a running cluster: its regions changed, its servers killed, paused, restarted.
// Each says whether it struck work that was under way.
import { setTimeout as sleep } from 'node:timers/promises';
import { until } from '../../support/until.ts';
import type { CuttingProxy } from '../proxy/cutting-proxy.ts';
import type { ClusterProcess, RunningCluster } from '../server/cluster.ts';
import type { Cause, Tools } from './fault-run.ts';
import { ZombieProbe } from './zombie.ts';

const noticeTimeoutMs = 120_000;
const masterAwayMs = 5_000;
const pauseMs = 30_000;

export const move: Cause = changed('a region moves', ({ changes, counts }) =>
  changes.move(counts.table),
);

export const moveClaims: Cause = changed('a region moves', ({ changes, claims }) =>
  changes.move(claims.table),
);

export const split: Cause = changed('a region splits', ({ changes, counts, ledger }) =>
  changes.split(counts.table, ledger),
);

export const merge: Cause = changed('two regions merge', ({ changes, counts }) =>
  changes.merge(counts.table),
);

export function killRegionServer(cluster: RunningCluster, name: 'rs1' | 'rs2'): Cause {
  const { processes } = cluster;
  return {
    name: 'kill -9 of a region server',
    run: async (tools) => {
      const server = processes[name];
      const hit = await inFlight(proxyOf(tools, server));
      await server.kill9();
      await untilElsewhere(tools, server);
      await server.restart();
      return hit;
    },
    after: (tools) => spreadAgain(cluster, tools),
  };
}

export function killMaster({ processes }: RunningCluster): Cause {
  return {
    name: 'kill -9 of the master',
    run: async (tools) => {
      const hit = await inFlight(proxyOf(tools, processes.master));
      await processes.master.kill9();
      await sleep(masterAwayMs);
      await processes.master.restart();
      return hit;
    },
  };
}

/** And what it answers when it wakes, replaced by then. */
export function pauseRegionServer(cluster: RunningCluster, name: 'rs1' | 'rs2'): Cause {
  const { processes } = cluster;
  return {
    name: `a region server is paused for ${pauseMs / 1000} s`,
    run: async (tools) => {
      const { changes, facts } = tools;
      const server = processes[name];
      const place = await changes.newTable(`zombie_${Date.now()}`, []);
      await changes.move(place.table, server.port);
      const [region] = await changes.regions(place.table);
      if (region === undefined) throw new Error('the table has no region');
      return await changes.use(async (client) => {
        const probe = new ZombieProbe(client, place, region);
        await probe.beforePause();
        const hit = await inFlight(proxyOf(tools, server));
        const startMs = performance.now();
        server.pause();
        try {
          await untilElsewhere(tools, server);
          await probe.whilePaused();
          await sleep(Math.max(0, startMs + pauseMs - performance.now()));
        } finally {
          server.resume();
        }
        await probe.afterWake();
        facts.push(...probe.facts);
        await until(() => server.state() === 'ended', 20_000).catch(() => {
          facts.push('20 s after the wake its process is still there');
        });
        await server.restart();
        return hit;
      });
    },
    after: (tools) => spreadAgain(cluster, tools),
  };
}

/** The same cause, with all servers there before it. */
export function onWhole(cluster: RunningCluster, cause: Cause): Cause {
  return { ...cause, before: (tools) => mend(cluster, tools) };
}

/**
 * On a machine with too much to do a server may lose its session with ZooKeeper and end, as it
 * should: a fault more than was asked for, told, and mended.
 */
async function mend({ processes }: RunningCluster, { changes, facts }: Tools): Promise<void> {
  for (const name of ['master', 'rs1', 'rs2'] as const) {
    if (processes[name].state() !== 'ended') continue;
    facts.push(`${name} had ended by itself, and was started again`);
    await processes[name].restart();
  }
  await until(async () => (await changes.servers()).length === 2, noticeTimeoutMs);
}

/** Seen to hit: the client had to look for regions anew. */
function changed(name: string, change: (tools: Tools) => Promise<void>): Cause {
  return {
    name,
    run: async (tools) => {
      const before = tools.relocations();
      await change(tools);
      await until(() => tools.relocations() > before, 10_000).catch(() => undefined);
      return tools.relocations() > before;
    },
  };
}

/** A moment in which the server owes answers; false: there was none. */
async function inFlight(proxy: CuttingProxy): Promise<boolean> {
  return await until(() => proxy.underWay > 0, 5_000).then(
    () => true,
    () => false,
  );
}

/** Its regions have been given to others. */
async function untilElsewhere(
  { changes, counts, claims }: Tools,
  server: ClusterProcess,
): Promise<void> {
  for (const { table } of [counts, claims]) {
    await until(async () => {
      const regions = await changes.regions(table).catch(() => null);
      return regions?.every((region) => region.server.port !== server.port) === true;
    }, noticeTimeoutMs);
  }
}

async function spreadAgain(cluster: RunningCluster, tools: Tools): Promise<void> {
  await mend(cluster, tools);
  const { changes, counts, claims } = tools;
  for (const { table } of [counts, claims]) await changes.spread(table);
}

function proxyOf({ proxies }: Tools, { port }: ClusterProcess): CuttingProxy {
  const proxy = proxies.all.find(({ target }) => target.port === port);
  if (proxy === undefined) throw new Error(`there is no proxy before port ${port}`);
  return proxy;
}
