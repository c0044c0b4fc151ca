// An outage of the store was known to /readyz and the metrics from the next round on only, while
// queries had been answering 503 for half a minute.
import { afterAll, expect, test } from '@jest/globals';
import { CounterError } from '../../src/model/errors.ts';
import { CoreHarness, removeFolders } from '../support/core-harness.ts';
import { MemoryRowStore } from '../support/memory-row-store.ts';
import { until } from '../support/until.ts';

afterAll(removeFolders);
const down = (): Error => new CounterError('STORE_DOWN', 'retry');

test('a failed question is enough to look whether the store is away', async () => {
  const harness = await CoreHarness.start();
  const { link } = harness.core;
  expect(link.up).toBe(true);
  harness.rows.failBefore = down;
  link.suspect();
  link.suspect();
  await until(() => !link.up, 1000);
  harness.rows.failBefore = undefined;
  await harness.core.flush();
  expect(link.up).toBe(true);
  await harness.stop();
});

test('tables of another shape are named to whoever asks, not called unreachable', async () => {
  const rows = new MemoryRowStore();
  rows.differences = ['counts keeps 3 versions, not 1'];
  const harness = await CoreHarness.start({ rows });
  expect(() => harness.core.link.opened).toThrow('SCHEMA_MISSING: no layout row in meta');
  await harness.stop();
});
