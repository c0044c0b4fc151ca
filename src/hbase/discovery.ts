// Where the master and the meta region are: read from ZooKeeper, by hbase-rpc-client's client.
// A session lives for one question and no longer, so nothing is left to expire or to watch;
// questions are rare, since their answers are kept until they prove wrong. Never keeps answers.
import Client from 'hbase-rpc-client/lib/client.js';
import type { ConnectionManager } from 'hbase-rpc-client/lib/client.js';
import { CounterError } from '../model/errors.ts';
import { hbaseRetryWaitMs, hbaseZooKeeperAttemptMsMax } from '../limits.ts';
import type { Deadline } from './deadline.ts';
import { closedFailure } from './failures.ts';
import { messages } from './messages.ts';
import type { ServerNameMessage } from './messages.ts';

export interface Discovery {
  master(deadline: Deadline): Promise<ServerNameMessage>;
  metaServer(deadline: Deadline): Promise<ServerNameMessage>;
  close(): void;
}

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
  readonly #questions = new Map<string, Promise<Buffer>>();
  #closed = false;

  constructor(options: { readonly quorum: string; readonly znode: string }) {
    this.#hosts = options.quorum.split(',').map((host) => host.trim());
    this.#znode = options.znode;
  }

  async master(deadline: Deadline): Promise<ServerNameMessage> {
    return messages.master.decode(await this.#read('/master', deadline)).master;
  }

  async metaServer(deadline: Deadline): Promise<ServerNameMessage> {
    const bytes = await this.#read('/meta-region-server', deadline);
    return messages.metaRegionServer.decode(bytes).server;
  }

  close(): void {
    this.#closed = true;
    for (const end of this.#sessions) end();
  }

  /** Many may ask at once: one session answers them all, and each waits as long as it can. */
  async #read(path: string, deadline: Deadline): Promise<Buffer> {
    if (this.#closed) throw closedFailure();
    let question = this.#questions.get(path);
    if (question === undefined) {
      question = this.#ask(path).finally(() => this.#questions.delete(path));
      this.#questions.set(path, question);
    }
    return await deadline.race(question, () => unreachable(this.#hosts, null));
  }

  #ask(path: string): Promise<Buffer> {
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
    return new Promise<Buffer>((resolve, reject) => {
      let ended = false;
      let timer: NodeJS.Timeout | undefined;
      const end = (outcome: Buffer | CounterError): void => {
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
      zk.getData(path, (error, data) => {
        const bytes = data === undefined ? null : payload(data);
        end(error === null && bytes !== null ? bytes : notThere(this.#znode + path, error));
      });
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
