// A living writer that never reached the store, and a recoverer on a copy of its folder who did:
// what each of them does to the registration of that writer must lose nothing of the other.
import { afterAll, expect, test } from '@jest/globals';
import { CounterError } from '../../src/model/errors.ts';
import { quarterMs } from '../../src/model/quarter.ts';
import { RegistryChain } from '../../src/store/registry.ts';
import {
  asHBase,
  CoreHarness,
  entriesIn,
  removeFolders,
  SteeredClock,
} from '../support/core-harness.ts';
import { MemoryRowStore } from '../support/memory-row-store.ts';

afterAll(removeFolders);
const down = (): Error => new CounterError('STORE_DOWN', 'retry');

async function unregistered(): Promise<CoreHarness> {
  const clock = new SteeredClock();
  const rows = new MemoryRowStore(clock.wallMs);
  rows.failBefore = down;
  const harness = await CoreHarness.start({ rows, clock });
  await harness.count('a', 3);
  return harness;
}

test('a registration that somebody began and left half done holds up nobody', async () => {
  const harness = await unregistered();
  harness.rows.failBefore = undefined;
  const run = harness.core.ingest.current;
  if (run === undefined) throw new Error('a core has an identity');
  const other = new RegistryChain(harness.core.link.registry, run.writer);
  await other.advance(() => run.firstRecord(null, 0));
  await harness.core.flush();
  await harness.count('a', 4);
  for (let round = 0; round < 3; round++) await harness.core.flush();
  expect(await harness.stored('a')).toBe(7);
  expect(await harness.ledger()).toMatchObject({ unflushed: 0, unaccounted: 0 });
  await harness.stop();
});

test('what it counted after that moment is recovered when it crashes', async () => {
  const harness = await unregistered();
  const { rows, clock } = harness;
  const copy = await harness.crashed();
  rows.failBefore = undefined;
  const other = await CoreHarness.start({ rows, clock, dataDir: copy });
  await other.core.recover();
  rows.failBefore = down;
  clock.pass(2 * quarterMs);
  await harness.count('a', 4);
  const dataDir = await harness.crashed();
  rows.failBefore = undefined;
  const next = await CoreHarness.start({ rows, clock, dataDir });
  await next.core.recover();
  expect(await next.stored('a')).toBe(7);
  await next.stop();
  await other.stop();
  await harness.stop();
});

test('a store that hangs at the moment of registration holds requests for two seconds', async () => {
  const harness = await unregistered();
  harness.rows.failBefore = undefined;
  let checks = 0;
  harness.rows.delay = (operation) =>
    new Promise((resolve) => {
      if (operation === 'checkAndPut') checks++;
      setTimeout(resolve, checks >= 2 ? 3_000 : 0);
    });
  const round = harness.core.flush();
  const startedAt = performance.now();
  await harness.count('a', 4);
  expect(performance.now() - startedAt).toBeLessThan(2_900);
  harness.rows.delay = undefined;
  await round;
  for (let again = 0; again < 3; again++) await harness.core.flush();
  expect(await harness.stored('a')).toBe(7);
  await harness.stop();
}, 20_000);

test('a copy that is shorter than what was published meanwhile seals nobody', async () => {
  const clock = new SteeredClock();
  const plain = new MemoryRowStore(clock.wallMs);
  await entriesIn(plain, 'a'); // creates the tables
  const rows = asHBase(plain);
  const living = await CoreHarness.start({ rows, clock });
  await living.count('a', 1);
  await living.core.flush();
  const clone = await CoreHarness.start({ rows, clock, dataDir: await living.crashed() });
  await clone.core.recover();
  await living.count('a', 2);
  await living.core.flush();
  // The original's disk is gone; what is left is the copy that lacks position 2.
  for (let round = 0; round < 12; round++) {
    clock.pass(30_000);
    await clone.core.recover();
  }
  const writer = living.core.ingest.current?.writer;
  if (writer === undefined) throw new Error('a core has an identity');
  const entry = await clone.core.link.registry.read(writer);
  expect(entry?.record).toMatchObject({ state: 'open', position: 2 });
  expect(clone.logged.map(({ event }) => event)).toContain('recovery.gap');
  await clone.stop();
  await living.stop();
});
