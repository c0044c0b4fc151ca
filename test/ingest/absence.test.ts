// Living processes that others take for dead: histories of little else, and whether their laws
// would notice a process that did not look, or a recovery that passed late counts over.
import { afterAll, afterEach, expect, jest, test } from '@jest/globals';
import { EndedRuns } from '../../src/ingest/ended-runs.ts';
import { EstatePuts } from '../../src/ingest/estate-puts.ts';
import { PauseGuard } from '../../src/ingest/pause-guard.ts';
import { removeFolders } from '../support/core-harness.ts';
import { History, usually } from './history/history.ts';

afterAll(removeFolders, 60_000);
afterEach(() => void jest.restoreAllMocks());

const firstSeed = Number(process.env['HISTORIES_SEED'] ?? 1);
const never = Object.fromEntries(Object.keys(usually).map((step) => [step, 0])) as typeof usually;
const taken = { ...never, count: 6, flush: 2, standStill: 3, beCutOff: 3, kill: 2, start: 2 };

async function run(seed: number): Promise<void> {
  const history = new History(seed, { taken, kind: 'hbase' });
  try {
    await history.run(12);
  } catch (cause) {
    const told = `history ${seed}: ${String(cause)}\n${history.steps.join('\n')}`;
    throw new Error(told, { cause });
  }
}

/** What the first history that breaks a law says of it; undefined: none of so many does. */
async function firstBroken(seeds: number): Promise<string | undefined> {
  for (let seed = firstSeed; seed < firstSeed + seeds; seed++) {
    const told = await run(seed).then(
      () => undefined,
      (thrown: unknown) => String(thrown),
    );
    if (told !== undefined) return told;
  }
  return undefined;
}

test('whoever is taken for dead learns it, and what it holds arrives', async () => {
  expect(await firstBroken(4)).toBeUndefined();
}, 120_000);

test('a process that does not look after a pause is noticed', async () => {
  jest.spyOn(PauseGuard.prototype, 'settled').mockReturnValue(undefined);
  expect(await firstBroken(20)).toContain('acknowledged though others had closed it');
}, 120_000);

test('an alarm that is not given is noticed', async () => {
  jest.spyOn(EndedRuns.prototype, 'add').mockReturnValue(undefined);
  expect(await firstBroken(20)).toBeDefined();
}, 120_000);

test('late counts of a sealed writer that are not put are noticed', async () => {
  const spied = jest.spyOn(EstatePuts.prototype, 'putAll');
  const put = spied.getMockImplementation() ?? Reflect.get(EstatePuts.prototype, 'putAll');
  spied.mockImplementation(function (this: EstatePuts, ...[estate, registeredMs, isStopped]) {
    const isOpen = estate.entry?.record.state === 'open';
    return isOpen ? put.call(this, estate, registeredMs, isStopped) : Promise.resolve(0);
  });
  expect(await firstBroken(40)).toMatch(/acknowledged .*in the store/);
}, 120_000);
