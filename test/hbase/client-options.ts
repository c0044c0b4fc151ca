// How the suites open a client; apart from with-hbase.ts, which only runs under jest.
import type { HBaseClientOptions } from '../../src/hbase/hbase-client.ts';
import { silentObserver } from '../../src/hbase/observer.ts';

export const inTime = { timeoutMs: 30_000 };

export function clientOptions(zookeeper: string): HBaseClientOptions {
  return {
    zookeeper,
    znode: '/hbase',
    hostMap: new Map(),
    user: 'adcounter',
    durability: 'sync_wal',
    rpcTimeoutMs: 10_000,
    observer: silentObserver,
  };
}
