// npm run simulate -- --seed S --histories N --seconds T: runs histories from a seed on until so
// many, or so many seconds, are over. The first that breaks a law ends it: its story is told, then
// the least plan that breaks the same law. --save FILE keeps that plan, --plan FILE runs it again.
import { readFileSync, writeFileSync } from 'node:fs';
import { parseArgs } from 'node:util';
import { runHistory } from './history.ts';
import type { Outcome } from './history.ts';
import { drawPlan } from './plan.ts';
import type { Plan } from './plan.ts';
import { realNowMs } from './real-time.ts';
import { lineOf, shrink } from './shrink.ts';

const { values } = parseArgs({
  options: {
    seed: { type: 'string', default: '1' },
    histories: { type: 'string', default: 'Infinity' },
    seconds: { type: 'string', default: '60' },
    /** `hashes`: a line for each history, and nothing that depends on the machine. */
    tells: { type: 'string', default: 'speed' },
    lines: { type: 'string', default: '60' },
    /** So many histories may break a law before it ends. */
    failures: { type: 'string', default: '1' },
    /** How long a plan is made shorter; 0: not at all. */
    shrink: { type: 'string', default: '60' },
    plan: { type: 'string' },
    save: { type: 'string' },
  },
});

/** However busy the machine is. */
const leastHistories = 10;
const startMs = realNowMs();
const secondsSince = (sinceMs: number): number => (realNowMs() - sinceMs) / 1000;
const hits: Record<string, number> = {};
let events = 0;
let failed = 0;

function tellStory({ lines, seed, broken }: Outcome): void {
  console.log(lines.slice(lines.length - Number(values.lines)).join('\n'));
  console.log(`seed ${seed}: ${broken?.law}: ${broken?.what}`);
}

async function tellLeast(plan: Plan, { broken }: Outcome): Promise<void> {
  if (broken === undefined || Number(values.shrink) === 0) return;
  const beganMs = realNowMs();
  const least = await shrink(plan, {
    law: broken.law,
    run: async (candidate) => (await runHistory(candidate)).broken?.law,
    isOver: () => secondsSince(beganMs) > Number(values.shrink),
  });
  console.log(`-- the least plan found, ${least.steps.length} of ${plan.steps.length} steps:`);
  console.log(`${least.kind}, machines ${least.machineOf.join(' ')}, ${least.segmentBytes} bytes`);
  for (const step of least.steps) console.log(lineOf(step));
  console.log('-- and what happens in it:');
  tellStory(await runHistory(least));
  if (values.save !== undefined) writeFileSync(values.save, JSON.stringify(least, undefined, 1));
}

async function run(plan: Plan): Promise<void> {
  const outcome = await runHistory(plan);
  events += outcome.events;
  for (const [kind, times] of Object.entries(outcome.hits)) hits[kind] = (hits[kind] ?? 0) + times;
  if (values.tells === 'hashes') {
    console.log(`${outcome.seed} ${outcome.hash} ${outcome.events} events`);
  }
  if (outcome.broken === undefined) return;
  failed++;
  tellStory(outcome);
  await tellLeast(plan, outcome);
}

async function runAll(): Promise<number> {
  if (values.plan !== undefined) {
    await run(JSON.parse(readFileSync(values.plan, 'utf8')) as Plan);
    return 1;
  }
  let ran = 0;
  const isEnough = (): boolean =>
    ran >= Number(values.histories) ||
    failed >= Number(values.failures) ||
    (ran >= leastHistories && secondsSince(startMs) > Number(values.seconds));
  for (; !isEnough(); ran++) await run(drawPlan(Number(values.seed) + ran));
  return ran;
}

const ran = await runAll();
if (values.tells !== 'hashes') {
  const took = secondsSince(startMs);
  const speed = `${took.toFixed(1)} s, ${(ran / took).toFixed(1)} a second`;
  console.log(`${ran} histories, ${events} events, ${speed}, ${failed} failed`);
  const { user, system } = process.cpuUsage();
  console.log(`processor time, its start included: ${((user + system) / 1e6).toFixed(1)} s`);
  console.log(`faults that hit: ${JSON.stringify(hits)}`);
}
process.exitCode = failed > 0 ? 1 : 0;
