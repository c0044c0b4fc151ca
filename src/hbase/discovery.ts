// Where the master and the meta region are, and which region servers are there at all: read from
// ZooKeeper, by hbase-rpc-client's client.
// A session lives for one question and no longer, so nothing is left to expire or to watch;
// questions are rare, since their answers are kept until they prove wrong. Never keeps answers.
import Client from 'hbase-rpc-client/lib/client.js';
import type { ConnectionManager, ZooKeeperError } from 'hbase-rpc-client/lib/client.js';
import { CounterError } from '../model/errors.ts';
import { hbaseRetryWaitMs, hbaseZooKeeperAttemptMsMax } from '../limits.ts';
import type { Deadline } from './deadline.ts';
import { closedFailure } from './failures.ts';
import { messages } from './messages.ts';
import type { ServerNameMessage } from './messages.ts';

export interface Discovery {
  master(deadline: Deadline): Promise<ServerNameMessage>;
  metaServer(deadline: Deadline): Promise<ServerNameMessage>;
  /** `host:port` of each that has a session with ZooKeeper. */
  regionServers(deadline: Deadline): Promise<ReadonlySet<string>>;
  close(): void;
}

/** What a znode holds, or what is beneath it. */
interface Found {
  readonly message: Buffer;
  readonly names: readonly string[];
}

const empty = Buffer.alloc(0);
/** ZooKeeper's own word that there is no such path. */
const noNode = -101;

/** The package's class, told to stop at the session: what it would watch we ask for. */
class Session extends Client {
  protected override _zkWatch(): void {
    // Ends the package's own timer for an unreachable ZooKeeper.
    this.emit('ready');
  }
}

export class ZooKeeperDiscovery implements Discovery {
  readonly #hosts: readonly string[];
  readonly #znode: string;
  readonly #sessions = new Set<() => void>();
  readonly #questions = new Map<string, Promise<Found>>();
  #closed = false;

  constructor(options: { readonly quorum: string; readonly znode: string }) {
    this.#hosts = options.quorum.split(',').map((host) => host.trim());
    this.#znode = options.znode;
  }

  async master(deadline: Deadline): Promise<ServerNameMessage> {
    const { message } = await this.#read('/master', deadline);
    return messages.master.decode(message).master;
  }

  async metaServer(deadline: Deadline): Promise<ServerNameMessage> {
    const { message } = await this.#read('/meta-region-server', deadline);
    return messages.metaRegionServer.decode(message).server;
  }

  async regionServers(deadline: Deadline): Promise<ReadonlySet<string>> {
    const { names } = await this.#read('/rs', deadline);
    // `host,port,start`: a run of a server, under an ephemeral name.
    return new Set(names.map((name) => name.split(',', 2).join(':')));
  }

  close(): void {
    this.#closed = true;
    for (const end of this.#sessions) end();
  }

  /** Many may ask at once: one session answers them all, and each waits as long as it can. */
  async #read(path: '/master' | '/meta-region-server' | '/rs', deadline: Deadline): Promise<Found> {
    if (this.#closed) throw closedFailure();
    let question = this.#questions.get(path);
    if (question === undefined) {
      question = this.#ask(path).finally(() => this.#questions.delete(path));
      this.#questions.set(path, question);
    }
    return await deadline.race(question, () => unreachable(this.#hosts, null));
  }

  #ask(path: string): Promise<Found> {
    const session = new Session({
      zookeeperHosts: this.#hosts,
      zookeeperRoot: this.#znode,
      rpcTimeout: hbaseZooKeeperAttemptMsMax,
      // A session that is refused leaves a timer of this length, which does nothing here.
      zookeeperReconnectTimeout: hbaseRetryWaitMs,
    });
    const { zk } = session;
    const manager = zk.zk.connectionManager;
    manager.updateTimeout(hbaseZooKeeperAttemptMsMax);
    manager.spinDelay = hbaseRetryWaitMs;
    // One session is all there will be.
    // eslint-disable-next-line no-underscore-dangle -- the package's name
    zk._newZK = () => undefined;
    return new Promise<Found>((resolve, reject) => {
      let ended = false;
      let timer: NodeJS.Timeout | undefined;
      const end = (outcome: Found | CounterError): void => {
        if (ended) return;
        ended = true;
        clearTimeout(timer);
        this.#sessions.delete(onClose);
        endSession(session);
        if (outcome instanceof CounterError) reject(outcome);
        else resolve(outcome);
      };
      const onClose = (): void => end(closedFailure());
      this.#sessions.add(onClose);
      session.on('error', (error: unknown) => end(unreachable(this.#hosts, error)));
      guard(
        manager,
        (error) => end(unreachable(this.#hosts, error)),
        () => ended,
      );
      const answer = (error: ZooKeeperError | null, found: Found | null): void => {
        // A connection that is lost on the way says nothing about the path.
        if (error !== null && error.code !== noNode) end(unreachable(this.#hosts, error));
        else end(found ?? notThere(this.#znode + path, error));
      };
      if (path === '/rs') {
        zk.zk.getChildren(path, (error, names) => {
          answer(error, names === undefined ? null : { message: empty, names });
        });
      } else {
        zk.getData(path, (error, data) => {
          const message = data === undefined ? null : payload(data);
          answer(error, message === null ? null : { message, names: [] });
        });
      }
      // The package's own timer stops when the session stands; this one does not.
      timer = setTimeout(() => end(unreachable(this.#hosts, null)), hbaseZooKeeperAttemptMsMax);
    });
  }
}

/**
 * What listens may be no ZooKeeper: the package would throw on its bytes, inside a socket's
 * callback, and end the process. And it would go on connecting after the session was ended.
 */
function guard(
  manager: ConnectionManager,
  onBroken: (error: unknown) => void,
  hasEnded: () => boolean,
): void {
  const take = manager.onSocketData.bind(manager);
  manager.onSocketData = (bytes) => {
    try {
      take(bytes);
    } catch (error) {
      onBroken(error);
    }
  };
  const find = manager.findNextServer.bind(manager);
  manager.findNextServer = (connect) => {
    find((server) => {
      if (!hasEnded()) connect(server);
    });
  };
}

function endSession(session: Session): void {
  session.emit('ready');
  const { zk } = session;
  const manager = zk.zk.connectionManager;
  // The package opens its socket in the next tick, and cannot be closed before.
  if (manager.socket === undefined) {
    setImmediate(() => endSession(session));
    return;
  }
  zk.close(() => undefined);
  if (manager.connectTimeoutHandler !== null) clearTimeout(manager.connectTimeoutHandler);
  // What was written before (the end of the session) still goes out; to a host that never
  // answers it would for minutes.
  if (manager.socket.connecting) manager.socket.destroy();
  else manager.socket.destroySoon();
}

/** ff · length u32 of a name · the name · `PBUF` · the message. */
export function payload(data: Buffer): Buffer | null {
  if (data[0] !== 0xff || data.length < 5) return null;
  const start = 5 + data.readUInt32BE(1);
  const end = start + 4;
  return data.subarray(start, end).toString('latin1') === 'PBUF' ? data.subarray(end) : null;
}

function unreachable(hosts: readonly string[], cause: unknown): CounterError {
  return new CounterError('STORE_ZOOKEEPER_UNREACHABLE', 'retry', {
    detail: `no answer from ZooKeeper at ${hosts.join(',')}`,
    cause,
  });
}

function notThere(path: string, cause: Error | null): CounterError {
  return new CounterError('STORE_NOT_READY', 'retry', {
    detail: `${path} is not in ZooKeeper: HBase is starting, stopped, or under another znode`,
    cause,
  });
}
