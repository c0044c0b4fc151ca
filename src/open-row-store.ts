// Chooses the store that an operator configured and opens it: the one place that knows both.
import type { Config } from './config.ts';
import type { HBaseObserver } from './hbase/observer.ts';
import { nodeDisk } from './journal/disk.ts';
import type { Log } from './log.ts';
import type { Metrics } from './metrics.ts';
import { EmbeddedRowStore } from './store/embedded/embedded-row-store.ts';
import { HBaseRowStore } from './store/hbase/hbase-row-store.ts';
import { saltsDefault } from './store/layout.ts';
import type { RowStore } from './store/row-store.ts';

/**
 * HBase is not spoken to yet: it may be out of reach. Fails with `STORE_LOCKED` where another
 * process holds the embedded store.
 */
export async function openRowStore(config: Config, log: Log, metrics: Metrics): Promise<RowStore> {
  if (config.store === 'embedded') {
    await nodeDisk.makeFolder(config.dataDir);
    return EmbeddedRowStore.open({ dataDir: config.dataDir });
  }
  return new HBaseRowStore({
    zookeeper: config.hbaseZookeeper.join(','),
    znode: config.hbaseZnode,
    hostMap: config.hbaseHostMap,
    user: config.hbaseUser,
    durability: config.hbaseDurability,
    rpcTimeoutMs: config.hbaseRpcTimeoutMs,
    tablePrefix: config.hbaseTablePrefix,
    salts: config.hbaseSalts ?? saltsDefault,
    retentionDays: config.retentionDays,
    observer: observerOf(log, metrics),
  });
}

function observerOf(log: Log, metrics: Metrics): HBaseObserver {
  return {
    request: (op, outcome, seconds) =>
      metrics.storeRequest(op, outcome === 'ok' ? 'success' : 'error', seconds),
    retry: (op) => metrics.storeRetry(op),
    relocation: () => metrics.storeRelocation(),
    connections: (connections) => metrics.storeConnections(connections),
    log: (event, fields) => log.info(event, 'HBase, as its client sees it', fields),
  };
}
