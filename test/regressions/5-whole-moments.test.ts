// The monotonic clock of a machine counts in parts of a millisecond. A writer that was registered
// by its recoverer got such a moment into the registry, and nobody could read the registry again.
import { afterAll, expect, test } from '@jest/globals';
import { CounterError } from '../../src/model/errors.ts';
import { CoreHarness, removeFolders, SteeredClock } from '../support/core-harness.ts';
import { MemoryRowStore } from '../support/memory-row-store.ts';

afterAll(removeFolders);

test('a dead writer is registered at a whole millisecond, whatever the clock says', async () => {
  const clock = new SteeredClock();
  const rows = new MemoryRowStore(clock.wallMs);
  rows.failBefore = () => new CounterError('STORE_DOWN', 'retry');
  const harness = await CoreHarness.start({ rows, clock });
  await harness.count('a', 3);
  const dataDir = await harness.crashed();
  rows.failBefore = undefined;
  const next = await CoreHarness.start({ rows, clock, dataDir });
  clock.pass(1_000.25);
  await next.core.recover();
  for (const { record } of (await next.core.link.registry.readAll()).entries) {
    expect(Number.isSafeInteger(record.registeredMs)).toBe(true);
  }
  expect(await next.stored('a')).toBe(3);
  await next.stop();
  await harness.stop();
});
