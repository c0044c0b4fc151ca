// Why the name of a server leads nowhere from here, and what helps. HBase's servers register under
// the name that their own machine has; in a container that is its id, or a name that only the
// network of the containers knows. Words alone: nothing here looks at anything.
import type { HostMap } from '../hbase/host-map.ts';
import { addressText } from '../hbase/host-map.ts';
import type { Role, ServerLook } from './server-look.ts';

export function nameCause({ server, step, code, addresses, mapped }: ServerLook): string {
  const name = mapped === null ? server.host : mapped.host;
  if (mapped !== null && step === 'unresolved') {
    return `ADCOUNTER_HBASE_HOST_MAP leads to ${name}, a name that this machine does not know.`;
  }
  const kind = kindOf(name);
  if (step === 'unresolved') {
    const why = code === 'TIMEOUT' ? 'the name server did not answer in time' : kind;
    return `HBase registered under this name in ZooKeeper; ${why}.`;
  }
  const where = addresses.join(', ');
  if (mapped !== null) {
    return `ADCOUNTER_HBASE_HOST_MAP leads to ${addressText(mapped)}, where ${nobody(code)}.`;
  }
  if (addresses.some((address) => isLoopback(address))) {
    return (
      'The name leads to this machine itself: the server registered under localhost, or under ' +
      "a name that this machine's hosts file has at loopback."
    );
  }
  return `The name leads to ${where}, where ${nobody(code)}.`;
}

/** The same for all that fail alike, so that one line is copied once. */
export function nameFixes(failing: readonly ServerLook[], context: FixContext): readonly string[] {
  const roles = new Set(failing.map(({ role }) => role));
  const options = [...roles].map((role) => hostnameSetting[role]).join(' and ');
  const [first] = failing;
  const name = first?.server.host ?? '';
  const address = addressFor(first, failing, context);
  return [
    'Tell adcounter where each of them is reached from here, and publish these ports:',
    hostMapLine(failing, context),
    `Let this machine know the names: a line "${address} ${name}" in its /etc/hosts, or in a compose file under adcounter extra_hosts: ["${name}:${address}"].`,
    `Let HBase register under a name or address that is valid from here: ${options} in hbase-site.xml, or docker run --hostname (hostname: in a compose file), and restart it.`,
  ];
}

export function mappedFixes({ server }: ServerLook): readonly string[] {
  const name = addressText(server);
  return [
    `Correct the entry ${name}=... of ADCOUNTER_HBASE_HOST_MAP: it names the address and the port at which this machine reaches that server, and that port has to be published.`,
  ];
}

export interface FixContext {
  readonly hostMap: HostMap;
  /** Hosts of the quorum, as the operator wrote them. */
  readonly zookeeper: readonly string[];
}

export const hostnameSetting: Readonly<Record<Role, string>> = {
  master: 'hbase.master.hostname',
  'region-server': 'hbase.regionserver.hostname',
};

/** What is mapped already stays, with what fails added. */
function hostMapLine(failing: readonly ServerLook[], context: FixContext): string {
  const entries = new Map([...context.hostMap].map(([name, to]) => [name, addressText(to)]));
  for (const look of failing) {
    const to = addressFor(look, failing, context);
    entries.set(addressText(look.server), `${to}:${look.server.port}`);
  }
  const pairs = [...entries].map(([name, to]) => `${name}=${to}`);
  return `ADCOUNTER_HBASE_HOST_MAP=${pairs.join(',')}`;
}

/** One machine may hold all of it: then the servers are where ZooKeeper is. */
function addressFor(
  look: ServerLook | undefined,
  failing: readonly ServerLook[],
  { zookeeper }: FixContext,
): string {
  const ports = new Set(failing.map(({ server }) => server.port));
  const [only] = zookeeper;
  const oneMachine = zookeeper.length === 1 && ports.size === failing.length;
  if (oneMachine && only !== undefined) return only;
  return `<address-of-${look?.server.host ?? 'server'}>`;
}

function kindOf(name: string): string {
  if (/^[0-9a-f]{12}$/.test(name)) {
    return 'it is the id of a container, which only the network of that container knows';
  }
  if (/\.(svc|pod)(\.|$)|cluster\.local$/.test(name)) {
    return 'it is a name of Kubernetes, known only inside of that cluster';
  }
  if (!name.includes('.')) {
    return (
      'a short name like this is known only in the network of its container or cluster, ' +
      'or needs a search domain'
    );
  }
  return "this machine's name servers and hosts file do not know it";
}

function nobody(code: string): string {
  if (code === 'ECONNREFUSED') return 'nobody listens on that port (not published, or stopped)';
  if (code === 'TIMEOUT') {
    return 'nobody answers (a firewall, a network of containers, or a host that is down)';
  }
  return `the network says ${code}`;
}

export function isLoopback(address: string): boolean {
  return /^127\.|^::1$|^localhost$/.test(address);
}
