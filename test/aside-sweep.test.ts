// Files aside after their time: they go, but not while they may be all that is left of what the
// store has lost.
import { readdir } from 'node:fs/promises';
import path from 'node:path';
import { afterAll, expect, test } from '@jest/globals';
import { sweepAside } from '../src/aside-sweep.ts';
import { quarterMs } from '../src/model/quarter.ts';
import { ownPart } from '../src/service-part.ts';
import { StatusReport } from '../src/status.ts';
import { CoreHarness, removeFolders } from './support/core-harness.ts';

afterAll(removeFolders);

const asideMs = 24 * 3_600_000;

/** Some quarters are counted, confirmed and aside. */
async function world() {
  const harness = await CoreHarness.start();
  const { core, clock, dataDir } = harness;
  const report = new StatusReport({
    core,
    version: 'test',
    flushSeconds: 30,
    journalBytesMax: 2 ** 30,
    monotonicMs: clock.monotonicMs,
  });
  const together = ownPart(core, report, () => 'serving');
  const logged: string[] = [];
  const log = { info: () => undefined, warn: (event: string) => void logged.push(event) };
  // What the disk calls now, a minute later than when the last file went aside.
  const sweep = (): Promise<void> =>
    sweepAside({
      core,
      together,
      wallMs: Date.now() + asideMs + 60_000,
      asideMs,
      log: { ...log, error: log.warn },
    });
  const aside = (): Promise<string[]> =>
    readdir(path.join(dataDir, 'journal', core.ingest.current?.writer ?? '', 'aside'));
  const quarter = async (): Promise<void> => {
    await harness.count('a', 5);
    await core.flush();
    clock.pass(quarterMs);
  };
  await quarter();
  await core.flush();
  expect(await aside()).toHaveLength(1);
  return { harness, logged, sweep, aside, quarter };
}

test('what went aside goes after its time', async () => {
  const { harness, logged, sweep, aside } = await world();
  await sweep();
  expect(await aside()).toEqual([]);
  expect(logged).toEqual([]);
  await harness.stop();
});

test('while the store does not show what it confirmed, nothing that is aside goes', async () => {
  const { harness, logged, sweep, aside, quarter } = await world();
  await quarter();
  harness.rows.deleteAll('counts');
  expect((await harness.core.flush()).outcome).toBe('error');
  // However long it takes: the earlier quarter is missing too, and only its file has it.
  harness.clock.pass(3 * asideMs);
  await sweep();
  expect(await aside()).toHaveLength(1);
  expect(logged).toEqual(['aside.kept']);
  harness.rows.compact('counts');
  await harness.stop();
});

test('a loss that healed by itself keeps older files for as long again', async () => {
  const { harness, logged, sweep, aside, quarter } = await world();
  await quarter();
  harness.rows.truncate('counts');
  expect((await harness.core.flush()).outcome).toBe('success');
  expect(harness.core.rounds.inDoubt).toEqual([]);
  expect(await harness.stored('a')).toBe(5);
  harness.clock.pass(asideMs - 1);
  await sweep();
  expect(await aside()).toHaveLength(2);
  harness.clock.pass(1);
  await sweep();
  expect(await aside()).toEqual([]);
  expect(logged).toEqual(['aside.kept']);
  await harness.stop();
});
