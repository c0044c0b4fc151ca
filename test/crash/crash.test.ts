// A short crash run on each store, so that every build is killed a few times. `npm run crash` is
// the long one, with the table.
import { expect, test } from '@jest/globals';
import { sharedHBase } from '../hbase/server/shared.ts';
import { describeWithJava } from '../hbase/with-hbase.ts';
import { crashRun } from './crash-run.ts';
import type { CrashReport, KillKind } from './crash-run.ts';
import { freshTables } from './hbase.ts';

const kills: readonly KillKind[] = ['random', 'recovery', 'flush'];

function run(env: Record<string, string>): Promise<CrashReport> {
  return crashRun({
    kills,
    ack: 'journal',
    seed: 7,
    senders: 40,
    acknowledgements: 800,
    sharedEvents: 10,
    sharedSites: 500,
    env,
    say: () => undefined,
  });
}

function expectExact(report: CrashReport): void {
  const { lost, doubled, marksMissing, marksWrong, readFalls, unaccounted } = report;
  expect({ lost, doubled, marksMissing, marksWrong, readFalls, unaccounted }).toEqual({
    lost: 0,
    doubled: 0,
    marksMissing: 0,
    marksWrong: 0,
    readFalls: 0,
    unaccounted: 0,
  });
  expect(report.acknowledged).toBeGreaterThan(0);
  expect(report.kills.every((kill) => kill.inFlight >= 32)).toBe(true);
}

test('kill -9 on the embedded store: every acknowledged impression is counted once', async () => {
  expectExact(await run({}));
}, 120_000);

describeWithJava('on a real HBase', () => {
  test('kill -9: every acknowledged impression is counted once', async () => {
    const { zookeeper } = await sharedHBase();
    expectExact(await run(await freshTables(zookeeper)));
  }, 300_000);
});
