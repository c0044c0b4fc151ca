// The way to the master and to every region server, under the names that they registered.
import type { Config } from '../config.ts';
import type { ClusterZnodes } from '../hbase/cluster-znodes.ts';
import type { ClusterReport, Diagnosis } from '../hbase/diagnosis.ts';
import type { HostMap, ServerAddress } from '../hbase/host-map.ts';
import { addressText } from '../hbase/host-map.ts';
import { doctorServersConcurrentMax, doctorServersMax } from '../limits.ts';
import type { Clock } from '../model/clock.ts';
import { checkOf, inParallel, type Check } from './check.ts';
import {
  hostnameSetting,
  isLoopback,
  mappedFixes,
  nameCause,
  nameFixes,
  type FixContext,
} from './host-names.ts';
import { lookAt, type Role, type ServerLook } from './server-look.ts';

export interface ServerFindings {
  readonly checks: readonly Check[];
  /** Region servers that answered, by `name:port`. */
  readonly answering: ReadonlySet<string>;
  /** What the master knows of the servers, and when it said so; null: it does not answer. */
  readonly report: { readonly cluster: ClusterReport; readonly atMs: number } | null;
}

interface Target {
  readonly role: Role;
  readonly server: ServerAddress;
  readonly version: string | null;
}

export async function checkServers(
  { config, clock }: { readonly config: Config; readonly clock: Clock },
  znodes: ClusterZnodes,
  diagnosis: Diagnosis,
): Promise<ServerFindings> {
  const targets = targetsOf(znodes);
  const { hbaseHostMap: hostMap } = config;
  let report: ServerFindings['report'] = null;
  const ask = async ({ role, server }: Target): Promise<void> => {
    if (role === 'region-server') return await diagnosis.regionServerAnswers(server);
    const cluster = await diagnosis.clusterReport(server);
    report = { cluster, atMs: clock.wallMs() };
  };
  const looks = await inParallel(
    targets.slice(0, doctorServersMax),
    doctorServersConcurrentMax,
    async (target) => await lookAt(target, { hostMap, ask: async () => await ask(target) }),
  );
  const context = {
    hostMap: config.hbaseHostMap,
    zookeeper: config.hbaseZookeeper.map((text) => text.slice(0, text.lastIndexOf(':'))),
  };
  const failing = looks.filter(
    (look) =>
      look.mapped === null &&
      (look.step === 'unresolved' || look.step === 'unconnected') &&
      !hasStoppedHere(look, context),
  );
  const fixes = nameFixes(failing, context);
  const checks = looks.map((look, i) =>
    judged(look, { fixes, context, version: targets[i]?.version ?? null }),
  );
  const left = targets.length - looks.length;
  if (left > 0) {
    const why = `${left} more are not looked at: the first ${doctorServersMax} are enough`;
    checks.push(checkOf('region-server', 'others').skipped(why));
  }
  checks.push(...checkHostMap(config, targets));
  const answering = looks.filter(
    ({ step, role }) => step === 'answered' && role === 'region-server',
  );
  const names = answering.map(({ server }) => addressText(server));
  return { checks, answering: new Set(names), report };
}

function targetsOf({ master, metaServer, regionServers }: ClusterZnodes): readonly Target[] {
  const targets: Target[] = [];
  if (master !== null) targets.push({ role: 'master', server: master, version: null });
  for (const { address, version } of regionServers) {
    targets.push({ role: 'region-server', server: address, version });
  }
  const known = targets.map(({ server }) => addressText(server));
  // Listed nowhere else while its registration is gone, or where a master holds meta.
  if (metaServer !== null && !known.includes(addressText(metaServer))) {
    targets.push({ role: 'region-server', server: metaServer, version: null });
  }
  return targets;
}

function judged(
  look: ServerLook,
  around: {
    readonly fixes: readonly string[];
    readonly context: FixContext;
    readonly version: string | null;
  },
): Check {
  const { addresses, step, ms, mapped, server } = look;
  const { ok, warn, fail } = checkOf(look.role, addressText(server));
  const fix = mapped === null ? around.fixes : mappedFixes(look);
  const via = mapped === null ? '' : `mapped to ${addressText(mapped)}, `;
  const where = addresses.join(', ');
  switch (step) {
    case 'unresolved':
      return fail(`${via}the name does not resolve (${look.code})`, {
        ms,
        cause: nameCause(look),
        fix,
      });
    case 'unconnected': {
      if (hasStoppedHere(look, around.context)) {
        return fail(`${where} refuses the connection`, { ms, ...stoppedHere });
      }
      const what = look.code === 'ECONNREFUSED' ? 'refuses the connection' : 'does not answer';
      const code = look.code === 'ECONNREFUSED' ? '' : ` (${look.code})`;
      return fail(`${via}${where} ${what}${code}`, {
        ms,
        cause: nameCause(look),
        fix,
      });
    }
    case 'unanswered':
      return fail(`${via}${where} is connected and gives no answer: ${look.message}`, {
        ms,
        ...adviceOf(look),
      });
    case 'answered':
      break;
  }
  const times = `connected in ${msText(look.connectMs)}, answered in ${msText(look.answerMs)}`;
  const version = around.version === null ? '' : `, HBase ${around.version}`;
  const seen = `${via}${where}, ${times}${version}`;
  const local = addresses.every((address) => isLoopback(address));
  const remote = around.context.zookeeper.every((host) => !isLoopback(host));
  if (mapped !== null || !local || !remote) return ok(seen, { ms });
  const setting = hostnameSetting[look.role];
  return warn(`${seen}; the name leads to this machine itself, ZooKeeper is elsewhere`, {
    ms,
    cause: nameCause(look),
    fix: [
      `Let HBase register under a name that is valid from other machines: ${setting} in hbase-site.xml.`,
    ],
  });
}

