// A short crash run on each store, so that every build is killed a few times. `npm run crash` is
// the long one, with the table.
import { expect, test } from '@jest/globals';
import { sharedHBase } from '../hbase/server/shared.ts';
import { describeWithJava } from '../hbase/with-hbase.ts';
import { crashRun } from './crash-run.ts';
import type { CrashReport, KillKind } from './crash-run.ts';
import { freshTables } from './hbase.ts';

const kills: readonly KillKind[] = ['random', 'recovery', 'flush', 'stop', 'stop'];

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

const exact = {
  lost: 0,
  doubled: 0,
  marksMissing: 0,
  marksWrong: 0,
  readFalls: 0,
  unaccounted: 0,
  acknowledgedSome: true,
  requestsInFlight: true,
};

function verdictOf(report: CrashReport): typeof exact {
  const { lost, doubled, marksMissing, marksWrong, readFalls, unaccounted } = report;
  return {
    lost,
    doubled,
    marksMissing,
    marksWrong,
    readFalls,
    unaccounted,
    acknowledgedSome: report.acknowledged > 0,
    requestsInFlight: report.kills.every((kill) => kill.inFlight >= 32),
  };
}

test('kill -9 on the embedded store: every acknowledged impression is counted once', async () => {
  expect(verdictOf(await run({}))).toEqual(exact);
}, 120_000);

describeWithJava('on a real HBase', () => {
  test('kill -9: every acknowledged impression is counted once', async () => {
    const { zookeeper } = await sharedHBase();
    expect(verdictOf(await run(await freshTables(zookeeper)))).toEqual(exact);
  }, 300_000);
});
