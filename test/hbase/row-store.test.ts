// The HBase row store beyond the contract: tables that are made, compared, and reported as wrong.
import { expect, test } from '@jest/globals';
import { HBaseRowStore } from '../../src/store/hbase/hbase-row-store.ts';
import { clientOptions, inTime } from './client-options.ts';
import { describeOnHBase } from './with-hbase.ts';

describeOnHBase('tables in HBase', (on) => {
  test('only what is missing is made, and what is wrong is said', async () => {
    const tablePrefix = `ads${process.pid}_${Date.now()}:adcounter_`;
    const store = new HBaseRowStore({
      ...clientOptions(on().shared.zookeeper),
      tablePrefix,
      salts: 4,
      retentionDays: 30,
    });
    expect(store.place).toContain(on().shared.zookeeper);
    const missing = await store.verifyTables(inTime);
    expect(missing.length).toBe(5);
    expect(missing[0]).toBe(`The table ${tablePrefix}counts does not exist.`);

    const wrong = new Map([['c', new Map([['VERSIONS', '3']])]]);
    const short = new Map([['c', new Map([['TTL', '3600']])]]);
    const other = new Map([['d', new Map([['VERSIONS', '1']])]]);
    const tables = [
      [`${tablePrefix}counts`, wrong],
      [`${tablePrefix}sites`, other],
      [`${tablePrefix}summaries`, short],
    ] as const;
    for (const [name, families] of tables) {
      await on().client.createTable({ name, families, splitKeys: [] }, inTime);
    }
    expect(await store.createTables(inTime)).toEqual(['meta', 'tokens']);
    expect(await store.createTables(inTime)).toEqual([]);
    expect(await store.verifyTables(inTime)).toEqual([
      `The table ${tablePrefix}counts has VERSIONS 3 in family c; it must be 1.`,
      `The table ${tablePrefix}summaries has TTL 3600 s in family c, ` +
        'less than the 2592000 s that its cells are needed.',
      `The table ${tablePrefix}sites has no family c.`,
    ]);
    const regions = await on().client.regions(`${tablePrefix}tokens`, inTime);
    expect(regions.map(({ startKey }) => startKey.toString('hex'))).toEqual(['', '40', '80', 'c0']);
    await store.close();
  }, 60_000);

  test('stores that start at the same moment make each table once', async () => {
    const tablePrefix = `twice${process.pid}_${Date.now()}_`;
    const options = { ...clientOptions(on().shared.zookeeper), salts: 2, retentionDays: 30 };
    const stores = [1, 2].map(() => new HBaseRowStore({ ...options, tablePrefix }));
    const made = await Promise.all(stores.map((store) => store.createTables(inTime)));
    expect(made.flat().toSorted()).toEqual(['counts', 'meta', 'sites', 'summaries', 'tokens']);
    for (const store of stores) {
      expect(await store.verifyTables(inTime)).toEqual([]);
      await store.close();
    }
  }, 60_000);
});
