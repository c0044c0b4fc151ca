// A writer was sealed, and its journal set aside, with counts that the round had not put: what was
// synced between the copy of a round and the end of the identity was lost for good.
import { afterAll, expect, test } from '@jest/globals';
import { CounterError } from '../../src/model/errors.ts';
import { RegistryChain } from '../../src/store/registry.ts';
import { CoreHarness, removeFolders } from '../support/core-harness.ts';
import { FaultyDisk } from '../support/faulty-disk.ts';
import { Held, until } from '../support/until.ts';

afterAll(removeFolders);

/** Holds the first put to the store; answers once it is under way. */
async function putHeld(harness: CoreHarness): Promise<{ held: Held; round: Promise<unknown> }> {
  const held = new Held();
  let puts = 0;
  harness.rows.delay = (operation) =>
    operation === 'put' && puts++ === 0 ? held.passed : Promise.resolve();
  const round = harness.core.flush();
  await until(() => puts === 1, 2000);
  return { held, round };
}

test('an identity that ends while a round is on its way keeps what the round has not put', async () => {
  const disk = new FaultyDisk();
  const harness = await CoreHarness.start({ disk });
  await harness.count('a', 1);
  const { held, round } = await putHeld(harness);
  await harness.count('a', 10);
  disk.fault = (call) => (call === 'datasync' ? 'EIO' : undefined);
  await expect(harness.count('a', 100)).rejects.toThrow('OUTCOME_UNKNOWN');
  disk.fault = () => undefined;
  held.letGo();
  await round;
  await harness.core.flush();
  expect(await harness.stored('a')).toBe(11);
  expect(await harness.ledger()).toMatchObject({ unflushed: 0, unaccounted: 0 });
  await harness.stop();
});

test('a stop while a round is on its way, and then a store that is away: nothing is sealed', async () => {
  const harness = await CoreHarness.start();
  await harness.count('a', 1);
  const { held, round } = await putHeld(harness);
  await harness.count('a', 10);
  const stopping = harness.core.stop(500);
  harness.rows.failBefore = (operation) =>
    operation === 'put' ? new CounterError('STORE_DOWN', 'retry') : undefined;
  held.letGo();
  await round;
  expect(await stopping).toBe(false);
  harness.rows.failBefore = undefined;
  const { rows, clock, dataDir } = harness;
  const next = await CoreHarness.start({ rows, clock, dataDir });
  await next.core.recover();
  expect(await next.stored('a')).toBe(11);
  await next.stop();
});

test('a foreign link found while a frame is on its way: the frame still counts, once', async () => {
  const disk = new FaultyDisk();
  const harness = await CoreHarness.start({ disk });
  await harness.count('a', 1);
  await harness.core.flush();
  const run = harness.core.ingest.current;
  if (run === undefined) throw new Error('a core has an identity');
  const { registry } = harness.core.link;
  const other = new RegistryChain(registry, run.writer, await registry.read(run.writer));
  await other.advance((standing) => standing ?? run.firstRecord(null, 0));
  const held = new Held();
  let isHeld = false;
  disk.before = (call, file) => {
    if (call !== 'datasync' || !file.includes(run.writer)) return Promise.resolve();
    isHeld = true;
    return held.passed;
  };
  const counted = harness.count('a', 10);
  await until(() => isHeld, 2000);
  await harness.core.flush();
  await harness.core.flush();
  held.letGo();
  await counted;
  await harness.core.flush();
  await harness.core.flush();
  expect(await harness.stored('a')).toBe(11);
  expect(await harness.ledger()).toMatchObject({ unflushed: 0, unaccounted: 0 });
  expect(harness.broken).toEqual([]);
  await harness.stop();
});
