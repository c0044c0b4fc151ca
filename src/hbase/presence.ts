// Whether a server that answers nothing is there at all. ZooKeeper knows: a server's name stands
// there as long as its session, and only when that has ended are its regions given to others. So
// one that collects garbage is waited for, and one that is dark is left when the master leaves it.
// Promises one look at a time and few a second, by all calls together; when ZooKeeper does not
// answer, nobody is gone. Never ends anything.
import { hbasePacesMax, hbasePresenceKeptMs, hbaseZooKeeperAttemptMsMax } from '../limits.ts';
import type { Service } from './handshake.ts';
import { Deadline } from './deadline.ts';
import type { Discovery } from './discovery.ts';
import { toCounterError } from './failures.ts';
import { addressText } from './host-map.ts';
import type { ServerAddress } from './host-map.ts';

type Role = 'master' | 'region server';

/** Null: ZooKeeper did not say. */
type Present = ReadonlySet<string> | null;

export class Presence {
  readonly #discovery: Discovery;
  readonly #looks = new Map<Role, { endedMs: number; readonly present: Promise<Present> }>();
  readonly #gone = new Set<string>();

  constructor(discovery: Discovery) {
    this.#discovery = discovery;
  }

  /** Without a look: when somebody looked last, it was not there. */
  wasGone(server: ServerAddress, service: Service): boolean {
    return this.#gone.size > 0 && this.#gone.has(keyOf(server, roleOf(service)));
  }

  /** False: it is there, or nobody knows. */
  async isGone(server: ServerAddress, service: Service): Promise<boolean> {
    const role = roleOf(service);
    const present = await this.#present(role);
    const key = keyOf(server, role);
    if (present === null || present.has(addressText(server))) {
      this.#gone.delete(key);
      return false;
    }
    // What is forgotten is looked for again when it is silent again.
    if (this.#gone.size >= hbasePacesMax) this.#gone.clear();
    this.#gone.add(key);
    return true;
  }

  async #present(role: Role): Promise<Present> {
    const last = this.#looks.get(role);
    if (last !== undefined && performance.now() - last.endedMs < hbasePresenceKeptMs) {
      return await last.present;
    }
    const look = { endedMs: Infinity, present: this.#look(role) };
    this.#looks.set(role, look);
    void look.present.then(() => (look.endedMs = performance.now()));
    return await look.present;
  }

  async #look(role: Role): Promise<Present> {
    const deadline = new Deadline({ timeoutMs: hbaseZooKeeperAttemptMsMax });
    try {
      if (role === 'region server') return await this.#discovery.regionServers(deadline);
      const { hostName: host, port } = await this.#discovery.master(deadline);
      return new Set([addressText({ host, port })]);
    } catch (error) {
      // The master's name goes with its session.
      const notThere = toCounterError(error).code === 'STORE_NOT_READY';
      return role === 'master' && notThere ? new Set() : null;
    }
  }
}

function roleOf(service: Service): Role {
  return service === 'MasterService' ? 'master' : 'region server';
}

function keyOf(server: ServerAddress, role: Role): string {
  return `${role} ${addressText(server)}`;
}
