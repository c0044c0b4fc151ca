// What the master says of all servers at once: who lives, and what their clocks show.
import type { ClusterReport, LiveServer } from '../hbase/diagnosis.ts';
import { clockFloorMs, clockLeapMs, doctorClockMs, doctorReportLagMs } from '../limits.ts';
import { checkOf, type Check } from './check.ts';

export function checkCluster(report: ClusterReport): Check {
  const { ok, warn, fail } = checkOf('cluster');
  const { version, live, dead, inTransition } = report;
  const regions = live.reduce((sum, server) => sum + server.regions, 0);
  const parts = [`HBase ${version}`, `${live.length} live`, `${dead.length} dead`];
  const seen = `${parts.join(', ')}; ${regions} region${regions === 1 ? '' : 's'}, ${inTransition} in transition`;
  if (!version.startsWith('2.')) {
    const cause = 'adcounter speaks the protocol of HBase 2; it was tried on no other.';
    return warn(seen, { cause, fix: ['Use a cluster of HBase 2.'] });
  }
  if (live.length === 0) {
    const cause = 'No region server has reported to the master.';
    return fail(seen, { cause, fix: ['Start region servers, or look at their logs.'] });
  }
  if (dead.length > 0) {
    return warn(`${seen}; dead: ${listed(dead)}`, {
      cause: 'These servers stopped without saying so; their regions go to the others.',
      fix: ['Look at their logs. The list empties when they return, or when the master restarts.'],
    });
  }
  if (inTransition === 0) return ok(seen);
  const cause = 'Regions are moving, splitting, or nobody can open them.';
  return warn(seen, { cause, fix: ['Run this again; if it stays, ask `hbase hbck -details`.'] });
}

/** Positive: the server is ahead of this machine. A report may be some seconds old. */
interface Skew {
  readonly server: LiveServer;
  readonly ms: number;
}

export function checkClock(report: ClusterReport, localMs: number): Check {
  const { ok, warn, fail, skipped } = checkOf('clock');
  if (localMs < clockFloorMs) {
    return fail(`this machine says ${isoOf(localMs)}, which is before this release was made`, {
      cause: 'The clock of this machine was never set, or its battery is empty.',
      fix: ['Set it and keep it by NTP: `timedatectl`, `chronyc tracking`.'],
    });
  }
  const skews = report.live
    .filter(({ reportMs }) => reportMs > 0)
    .map((server): Skew => ({ server, ms: server.reportMs - localMs }));
  if (skews.length === 0) return skipped('no region server has reported yet');
  const off = skews.filter(({ ms }) => Math.abs(ms) > allowed(ms));
  const worst = skews.reduce((a, b) => (Math.abs(b.ms) > Math.abs(a.ms) ? b : a));
  if (off.length === 0) {
    const within = secondsText(Math.abs(worst.ms));
    return ok(`${skews.length} region server${skews.length === 1 ? '' : 's'}, within ${within}`);
  }
  const seen = listed(off.map((skew) => skewText(skew)));
  // All off alike: it is this clock that differs. One by itself: it is that one's.
  const ours = off.length === skews.length && sameSide(off);
  const theirs = listed([...new Set(off.map(({ server }) => server.address.host))]);
  const whose = !ours ? theirs : skews.length > 1 ? 'this machine' : `this machine or ${theirs}`;
  const far = Math.abs(worst.ms) > clockLeapMs;
  const effect = far
    ? `Beyond ${clockLeapMs / 60_000} minutes adcounter is degraded, and does not follow a clock that leaps`
    : 'Counts stay exact, but an event near the end of a quarter-hour may count in its neighbour';
  return (far ? fail : warn)(seen, {
    cause: `The clock of ${whose} is wrong. ${effect}.`,
    fix: [
      `Keep the clock of ${whose} by NTP: \`timedatectl\`, \`chronyc tracking\` show how it is.`,
    ],
  });
}

/** Behind may be the age of the report. */
function allowed(ms: number): number {
  return ms < 0 ? doctorClockMs + doctorReportLagMs : doctorClockMs;
}

function sameSide(skews: readonly Skew[]): boolean {
  return skews.every(({ ms }) => ms > 0) || skews.every(({ ms }) => ms < 0);
}

function skewText({ server, ms }: Skew): string {
  const { host, port } = server.address;
  const side = ms < 0 ? 'behind' : 'ahead';
  return `${host}:${port} reported ${secondsText(Math.abs(ms))} ${side}`;
}

function secondsText(ms: number): string {
  return ms < 120_000 ? `${(ms / 1000).toFixed(1)} s` : `${(ms / 60_000).toFixed(0)} min`;
}

function isoOf(ms: number): string {
  return new Date(ms).toISOString();
}

function listed(items: readonly string[]): string {
  const shown = items.slice(0, 5);
  const left = items.length - shown.length;
  return shown.join(', ') + (left > 0 ? ` and ${left} more` : '');
}
