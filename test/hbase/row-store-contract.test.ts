// The contract of every row store, on a real HBase.
import { sharedHBase } from './server/shared.ts';
import { HBaseRowStore } from '../../src/store/hbase/hbase-row-store.ts';
import { rowStoreContract } from '../store/row-store-contract.ts';
import { clientOptions } from './client-options.ts';
import { describeWithJava } from './with-hbase.ts';

describeWithJava('contract: hbase', () => {
  rowStoreContract(async () => {
    const { zookeeper } = await sharedHBase();
    const store = new HBaseRowStore({
      ...clientOptions(zookeeper),
      tablePrefix: `contract${process.pid}_`,
      salts: 16,
      retentionDays: 400,
    });
    await store.createTables({ timeoutMs: 60_000 });
    return store;
  });
});
