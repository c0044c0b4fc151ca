// `npm run campaign`: three instances, two with two workers, on a real HBase that is away for five
// minutes across a quarter's end, under a load that holds at least half of its own peak; kills,
// clones, restored folders, a lost writer. Then every count is held against the books and the
// journals, and a replay is timed. Exit code 1: a promise does not hold, or a bar is missed.
// Options: --minutes N (12; less is scaled down), --seed N, --no-quarter (waits for none).
import { existsSync, rmSync } from 'node:fs';
import path from 'node:path';
import { parseArgs } from 'node:util';
import { mainFile } from '../crash/service-process.ts';
import { wait } from '../crash/load.ts';
import { hbaseRoot, startHBase } from '../hbase/server/standalone.ts';
import { chaosRun } from './chaos-run.ts';
import type { ChaosReport } from './chaos-run.ts';
import { planOf } from './plan.ts';
import { replayTime } from './replay-time.ts';
import { hitsOf, printReport, shortcomings } from './report.ts';
import { standaloneStore } from './store.ts';
import { adcounterOn } from './system.ts';

const { values } = parseArgs({
  options: {
    minutes: { type: 'string', default: '12' },
    seed: { type: 'string', default: String(Date.now() % 1_000_000) },
    'no-quarter': { type: 'boolean', default: false },
  },
});
if (!existsSync(mainFile)) throw new Error('build first: npm run build');
const seed = Number(values.seed);
const minutes = Number(values.minutes);
const share = Math.min(1, minutes / 12);
const say = (line: string): void => {
  process.stdout.write(`${new Date().toISOString().slice(11, 19)} ${line}\n`);
};
const print = (line: string): void => void process.stdout.write(`${line}\n`);

/** Over the faults, of which the outage is the middle; what the whole takes is more. */
const lengthMs = minutes * 45_000;
const down = { atMs: lengthMs * 0.25, forMs: 300_000 * share };
const kills = Math.ceil(14 * share);
const workerKills = Math.ceil(6 * share);
const folders = { clone: Math.ceil(3 * share), restore: Math.ceil(2 * share), lose: 1 };
const wide = 20;
const sitesPerWide = Math.ceil(5_000 * share);
const cells = wide * sitesPerWide;
const peakMs = 20_000;
/** The instances' start and the peak, with something to spare. */
const beforeFaultsMs = peakMs + 25_000;
const longestMs = (minutes + 30) * 60_000;

const folder = path.join(hbaseRoot, 'campaign');
const hbase = await startHBase({ folder, fresh: true });
const timer = setTimeout(() => void leave('FAILED: it did not end in time'), longestMs);
process.once('SIGINT', () => void leave('ended by SIGINT'));
process.once('SIGTERM', () => void leave('ended by SIGTERM'));
try {
  say(`seed ${seed}, ${minutes} minutes, ${cells} distinct cells a quarter`);
  const store = standaloneStore(hbase);
  const system = await adcounterOn(store, share < 1 ? 10 : 30);
  await untilQuarterEnd(beforeFaultsMs);
  const report = await chaosRun({
    system,
    store,
    workers: [2, 2, 1],
    clients: { seed, narrowPerLevel: 8, wide, sitesPerWide, eventsPerRequest: 100 },
    plan: planOf({
      seed,
      lengthMs,
      service: { kill: kills, killWorker: workerKills, ...folders },
      store: {},
      clocks: 0,
      down,
    }),
    downForMs: down.forMs,
    cuts: { most: 0, pauseMs: 0 },
    peakMs,
    paceShare: 0.65,
    readerPauseMs: 250,
    memoryEveryMs: Math.max(20_000, 60_000 * share),
    beforeFaults: () => untilQuarterEnd(0),
    say,
  });
  const replayed = await replayTime(system, { events: Math.ceil(1_000 * share) * 1_000, cells });
  printReport(report, print);
  print(
    `replay of ${replayed.replayedEvents} events over ${replayed.cells} cells: it listens after ` +
      `${seconds(replayed.listenMs)}, all is put and sealed after ${seconds(replayed.sealedMs)}`,
  );
  const wrong = [...shortcomings(report), ...missedBars(report)];
  if (replayed.replayedEvents !== replayed.events) wrong.push('not all events were replayed');
  for (const line of wrong) print(`FAILED: ${line}`);
  print(wrong.length === 0 ? 'All as promised.' : '');
  process.exitCode = wrong.length === 0 ? 0 : 1;
} finally {
  clearTimeout(timer);
  await hbase.kill9();
  rmSync(folder, { recursive: true, force: true });
}

function seconds(ms: number): string {
  return `${(ms / 1000).toFixed(1)} s`;
}

/** Until the outage, so long after the faults begin, spans one in its middle. */
async function untilQuarterEnd(beforeMs: number): Promise<void> {
  if (values['no-quarter']) return;
  const quarterMs = 900_000;
  const middleMs = beforeMs + down.atMs + down.forMs / 2;
  const waitMs = quarterMs - ((Date.now() + middleMs) % quarterMs);
  say(`waits ${Math.round(waitMs / 1000)} s, so that a quarter ends in the middle of the outage`);
  await wait(waitMs);
}

function missedBars(report: ChaosReport): string[] {
  const wrong: string[] = [];
  const killed = hitsOf(report, 'kill') + hitsOf(report, 'killWorker');
  const copied = hitsOf(report, 'clone') + hitsOf(report, 'restore');
  if (killed < kills + workerKills) wrong.push(`${killed} of ${kills + workerKills} kills hit`);
  if (copied < folders.clone + folders.restore) wrong.push(`${copied} folders copied`);
  if (report.lostWriters === 0) wrong.push('no writer was named as lost');
  for (const { fromMs, untilMs, events } of report.outages) {
    const half = report.peakPerSecond / 2;
    if ((events * 1000) / (untilMs - fromMs) < half) wrong.push('less than half of the peak');
    const isAcross = Math.floor(fromMs / 900_000) < Math.floor(untilMs / 900_000);
    if (!isAcross && !values['no-quarter']) wrong.push('no quarter ended in the outage');
  }
  if (report.outages.length === 0) wrong.push('the store was never away');
  return wrong;
}

async function leave(why: string): Promise<void> {
  say(why);
  await hbase.kill9();
  process.exit(1);
}
