// The way to ZooKeeper, each server of the quorum by itself, and what HBase keeps there.
// A quorum outlives some of its servers, and the client passes them over: that is a warning.
import type { Config } from '../config.ts';
import { clusterPaths, readZnodes } from '../hbase/cluster-znodes.ts';
import type { ClusterZnodes } from '../hbase/cluster-znodes.ts';
import { dial } from '../hbase/dialing.ts';
import type { NotDialled } from '../hbase/dialing.ts';
import { ZooKeeperFailure, ZooKeeperSession } from '../hbase/zookeeper-session.ts';
import {
  doctorPathsMax,
  doctorServersConcurrentMax,
  doctorServersMax,
  doctorStepMs,
} from '../limits.ts';
import { toError } from '../model/errors.ts';
import { checkOf, inParallel, type Check } from './check.ts';

export interface ZooKeeperFindings {
  readonly checks: readonly Check[];
  /** Null: nothing that follows can be checked. */
  readonly znodes: ClusterZnodes | null;
}

interface Asked {
  readonly check: Check;
  readonly session: ZooKeeperSession | null;
}

export async function checkZooKeeper(config: Config): Promise<ZooKeeperFindings> {
  const hosts = config.hbaseZookeeper;
  const asked = await inParallel(hosts, doctorServersConcurrentMax, askHost);
  const standing = asked.flatMap(({ session }) => session ?? []);
  try {
    const [session] = standing;
    const checks = asked.map(({ check }) =>
      session !== undefined && check.outcome === 'fail' ? softened(check) : check,
    );
    if (session === undefined) {
      const why = 'no ZooKeeper server answers';
      return {
        checks: [...checks, checkOf('znode', config.hbaseZnode).skipped(why)],
        znodes: null,
      };
    }
    const { check, znodes } = await checkZnode(session, config.hbaseZnode);
    return { checks: [...checks, check], znodes };
  } finally {
    for (const session of standing) session.close();
  }
}

/** The others of the quorum do. */
function softened(check: Check): Check {
  return { ...check, outcome: 'warn' };
}

async function askHost(text: string): Promise<Asked> {
  const { ok, fail } = checkOf('zookeeper', text);
  const colon = text.lastIndexOf(':');
  const host = text.slice(0, colon).replaceAll(/^\[|\]$/g, '');
  const startMs = performance.now();
  const dialled = await dial({ host, port: Number(text.slice(colon + 1)) }, doctorStepMs);
  if (dialled.step !== 'connected') {
    return { check: notDialled(text, dialled, performance.now() - startMs), session: null };
  }
  try {
    const session = await ZooKeeperSession.open(dialled.socket, doctorStepMs);
    const ms = performance.now() - startMs;
    return { check: ok(`${dialled.addresses.join(', ')}, a session stands`, { ms }), session };
  } catch (thrown) {
    const ms = performance.now() - startMs;
    const [seen, cause, fix] = noSession(thrown);
    return { check: fail(seen, { ms, cause, fix: [fix] }), session: null };
  }
}

function notDialled(text: string, dialled: NotDialled, ms: number): Check {
  const { fail } = checkOf('zookeeper', text);
  const { step, code, addresses } = dialled;
  if (step === 'unresolved') {
    return fail(`its name does not resolve (${code})`, {
      ms,
      cause: 'It is misspelt, or known only in another network (a container network, a VPN).',
      fix: ['Set ADCOUNTER_HBASE_ZOOKEEPER to names or addresses that this machine knows.'],
    });
  }
  const where = addresses.join(', ');
  if (code === 'ECONNREFUSED') {
    return fail(`${where} refuses the connection`, {
      ms,
      cause:
        'ZooKeeper is not running there, listens on another port or on loopback only, or the port of its container is not published.',
      fix: [
        'Start it, or correct the port in ADCOUNTER_HBASE_ZOOKEEPER (2181 by default); for a container publish the port (-p 2181:2181).',
      ],
    });
  }
  return fail(`${where} does not answer (${code})`, {
    ms,
    cause:
      'A firewall or security group drops packets, the host is down, or the address is of another network.',
    fix: ['Open the port from this machine, or correct ADCOUNTER_HBASE_ZOOKEEPER.'],
  });
}

