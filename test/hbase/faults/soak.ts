// `npm run hbase:soak`: the load of the fault run with faults at a gentle pace, all in this one
// process, and what it holds after a forced garbage collection at minute 2 and at the end: memory,
// heap, handles, open files. Exit code 1: more than 5 % beyond minute 2, anything lost or misread.
// Options: --minutes N, --puts-per-second N, --seed N.
import { readdirSync } from 'node:fs';
import path from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { parseArgs } from 'node:util';
import { hbaseRoot } from '../server/standalone.ts';
import type { RunningCluster } from '../server/cluster.ts';
import * as causes from './causes.ts';
import { faultRun } from './fault-run.ts';
import type { Cause, Tools } from './fault-run.ts';
import { printReport, shortcomings } from './report.ts';
import { withCluster } from './with-cluster.ts';

interface Held {
  readonly rssMiB: number;
  readonly heapMiB: number;
  readonly handles: number;
  readonly files: number;
}

const { values } = parseArgs({
  options: {
    minutes: { type: 'string', default: '10' },
    'puts-per-second': { type: 'string', default: '5000' },
    seed: { type: 'string', default: String(Date.now() % 1_000_000) },
  },
});
const collect = globalThis.gc;
if (collect === undefined) throw new Error('run it by npm run hbase:soak: it needs --expose-gc');
const minutes = Number(values.minutes);
const firstLookMs = Math.min(2, minutes / 2) * 60_000;
const lastLookMs = minutes * 60_000;
const pauseBetweenMs = 5_000;
const growthMax = 1.05;
const putsPerSecond = Number(values['puts-per-second']);
const say = (line: string): void => {
  process.stdout.write(`${new Date().toISOString().slice(11, 19)} ${line}\n`);
};
/** One of a kind a second. */
const cutOfEachKind: Cause = {
  name: 'replies cut',
  run: async ({ proxies }) => {
    for (const kind of ['Multi', 'Mutate', 'ScanOpen', 'ScanNext', 'GetClusterStatus']) {
      proxies.arm({ kind, times: 1, at: 'reply', act: 'cut' });
      await sleep(1_000);
    }
    return true;
  },
};

let failed = false;

await withCluster(
  { folder: path.join(hbaseRoot, 'soak'), longestMs: lastLookMs + 15 * 60_000, keep: false, say },
  async (cluster) => {
    const looks: Held[] = [];
    const report = await faultRun({
      hbase: cluster,
      seed: Number(values.seed),
      rows: 20_000,
      putsPerSecond,
      cutsPerKind: 0,
      cutPauseMs: 0,
      causes: [soak(cluster, looks)],
      leastMs: 0,
      causeTimeoutMs: lastLookMs,
      say,
    });
    printReport(report, (line) => process.stdout.write(`${line}\n`));
    const wrong = shortcomings(report, { cutsPerKind: 0, putsPerSecond });
    for (const line of [...wrong, ...growth(looks)]) {
      process.stdout.write(`FAILED: ${line}\n`);
      failed = true;
    }
  },
);
process.stdout.write(failed ? '' : 'All as promised.\n');
if (failed) process.exitCode = 1;

/** Gentle faults one after the other until a look is due. */
function soak(cluster: RunningCluster, looks: Held[]): Cause {
  const gentle: readonly Cause[] = [
    causes.onWhole(cluster, causes.move),
    cutOfEachKind,
    causes.onWhole(cluster, causes.moveClaims),
    cutOfEachKind,
    causes.onWhole(cluster, causes.killRegionServer(cluster, 'rs2')),
  ];
  return {
    name: `a soak of ${minutes} minutes`,
    run: async (tools) => {
      const startMs = performance.now();
      for (let i = 0; performance.now() - startMs < lastLookMs; i++) {
        const cause = gentle[i % gentle.length];
        await cause?.before?.(tools);
        await cause?.run(tools);
        await cause?.after?.(tools);
        await sleep(pauseBetweenMs);
        if (looks.length === 0 && performance.now() - startMs >= firstLookMs) {
          looks.push(await look(tools));
        }
      }
      looks.push(await look(tools));
      return true;
    },
  };
}

/** With the load held, and what it has left behind collected. */
async function look({ load, proxies }: Tools): Promise<Held> {
  await load.hold();
  await sleep(1_000);
  for (let i = 0; i < 5; i++) {
    collect?.();
    await sleep(200);
  }
  const { rss, heapUsed } = process.memoryUsage();
  const held = {
    rssMiB: rss / 1_048_576,
    heapMiB: heapUsed / 1_048_576,
    handles: process.getActiveResourcesInfo().length,
    files: readdirSync('/proc/self/fd').length,
  };
  load.release();
  say(`replies cut so far: ${proxies.struck().length}; held: ${inWords(held)}`);
  return held;
}

function growth(looks: readonly Held[]): string[] {
  const [first, last] = [looks[0], looks.at(-1)];
  if (first === undefined || last === undefined || looks.length < 2)
    return ['it was not looked at'];
  const names = ['rssMiB', 'heapMiB', 'handles', 'files'] as const;
  process.stdout.write('| held | minute 2 | end | ratio |\n|---|---:|---:|---:|\n');
  return names.flatMap((name) => {
    const ratio = last[name] / first[name];
    const figures = [first[name], last[name]].map((value) => value.toFixed(1)).join(' | ');
    process.stdout.write(`| ${name} | ${figures} | ${ratio.toFixed(3)} |\n`);
    return ratio > growthMax ? [`${name} grew by ${((ratio - 1) * 100).toFixed(1)} %`] : [];
  });
}

function inWords(held: Held): string {
  const { rssMiB, heapMiB, handles, files } = held;
  const memory = `RSS ${rssMiB.toFixed(1)} MiB, heap ${heapMiB.toFixed(1)} MiB`;
  return `${memory}, ${handles} handles, ${files} files`;
}
