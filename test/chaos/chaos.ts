// `npm run chaos`: adcounter on a real cluster of six processes, with everything done to both that
// the plan knows, all at once; then every count against the books, every cell against the journals.
// `--system increments` does the same to what people use today, `all` to each, and compares.
// Exit code 1: adcounter broke a promise, a baseline broke none, or a fault was not seen to hit.
// Options: --minutes N of faults, --seed N, --system adcounter|increments|all, --long (its bars:
// a million counts acknowledged, 500 faults that hit).
import { existsSync } from 'node:fs';
import path from 'node:path';
import { parseArgs } from 'node:util';
import { mainFile } from '../crash/service-process.ts';
import { withCluster } from '../hbase/faults/with-cluster.ts';
import { randomOf } from '../hbase/cells.ts';
import { hbaseRoot } from '../hbase/server/standalone.ts';
import { chaosRun } from './chaos-run.ts';
import type { ChaosReport } from './chaos-run.ts';
import { planOf } from './plan.ts';
import { brokenPromises, comparison, hitsOf, printReport, shortcomings } from './report.ts';
import { clusterStore } from './store.ts';
import type { ChaosStore } from './store.ts';
import { adcounterOn, incrementsOn } from './system.ts';
import type { System } from './system.ts';

const { values } = parseArgs({
  options: {
    minutes: { type: 'string', default: '4' },
    seed: { type: 'string', default: String(Date.now() % 1_000_000) },
    system: { type: 'string', default: 'adcounter' },
    long: { type: 'boolean', default: false },
  },
});
if (!existsSync(mainFile)) throw new Error('build first: npm run build');
const seed = Number(values.seed);
const minutes = Number(values.minutes);
const say = (line: string): void => {
  process.stdout.write(`${new Date().toISOString().slice(11, 19)} ${line}\n`);
};
const print = (line: string): void => void process.stdout.write(`${line}\n`);
const least = values.long ? { acknowledged: 1_000_000, hits: 500 } : { acknowledged: 1, hits: 1 };
/** A call for each event of a request: what increments can take. */
const fewCells = { sitesPerWide: 100, eventsPerRequest: 10 };
const folder = path.join(hbaseRoot, 'chaos');
const longestMs = (minutes * 3 + 45) * 60_000;

await withCluster({ folder, longestMs, keep: false, say }, async (cluster) => {
  const store = await clusterStore(cluster, randomOf(seed));
  const reports: ChaosReport[] = [];
  const wrong: string[] = [];
  try {
    say(`seed ${seed}, ${minutes} minutes`);
    if (values.system !== 'increments') {
      const report = await runOf(store, await adcounterOn(store, 5));
      reports.push(report);
      wrong.push(...shortcomings(report), ...missedBars(report));
    }
    if (values.system !== 'adcounter') {
      for (const mode of ['each', 'buffered'] as const) {
        const report = await runOf(store, await incrementsOn(store, mode));
        reports.push(report);
        if (brokenPromises(report).length > 0) continue;
        wrong.push(`${report.system} broke nothing: the chaos is too soft`);
      }
    }
  } finally {
    await store.close();
  }
  for (const report of reports) printReport(report, print);
  if (reports.length > 1) for (const line of comparison(reports)) print(line);
  for (const line of wrong) print(`FAILED: ${line}`);
  if (wrong.length === 0) print('All as promised.');
  process.exitCode = wrong.length === 0 ? 0 : 1;
});

async function runOf(store: ChaosStore, system: System): Promise<ChaosReport> {
  say(system.name);
  const { isJournaled } = system;
  const often = (perMinute: number): number => Math.ceil(minutes * perMinute);
  const ours = {
    kill: often(1.5),
    killWorker: often(1),
    clone: often(0.4),
    restore: often(0.3),
    lose: often(0.2),
  };
  return await chaosRun({
    system,
    store,
    workers: isJournaled ? [2, 2, 1] : [1, 1, 1],
    clients: isJournaled
      ? { seed, narrowPerLevel: 6, wide: 6, sitesPerWide: 500, eventsPerRequest: 50 }
      : { seed, levels: ['journal'], narrowPerLevel: 18, wide: 6, ...fewCells },
    plan: planOf({
      seed,
      lengthMs: minutes * 60_000,
      service: isJournaled ? ours : { kill: often(2.5) },
      store: { down: often(0.3), killRegionServer: often(0.8), moveRegion: often(3) },
      clocks: isJournaled ? often(0.7) : 0,
    }),
    downForMs: 20_000,
    cuts: { most: minutes * 60, pauseMs: 2_500 },
    peakMs: 8_000,
    paceShare: 0.5,
    readerPauseMs: 100,
    memoryEveryMs: 60_000,
    say,
  });
}

function missedBars(report: ChaosReport): string[] {
  const wrong: string[] = [];
  const { acknowledged } = report;
  if (acknowledged < least.acknowledged) wrong.push(`only ${acknowledged} acknowledged`);
  if (hitsOf(report) < least.hits) wrong.push(`only ${hitsOf(report)} faults hit`);
  for (const kind of new Set(report.faults.map((fault) => fault.kind))) {
    if (hitsOf(report, kind) === 0) wrong.push(`no ${kind} was seen to hit`);
  }
  return wrong;
}
