import { writeFile } from 'node:fs/promises';
import path from 'node:path';
import { afterAll, expect, test } from '@jest/globals';
import { CounterError } from '../../src/model/errors.ts';
import {
  asHBase,
  CoreHarness,
  entriesIn,
  removeFolders,
  SteeredClock,
} from '../support/core-harness.ts';
import { MemoryRowStore } from '../support/memory-row-store.ts';

afterAll(removeFolders);

test('a lock that a power cut has spoilt keeps nobody from the journal beside it', async () => {
  const harness = await CoreHarness.start();
  await harness.count('a', 3);
  const dataDir = await harness.crashed();
  const writer = harness.core.ingest.current?.writer ?? '';
  await writeFile(path.join(dataDir, 'journal', writer, 'lock', 'CURRENT'), '');
  const { rows, clock } = harness;
  const next = await CoreHarness.start({ rows, clock, dataDir });
  await next.core.recover();
  expect(await next.stored('a')).toBe(3);
  await next.stop();
  await harness.stop();
});

/** A living writer and a process on a clone of its folder, on a store where deaths need a proof. */
async function livingAndClone(): Promise<{
  living: CoreHarness;
  clone: CoreHarness;
  plain: MemoryRowStore;
  stateOfLiving: () => Promise<string | undefined>;
}> {
  const clock = new SteeredClock();
  const plain = new MemoryRowStore(clock.wallMs);
  await entriesIn(plain, 'a'); // creates the tables
  const rows = asHBase(plain);
  const living = await CoreHarness.start({ rows, clock });
  await living.count('a', 3);
  await living.core.flush();
  const clone = await CoreHarness.start({ rows, clock, dataDir: await living.crashed() });
  const { registry } = living.core.link;
  const writer = living.core.ingest.current?.writer;
  if (writer === undefined) throw new Error('a core has an identity');
  const stateOfLiving = async (): Promise<string | undefined> =>
    (await registry.read(writer))?.record?.state;
  return { living, clone, plain, stateOfLiving };
}

test('an outage of the store is no silence of a living writer', async () => {
  const { living, clone, plain, stateOfLiving } = await livingAndClone();
  await clone.core.recover();
  plain.failBefore = () => new CounterError('STORE_DOWN', 'retry');
  for (let round = 0; round < 12; round++) {
    living.clock.pass(30_000);
    await living.core.flush();
    await clone.core.recover();
  }
  plain.failBefore = undefined;
  await clone.core.recover();
  expect(await stateOfLiving()).toBe('open');
  await clone.stop();
  await living.stop();
});

test('the copy of a folder seals nobody who speaks, and seals who is silent for minutes', async () => {
  const { living, clone, stateOfLiving } = await livingAndClone();
  for (let round = 0; round < 12; round++) {
    living.clock.pass(30_000);
    await living.core.flush();
    await clone.core.recover();
  }
  expect(await stateOfLiving()).toBe('open');
  for (let round = 0; round < 12; round++) {
    living.clock.pass(30_000);
    await clone.core.recover();
  }
  expect(await stateOfLiving()).toBe('sealed');
  // Whoever was taken for dead learns it, and goes on under another identity.
  await living.count('a', 4);
  await living.core.flush();
  await living.core.flush();
  await living.count('a', 5);
  await living.core.flush();
  expect(await living.stored('a')).toBe(12);
  await clone.stop();
  await living.stop();
});

test('a journal of another store is left alone: its counts are not of this one', async () => {
  const harness = await CoreHarness.start();
  await harness.count('a', 3);
  const dataDir = await harness.crashed();
  const { clock } = harness;
  const rows = new MemoryRowStore(clock.wallMs);
  const other = await CoreHarness.start({ rows, clock, dataDir });
  await other.core.recover();
  expect(await other.stored('a')).toBe(0);
  expect(other.logged.map(({ event }) => event)).toContain('recovery.other_store');
  await other.count('a', 4);
  await other.core.flush();
  expect(other.core.completeness.completeThroughMs).toBe(clock.wallMs());
  await other.stop();
  await harness.stop();
});
