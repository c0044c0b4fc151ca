// While only HBase's master was away, /readyz and the log called the store unreachable, though
// every flush and every question succeeded: the master is merely who tells the time.
import { afterAll, expect, test } from '@jest/globals';
import { CounterError } from '../../src/model/errors.ts';
import { CoreHarness, removeFolders } from '../support/core-harness.ts';

afterAll(removeFolders);
const away = (): Error => new CounterError('STORE_NOT_READY', 'retry');

test('a store that answers without its clock is not called unreachable', async () => {
  const harness = await CoreHarness.start();
  const { core, rows } = harness;
  rows.failBefore = (operation) => (operation === 'nowMs' ? away() : undefined);
  expect((await core.flush()).outcome).toBe('success');
  expect(core.link.up).toBe(true);
  rows.failBefore = away;
  await core.flush();
  expect(core.link.up).toBe(false);
  rows.failBefore = undefined;
  await core.flush();
  expect(core.link.up).toBe(true);
  await harness.stop();
});
