// `npm run hbase:faults`: a cluster of several processes, load, and every fault of the list; then a
// table of what each cost, and the verdict of HBase's own client over what is left. Exit code 1:
// anything lost, misread or repeated, a fault that was not seen to hit, fewer puts than asked for.
// Options: --minutes N (at least), --puts-per-second N, --seed N, --rows N, --cuts N (each kind),
// --moves N, --splits N, --merges N, --kills N, --keep (leaves the cluster's folder with its logs).
import path from 'node:path';
import { parseArgs } from 'node:util';
import { randomOf } from '../cells.ts';
import { hbaseRoot } from '../server/standalone.ts';
import * as causes from './causes.ts';
import { faultRun } from './fault-run.ts';
import type { Cause } from './fault-run.ts';
import { printReport, shortcomings } from './report.ts';
import { withCluster } from './with-cluster.ts';
import type { RunningCluster } from '../server/cluster.ts';

const { values } = parseArgs({
  options: {
    minutes: { type: 'string', default: '0' },
    'puts-per-second': { type: 'string', default: '5000' },
    seed: { type: 'string', default: String(Date.now() % 1_000_000) },
    rows: { type: 'string', default: '20000' },
    cuts: { type: 'string', default: '200' },
    moves: { type: 'string', default: '20' },
    splits: { type: 'string', default: '5' },
    merges: { type: 'string', default: '2' },
    kills: { type: 'string', default: '2' },
    keep: { type: 'boolean', default: false },
  },
});
const seed = Number(values.seed);
const putsPerSecond = Number(values['puts-per-second']);
const cutsPerKind = Number(values.cuts);
/** Far beyond what a run takes, so that a hung one ends and cleans up too. */
const longestMs = (Number(values.minutes) + 45) * 60_000;
const say = (line: string): void => {
  process.stdout.write(`${new Date().toISOString().slice(11, 19)} ${line}\n`);
};

const folder = path.join(hbaseRoot, 'faults');
await withCluster({ folder, longestMs, keep: values.keep, say }, async (cluster) => {
  say(`seed ${seed}, ${putsPerSecond} puts/s asked`);
  const report = await faultRun({
    hbase: cluster,
    seed,
    rows: Number(values.rows),
    putsPerSecond,
    cutsPerKind,
    cutPauseMs: 400,
    causes: inRandomOrder(causesOf(cluster)).map((cause) => causes.onWhole(cluster, cause)),
    leastMs: Number(values.minutes) * 60_000,
    causeTimeoutMs: 180_000,
    say,
  });
  const wrong = shortcomings(report, { cutsPerKind, putsPerSecond });
  printReport(report, (line) => process.stdout.write(`${line}\n`));
  for (const line of wrong) process.stdout.write(`FAILED: ${line}\n`);
  process.stdout.write(wrong.length === 0 ? 'All as promised.\n' : '');
  if (wrong.length > 0) process.exitCode = 1;
});

function causesOf(cluster: RunningCluster): Cause[] {
  const [moves, kills] = [Number(values.moves), Number(values.kills)];
  const claimMoves = Math.floor(moves / 5);
  const regionServers = Array.from({ length: kills }, (_, i) => (i % 2 === 0 ? 'rs1' : 'rs2'));
  return [
    ...times(moves - claimMoves, causes.move),
    ...times(claimMoves, causes.moveClaims),
    ...times(Number(values.splits), causes.split),
    ...times(Number(values.merges), causes.merge),
    ...regionServers.map((name) => causes.killRegionServer(cluster, name)),
    ...times(Math.min(1, kills), causes.killMaster(cluster)),
    ...times(Math.min(1, kills), causes.pauseRegionServer(cluster, 'rs2')),
  ];
}

function times(count: number, cause: Cause): Cause[] {
  return Array.from({ length: count }, () => cause);
}

function inRandomOrder(list: readonly Cause[]): Cause[] {
  const random = randomOf(seed);
  return list
    .map((cause) => ({ cause, at: random(1_000_000) }))
    .toSorted((a, b) => a.at - b.at)
    .map(({ cause }) => cause);
}