function noSession(thrown: unknown): readonly [seen: string, cause: string, fix: string] {
  const kind = thrown instanceof ZooKeeperFailure ? thrown.kind : 'other-service';
  const heard = thrown instanceof ZooKeeperFailure ? thrown.heard : toError(thrown).message;
  const correct = 'Correct host and port in ADCOUNTER_HBASE_ZOOKEEPER; ZooKeeper is at 2181.';
  switch (kind) {
    case 'other-service':
      return [
        `it is no ZooKeeper${heard === '' ? '' : `: it answers "${heard}"`}`,
        heard.startsWith('HTTP')
          ? 'A web server listens there (16010 and 16030 are web pages of HBase, 8080 is one of ZooKeeper).'
          : 'Another service listens there.',
        correct,
      ];
    case 'silent':
      return [
        'it accepts the connection and says nothing',
        'Another service listens there, a proxy has nobody behind it, or ZooKeeper is paused.',
        correct,
      ];
    case 'closed':
      return [
        'it closes the connection without a session',
        'The quorum has no majority or is starting, it demands TLS, or has too many connections from here (maxClientCnxns).',
        'Look at the log of ZooKeeper, and at its other servers.',
      ];
    case 'refused':
    case 'forbidden':
      break;
  }
  return [
    'it refuses the session',
    'ZooKeeper demands a login (SASL, Kerberos), which adcounter does not do.',
    'Use a cluster with simple authentication in a trusted network.',
  ];
}

async function checkZnode(
  session: ZooKeeperSession,
  znode: string,
): Promise<{ readonly check: Check; readonly znodes: ClusterZnodes | null }> {
  const { ok, fail } = checkOf('znode', znode);
  const startMs = performance.now();
  try {
    const znodes = await readZnodes(session, znode, doctorServersMax);
    const ms = performance.now() - startMs;
    if (znodes === null) {
      const others = await clusterPaths(session, doctorPathsMax);
      return { check: noZnode(znode, others), znodes: null };
    }
    const { master, metaServer, regionServers } = znodes;
    const lacks = [
      ...(master === null ? ['no active master'] : []),
      ...(metaServer === null ? ['no server of meta'] : []),
      ...(regionServers.length === 0 ? ['no region server'] : []),
    ];
    const count = `${regionServers.length} region server${regionServers.length === 1 ? '' : 's'}`;
    if (lacks.length === 0) {
      return { check: ok(`master, server of meta and ${count} are registered`, { ms }), znodes };
    }
    const cause = 'HBase is starting, stopped, or has crashed.';
    const fix = ['Wait until it is up, or look at the logs of its master and region servers.'];
    return { check: fail(`${lacks.join(', ')} registered`, { ms, cause, fix }), znodes };
  } catch (thrown) {
    const forbidden = thrown instanceof ZooKeeperFailure && thrown.kind === 'forbidden';
    const seen = forbidden ? 'ZooKeeper does not let us read it' : 'it cannot be read';
    const cause = forbidden
      ? 'HBase is secured by Kerberos: its znodes have access lists.'
      : `The session broke: ${toError(thrown).message}.`;
    const fix = forbidden
      ? ['Use a cluster with simple authentication in a trusted network.']
      : ['Run this again; if it stays, look at the log of ZooKeeper.'];
    return { check: fail(seen, { cause, fix }), znodes: null };
  }
}

function noZnode(znode: string, others: readonly string[]): Check {
  const { fail } = checkOf('znode', znode);
  const [first] = others;
  if (first === undefined) {
    return fail('there is no such znode, nor another one of HBase', {
      cause:
        'HBase was never started with this ZooKeeper, or this is the ZooKeeper of another cluster.',
      fix: ['Start HBase, or correct ADCOUNTER_HBASE_ZOOKEEPER.'],
    });
  }
  return fail(`there is no such znode; HBase keeps its names under ${others.join(', ')}`, {
    cause: 'zookeeper.znode.parent of this cluster is not the one that adcounter was told.',
    fix: others.map((other) => `ADCOUNTER_HBASE_ZNODE=${other}`),
  });
}
