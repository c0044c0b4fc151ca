// SIGKILL at each step of a stop is no worse than a crash (rule R12): a stop that is left alone
// says which calls to disk and store it makes; then one stop is killed before each of them.
import { afterAll, expect, test } from '@jest/globals';
import type { Disk, DiskFile } from '../../src/journal/disk.ts';
import { nodeDisk } from '../../src/journal/disk.ts';
import { CoreHarness, removeFolders } from '../support/core-harness.ts';
import { until } from '../support/until.ts';

afterAll(removeFolders);

/** Names every call (`datasync 2`: the second), and ends the process before the one it is told. */
class Reaper {
  readonly seen: string[] = [];
  readonly #killBefore: string | undefined;
  readonly #counts = new Map<string, number>();
  #isWatching = false;
  isDead = false;

  constructor(killBefore: string | undefined) {
    this.#killBefore = killBefore;
  }

  watch(): void {
    this.#isWatching = true;
  }

  /** Resolves while the process lives; never once it is dead, and nothing happens after that. */
  pass(call: string): Promise<void> {
    const name = this.#isWatching ? this.#nameOf(call) : undefined;
    if (name !== undefined && name === this.#killBefore) this.isDead = true;
    return this.isDead ? new Promise(() => undefined) : Promise.resolve();
  }

  #nameOf(call: string): string {
    const count = (this.#counts.get(call) ?? 0) + 1;
    this.#counts.set(call, count);
    const name = `${call} ${count}`;
    this.seen.push(name);
    return name;
  }
}

/** The real disk, each call of which asks first. */
function mortal<T extends Disk | DiskFile>(real: T, reaper: Reaper): T {
  return new Proxy(real, {
    get(target, name) {
      const method: unknown = Reflect.get(target, name, target);
      if (typeof method !== 'function') return method;
      return async (...args: unknown[]): Promise<unknown> => {
        await reaper.pass(String(name));
        const answer: unknown = await Reflect.apply(method, target, args);
        return name === 'create' ? mortal(answer as DiskFile, reaper) : answer;
      };
    },
  });
}

const amounts = { flushed: 1, unflushed: 10, onItsWay: 100 };

async function stopKilledBefore(killBefore: string | undefined): Promise<Reaper> {
  const reaper = new Reaper(killBefore);
  const harness = await CoreHarness.start({ disk: mortal(nodeDisk, reaper) });
  const { rows, clock } = harness;
  const writer = harness.core.ingest.current?.writer;
  await harness.count('flushed', amounts.flushed);
  await harness.core.flush();
  await harness.count('unflushed', amounts.unflushed);
  rows.delay = (operation) => reaper.pass(`store ${operation}`);
  reaper.watch();
  let isAnswered = false;
  const counted = harness.count('onItsWay', amounts.onItsWay).then(() => (isAnswered = true));
  let isStopped = false;
  const stopping = harness.stop().then(() => (isStopped = true));
  void Promise.allSettled([counted, stopping]);
  await until(() => isStopped || reaper.isDead, 10_000);
  const dataDir = await harness.crashed();
  const wasAnswered = isAnswered;
  rows.delay = undefined;
  // Sealed means: everything is there already, without any recovery (attack 46).
  const { entries } = await harness.core.link.registry.readAll();
  const isSealed = entries.some(
    (entry) => entry.writer === writer && entry.record.state === 'sealed',
  );
  const atOnce = [await harness.stored('unflushed'), await harness.stored('onItsWay')];
  const missing = isSealed && (atOnce[0] !== amounts.unflushed || (wasAnswered && atOnce[1] === 0));
  expect({ missing }).toEqual({ missing: false });

  const next = await CoreHarness.start({ rows, clock, dataDir });
  await next.core.recover();
  await next.core.flush();
  expect(await next.stored('flushed')).toBe(amounts.flushed);
  expect(await next.stored('unflushed')).toBe(amounts.unflushed);
  const found = await next.stored('onItsWay');
  expect(wasAnswered ? [amounts.onItsWay] : [0, amounts.onItsWay]).toContain(found);
  expect(next.core.writers.byState).toEqual({
    open: 1,
    dead: 0,
    sealed: 1,
    lost: 0,
    unreadable: 0,
  });
  await next.stop();
  return reaper;
}

/** What a stop is made of. */
const steps = [
  'write 1',
  'datasync 1',
  'store nowMs 1',
  'store put 1',
  'store checkAndPut 1',
  'makeFolder 1',
  'rename 1',
  'syncFolder 1',
  'syncFolder 2',
  'truncate 1',
  'close 1',
];

test('a stop that is left alone makes the calls before which others are killed', async () => {
  const { seen, isDead } = await stopKilledBefore(undefined);
  expect(isDead).toBe(false);
  expect(seen).toEqual(expect.arrayContaining(steps));
});

test.each(steps)(
  'killed before its call %s it has lost nothing and doubled nothing',
  async (step) => {
    expect((await stopKilledBefore(step)).isDead).toBe(true);
  },
);
