// One contract, every store: the fake, the embedded store, HBase. The reporter compares how many
// tests each passed through.
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, describe } from '@jest/globals';
import { EmbeddedRowStore } from '../../src/store/embedded/embedded-row-store.ts';
import { HBaseRowStore } from '../../src/store/hbase/hbase-row-store.ts';
import { clientOptions } from '../hbase/client-options.ts';
import { sharedHBase } from '../hbase/server/shared.ts';
import { describeWithJava } from '../hbase/with-hbase.ts';
import { MemoryRowStore } from '../support/memory-row-store.ts';
import { rowStoreContract } from './row-store-contract.ts';

describe('contract: memory', () => {
  rowStoreContract(() => Promise.resolve(new MemoryRowStore()));
});

describe('contract: embedded', () => {
  const folders: string[] = [];
  afterAll(async () => {
    for (const folder of folders) await rm(folder, { recursive: true });
  });
  rowStoreContract(async () => {
    const dataDir = await mkdtemp(join(tmpdir(), 'adcounter-store-'));
    folders.push(dataDir);
    return EmbeddedRowStore.open({ dataDir });
  });
});

describeWithJava('contract: hbase', () => {
  rowStoreContract(async () => {
    const { zookeeper } = await sharedHBase();
    const store = new HBaseRowStore({
      ...clientOptions(zookeeper),
      tablePrefix: `contract${process.pid}_${Date.now()}_`,
      salts: 16,
      retentionDays: 400,
    });
    await store.createTables({ timeoutMs: 60_000 });
    return store;
  });
});
