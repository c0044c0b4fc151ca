// A large backlog of a dead writer goes into a store that comes back slowly: each attempt goes on
// where the last one ended.
import { afterAll, expect, jest, test } from '@jest/globals';
import { CounterError } from '../../src/model/errors.ts';
import { quarterMs } from '../../src/model/quarter.ts';
import { recoveryPutCellsMax } from '../../src/limits.ts';
import { CoreHarness, eventOf, removeFolders } from '../support/core-harness.ts';

jest.setTimeout(60_000);
afterAll(removeFolders);

const away = (): Error => new CounterError('STORE_UNAVAILABLE', 'retry');

test('a recovery that fails goes on behind what was confirmed, within a quarter and beyond', async () => {
  const dead = await CoreHarness.start();
  const { rows, clock } = dead;
  await dead.core.flush();
  // But for the registry: a clock that steps looks like a pause, which must not end the identity.
  rows.failBefore = (operation) => (operation === 'put' ? away() : undefined);
  // A quarter of two portions and a half, and one of one cell before it.
  await dead.count('first', 3);
  clock.pass(quarterMs);
  const cells = 2.5 * recoveryPutCellsMax;
  for (let i = 0; i < cells; i += 2_500) {
    const events = Array.from({ length: 2_500 }, (_, j) => eventOf(`a-${i + j}`));
    await dead.core.ingest.accept(events, 'journal');
  }
  const dataDir = await dead.crashed();
  let puts = 0;
  rows.failBefore = (operation, table) => {
    if (operation !== 'put' || table !== 'counts') return undefined;
    // The quarter before, then one portion; then nothing, until the end of the attempt.
    return ++puts > 2 ? away() : undefined;
  };
  const next = await CoreHarness.start({ rows, clock, dataDir });
  expect(await next.core.recover()).toBe(false);
  const putBefore = rows.putsReceived;
  expect(await next.stored('first')).toBe(3);
  expect(await next.ledger()).toMatchObject({
    confirmed: recoveryPutCellsMax + 3,
    unaccounted: 0,
  });
  rows.failBefore = undefined;
  expect(await next.core.recover()).toBe(true);
  expect(rows.putsReceived - putBefore).toBe(cells - recoveryPutCellsMax);
  expect(await next.stored('a-0')).toBe(1);
  expect(await next.stored(`a-${cells - 1}`)).toBe(1);
  expect(await next.ledger()).toMatchObject({ confirmed: cells + 3, unaccounted: 0 });
  await next.stop();
  await dead.stop();
}, 60_000);