/** HBase as a whole is on this machine, and nobody listens where the server registered. */
function hasStoppedHere(look: ServerLook, { zookeeper }: FixContext): boolean {
  const { mapped, code, addresses } = look;
  if (mapped !== null || code !== 'ECONNREFUSED') return false;
  return [...addresses, ...zookeeper].every((host) => isLoopback(host));
}

const stoppedHere = {
  cause:
    'The name leads to this machine, where ZooKeeper is too, and nobody listens on that port: the process has stopped, and ZooKeeper has not noticed yet.',
  fix: ['Start it, or look at its log; within its session time ZooKeeper forgets it by itself.'],
};

function adviceOf({ code, role }: ServerLook): { cause: string; fix: readonly string[] } {
  switch (code) {
    case 'STORE_ACCESS_DENIED':
      return {
        cause: 'HBase takes nobody without Kerberos, or not this user (simple authentication).',
        fix: [
          'Use a cluster with hbase.security.authentication=simple in a trusted network, or a user that it knows (ADCOUNTER_HBASE_USER).',
        ],
      };
    case 'STORE_REPLY_INVALID':
      return {
        cause:
          'What listens there is no HBase of version 2: another service, or a web page of HBase (16010, 16030).',
        fix: ['Correct ADCOUNTER_HBASE_HOST_MAP, or what is published under that port.'],
      };
    case 'STORE_UNREACHABLE':
    case 'STORE_CONNECTION_LOST':
      return {
        cause:
          'It hangs up at the handshake: HBase demands TLS or Kerberos, or a proxy has nobody behind it.',
        fix: ['Look at the log of that server at this moment.'],
      };
    case 'STORE_TIMEOUT':
      return {
        cause:
          'The process is paused or overloaded (a long garbage collection), or a proxy has nobody behind it.',
        fix: ['Look at the log and the load of that server.'],
      };
    default:
      return {
        cause: `The ${role === 'master' ? 'master' : 'server'} is starting, stopping, or in trouble.`,
        fix: ['Run this again in a minute; if it stays, look at the log of that server.'],
      };
  }
}

/** An entry that is of no server helps nobody, and was meant for one. */
function checkHostMap({ hbaseHostMap }: Config, targets: readonly Target[]): readonly Check[] {
  if (hbaseHostMap.size === 0) return [];
  const { ok, warn } = checkOf('host-map');
  const [twice] = sharedPlaces(hbaseHostMap, targets);
  if (twice !== undefined) {
    return [
      warn(`${twice.servers.join(' and ')} lead to one place, ${twice.place}`, {
        cause: 'One of them is asked for what the other holds.',
        fix: ['Correct ADCOUNTER_HBASE_HOST_MAP: each server has an address or port of its own.'],
      }),
    ];
  }
  const known = new Set(targets.map(({ server }) => addressText(server)));
  const unused = [...hbaseHostMap.keys()].filter((name) => !known.has(name));
  if (unused.length === 0) return [ok(`every entry is of a server (${hbaseHostMap.size})`)];
  return [
    warn(`no server registered as ${unused.join(', ')}`, {
      cause: 'An entry counts for exactly the name and port under which a server registered.',
      fix: [
        `Correct or remove it in ADCOUNTER_HBASE_HOST_MAP. Registered: ${[...known].join(', ')}.`,
      ],
    }),
  ];
}

/** Places that more than one region server is sought at, by the map. */
function sharedPlaces(
  hostMap: HostMap,
  targets: readonly Target[],
): readonly { readonly place: string; readonly servers: readonly string[] }[] {
  const byPlace = new Map<string, string[]>();
  for (const { role, server } of targets) {
    const name = addressText(server);
    if (role === 'master') continue;
    const to = hostMap.get(name) ?? server;
    const place = addressText({ ...to, host: isLoopback(to.host) ? 'localhost' : to.host });
    byPlace.set(place, [...(byPlace.get(place) ?? []), name]);
  }
  return [...byPlace]
    .filter(([, names]) => names.length > 1 && names.some((name) => hostMap.has(name)))
    .map(([place, servers]) => ({ place, servers }));
}

function msText(ms: number): string {
  return `${ms < 10 ? ms.toFixed(1) : ms.toFixed(0)} ms`;
}
