// Two recoverers find the same dead writer while the store is away; one of them puts and seals.
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

const refusals = {
  'that did not answer': new CounterError('STORE_DOWN', 'retry'),
  'that refused': new CounterError('STORE_REFUSED', 'give-up'),
};

test.each(Object.entries(refusals))(
  'what another recoverer has put is unflushed nowhere any more (a store %s)',
  async (_, failure) => {
    const clock = new SteeredClock();
    const plain = new MemoryRowStore(clock.wallMs);
    await entriesIn(plain, 'a'); // creates the tables
    const rows = asHBase(plain);
    const dead = await CoreHarness.start({ rows, clock });
    await dead.core.flush();
    await dead.count('a', 3);
    const dataDir = await dead.crashed();
    plain.failBefore = (call) => (call === 'put' ? failure : undefined);
    const first = await CoreHarness.start({ rows, clock, dataDir });
    expect(await first.core.recover()).toBe(false);
    expect(await first.ledger()).toMatchObject({ journaled: 3, unflushed: 3, unaccounted: 0 });
    plain.failBefore = undefined;
    const second = await CoreHarness.start({ rows, clock, dataDir });
    for (let look = 0; look < 12; look++) {
      await second.core.recover();
      clock.pass(30_000);
      await first.core.flush();
    }
    expect(await second.stored('a')).toBe(3);
    expect(second.logged.map(({ event }) => event)).toContain('recovery.sealed');
    await first.core.recover();
    expect(await first.ledger()).toMatchObject({
      journaled: 3,
      confirmed: 3,
      unflushed: 0,
      unaccounted: 0,
    });
    expect(first.core.recovery.setAside.cells).toBe(0);
    await first.stop();
    await second.stop();
    await dead.stop();
  },
);
