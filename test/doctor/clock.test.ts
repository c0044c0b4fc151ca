// What differences between clocks mean, the age of a report allowed for.
import { describe, expect, test } from '@jest/globals';
import { checkClock } from '../../src/doctor/cluster.ts';
import { clockFloorMs, clockLeapMs, doctorClockMs, doctorReportLagMs } from '../../src/limits.ts';
import { fakeCluster, findings, nowMs, of } from './fake-cluster.ts';

/** Each server's clock beside ours. */
function clocks(...skewsMs: number[]) {
  const live = skewsMs.map((skewMs, i) => ({
    address: { host: `rs-${i + 1}`, port: 16020 },
    fullName: `rs-${i + 1},16020,1`,
    regions: 1,
    reportMs: nowMs + skewMs,
  }));
  return checkClock({ version: '2.6.4', live, dead: [], inTransition: 0 }, nowMs);
}

describe('the clock', () => {
  const late = doctorClockMs + doctorReportLagMs;
  test.each([
    ['reports that may only be old', 'ok', [-late, 0, -200]],
    ['one that is ahead beyond doubt', 'warn', [doctorClockMs + 1, 0]],
    ['one that is behind, its report allowed for', 'warn', [-late - 1, 0]],
    ['one beyond the bound of a leap', 'fail', [clockLeapMs + 1, 0]],
    ['one as far behind', 'fail', [-clockLeapMs - 1, 0]],
  ] as const)('%s: %s', (_, outcome, skewsMs) => {
    expect(clocks(...skewsMs).outcome).toBe(outcome);
  });

  test('whose it is: one server by itself, or this machine beside all', () => {
    expect(clocks(60_000, 0, -100).cause).toContain('The clock of rs-1 is wrong');
    expect(clocks(60_000, 61_000).cause).toContain('The clock of this machine is wrong');
    expect(clocks(60_000, -60_000).cause).toContain('The clock of rs-1, rs-2 is wrong');
    expect(clocks(60_000).cause).toContain('The clock of this machine or rs-1 is wrong');
  });

  test('how far, in words', () => {
    expect(clocks(60_000, 0).seen).toBe('rs-1:16020 reported 60.0 s ahead');
    expect(clocks(-400_000, 0).seen).toBe('rs-1:16020 reported 7 min behind');
  });

  test('of a machine that was never set', () => {
    const report = { version: '2.6.4', live: [], dead: [], inTransition: 0 };
    expect(checkClock(report, clockFloorMs - 1).outcome).toBe('fail');
    expect(checkClock(report, clockFloorMs).outcome).toBe('skipped');
  });

  test('is read from what the master says', async () => {
    const cluster = await fakeCluster({ skewMs: 3_600_000 });
    const checks = await findings(`127.0.0.1:${cluster.zookeeper.port}`);
    await cluster.close();
    expect(of(checks, 'clock')).toMatchObject({ outcome: 'fail' });
    expect(of(checks, 'clock').seen).toContain('reported 60 min ahead');
  });
});
