// A question is answered whole, in time, or refused by name; never by a part of the sum.
import { afterEach, describe, expect, jest, test } from '@jest/globals';
import { queryFreshTimeoutMs, queryTimeoutMs } from '../../src/limits.ts';
import { CounterError } from '../../src/model/errors.ts';
import type { Asking } from '../../src/query/answers.ts';
import { ad, cellOf, site } from '../support/cells.ts';
import { World, everything, nowQuarter } from './world.ts';

const page = { sort: 'site', limit: 10, cursor: undefined } as const;
const unavailable = { code: 'STORE_UNAVAILABLE', remedy: 'retry' };
const never = new Promise<never>(() => undefined);

const questions: readonly (readonly [string, (asking: Asking) => Promise<unknown>])[] = [
  ['totals', (asking) => asking.adTotals([ad('a'), ad('b')], everything)],
  ['sites', (asking) => asking.adSites(ad('a'), everything, page)],
  ['a site', (asking) => asking.adSite(ad('a'), site('s'), everything)],
];

afterEach(() => {
  jest.useRealTimers();
});

describe.each(questions)('%s', (_, ask) => {
  test.each(['retry', 'relocate', 'throttle', 'give-up'] as const)(
    'a store that says %s: STORE_UNAVAILABLE, with the cause',
    async (remedy) => {
      const world = await World.create();
      const cause = new CounterError('STORE_SOMETHING', remedy);
      world.rows.failBefore = () => cause;
      await expect(ask(world.asking)).rejects.toMatchObject({ ...unavailable, cause });
    },
  );

  test('one scan of many that fails is the whole question', async () => {
    const world = await World.create();
    await world.put(cellOf({ ad: ad('a'), eventQuarter: nowQuarter }));
    let scans = 0;
    world.rows.failAfter = () =>
      ++scans === 9 ? new CounterError('STORE_TIMEOUT', 'retry') : undefined;
    await expect(ask(world.asking)).rejects.toMatchObject(unavailable);
  });

  test('a store of another shape says so itself', async () => {
    const world = await World.create();
    const mismatch = new CounterError('SCHEMA_MISMATCH', 'give-up');
    world.rows.failBefore = () => mismatch;
    await expect(ask(world.asking)).rejects.toBe(mismatch);
  });

  test('our own mistake stays what it is', async () => {
    const world = await World.create();
    const mistake = new TypeError('a mistake');
    world.rows.failBefore = () => mistake;
    await expect(ask(world.asking)).rejects.toBe(mistake);
  });

  test('a registry out of reach is a store out of reach; the store is not even asked', async () => {
    const world = await World.create();
    world.readRegistry = () => Promise.reject(new CounterError('STORE_TIMEOUT', 'retry'));
    await expect(ask(world.asking)).rejects.toMatchObject(unavailable);
    expect(world.needed).toEqual(['registry']);
  });

  test('a store that does not answer is given up in time', async () => {
    const world = await World.create();
    jest.useFakeTimers();
    world.rows.delay = () => never;
    await Promise.all([
      expect(ask(world.asking)).rejects.toMatchObject(unavailable),
      jest.advanceTimersByTimeAsync(queryTimeoutMs + 1),
    ]);
  });

  test('a registry that does not answer is given up in time', async () => {
    const world = await World.create();
    jest.useFakeTimers();
    world.readRegistry = () => never;
    await Promise.all([
      expect(ask(world.asking)).rejects.toMatchObject(unavailable),
      jest.advanceTimersByTimeAsync(queryTimeoutMs + 1),
    ]);
  });

  test('a caller that goes away ends the reads', async () => {
    const world = await World.create();
    const abort = new AbortController();
    world.rows.delay = () => {
      abort.abort();
      return Promise.resolve();
    };
    const options = { ...everything, signal: abort.signal };
    const asked = world.asking.adTotals([ad('a'), ad('b'), ad('c')], options);
    await expect(asked).rejects.toMatchObject(unavailable);
    const calls = world.rows.calls.scan;
    await new Promise(setImmediate);
    expect(world.rows.calls.scan).toBe(calls);
  });
});

describe('fresh', () => {
  const fresh = { ...everything, fresh: true };

  test('a flush that fails: STORE_UNAVAILABLE, and nothing is read', async () => {
    const world = await World.create();
    world.flush = () => Promise.reject(new CounterError('STORE_TIMEOUT', 'retry'));
    const asked = world.asking.adTotals([ad('a')], fresh);
    await expect(asked).rejects.toMatchObject(unavailable);
    expect(world.needed).toEqual(['flush']);
  });

  test('a flush that does not end is given up in time', async () => {
    const world = await World.create();
    jest.useFakeTimers();
    world.flush = () => never;
    await Promise.all([
      expect(world.asking.adTotals([ad('a')], fresh)).rejects.toMatchObject(unavailable),
      jest.advanceTimersByTimeAsync(queryFreshTimeoutMs + 1),
    ]);
  });
});
