// The parts of hbase-rpc-client 0.1.15 that are left in use, as they behave (it brings no types).

declare module 'hbase-rpc-client/lib/client.js' {
  import { EventEmitter } from 'node:events';
  import type { Socket } from 'node:net';

  /** Of the package beneath; its code is ZooKeeper's. */
  export interface ZooKeeperError extends Error {
    readonly code: number;
  }

  export interface ZooKeeperClient {
    getData(path: string, callback: (error: ZooKeeperError | null, data?: Buffer) => void): void;
    close(callback?: () => void): void;
    /** Makes the client beneath; called again, after a while, when a session expires. */
    _newZK(): void;
    readonly zk: {
      readonly connectionManager: ConnectionManager;
      getChildren(
        path: string,
        callback: (error: ZooKeeperError | null, names?: readonly string[]) => void,
      ): void;
    };
  }

  export interface ConnectionManager {
    socket?: Socket;
    connectTimeoutHandler: NodeJS.Timeout | null;
    /** The longest wait before it tries all hosts again. */
    spinDelay: number;
    updateTimeout(sessionTimeoutMs: number): void;
    /** Looked up anew for each socket; throws on bytes that are no ZooKeeper's. */
    onSocketData(bytes: Buffer): void;
    /** Looked up anew for each attempt; answers in a later turn. */
    findNextServer(connect: (server: unknown) => void): void;
  }

  /** Opens a ZooKeeper session at once; emits 'error' when it does not stand in time. */
  export default class Client extends EventEmitter {
    constructor(options: {
      readonly zookeeperHosts: readonly string[];
      readonly zookeeperRoot: string;
      readonly rpcTimeout: number;
      readonly zookeeperReconnectTimeout: number;
    });
    readonly zk: ZooKeeperClient;
    /** Called when the session stands. */
    protected _zkWatch(): void;
  }
}

declare module 'hbase-rpc-client/lib/connection.js' {
  import { EventEmitter } from 'node:events';
  import type { Socket } from 'node:net';

  /** Opens a socket at once; emits 'close' when it ends, more than once. */
  export default class Connection extends EventEmitter {
    constructor(options: {
      readonly host: string;
      readonly port: number;
      readonly tcpNoDelay: boolean;
      readonly tcpKeepAlive: boolean;
    });
    readonly socket: Socket;
    /** Called by the constructor: opens the socket by setupConnection, then the handshake. */
    setupIOStreams(): void;
    setupConnection(): void;
    _handleError(error: Error): void;
  }
}
