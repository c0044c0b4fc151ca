// What every RowStore promises: one suite, passed by the fake, the embedded store and HBase.
// Tests share one store and keep apart by the first bytes of their rows.
import { afterAll, beforeAll, describe } from '@jest/globals';
import type { RowStore } from '../../src/store/row-store.ts';
import type { Store } from '../support/rows.ts';
import { checkAndPutContract } from './check-and-put-contract.ts';
import { counterStoreContract } from './counter-store-contract.ts';
import { putContract } from './put-contract.ts';
import { rowModelContract } from './row-model-contract.ts';
import { scanContract } from './scan-contract.ts';

export function rowStoreContract(open: () => Promise<RowStore>): void {
  let rows: RowStore | undefined;
  const store: Store = () => {
    if (rows === undefined) throw new Error('the store did not open');
    return rows;
  };
  beforeAll(async () => {
    rows = await open();
  }, 240_000);
  afterAll(() => rows?.close(), 60_000);

  describe('puts', () => {
    putContract(store);
  });
  describe('scans', () => {
    scanContract(store);
  });
  describe('check-and-put', () => {
    checkAndPutContract(store);
  });
  describe('model', () => {
    rowModelContract(store);
  });
  describe('CounterStore', () => {
    counterStoreContract(store);
  });
}
