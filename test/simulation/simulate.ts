// npm run simulate -- --seed S --histories N --seconds T: runs histories from a seed on until so
// many, or so many seconds, are over. The first that breaks a law is told, and ends it.
import { parseArgs } from 'node:util';
import { runHistory } from './history.ts';
import { drawPlan } from './plan.ts';
import { realNowMs } from './real-time.ts';

const { values } = parseArgs({
  options: {
    seed: { type: 'string', default: '1' },
    histories: { type: 'string', default: 'Infinity' },
    seconds: { type: 'string', default: '60' },
    /** `hashes`: a line for each history, and nothing that depends on the machine. */
    tells: { type: 'string', default: 'speed' },
    lines: { type: 'string', default: '80' },
    failures: { type: 'string', default: '1' },
  },
});
const [first, histories, seconds] = [values.seed, values.histories, values.seconds].map(Number);

/** However busy the machine is. */
const leastHistories = 10;
let ran = 0;
let events = 0;
let failed = 0;
const hits: Record<string, number> = {};
const startMs = realNowMs();
const isEnough = (): boolean =>
  ran >= (histories ?? 0) ||
  failed >= Number(values.failures) ||
  (ran >= leastHistories && realNowMs() - startMs > (seconds ?? 0) * 1000);

for (; !isEnough(); ran++) {
  const plan = drawPlan((first ?? 1) + ran);
  const outcome = await runHistory(plan);
  events += outcome.events;
  for (const [kind, times] of Object.entries(outcome.hits)) hits[kind] = (hits[kind] ?? 0) + times;
  if (values.tells === 'hashes') {
    console.log(`${outcome.seed} ${outcome.hash} ${outcome.events} events`);
  }
  if (outcome.broken === undefined) continue;
  failed++;
  console.log(outcome.lines.slice(-Number(values.lines)).join('\n'));
  console.log(`seed ${outcome.seed}: ${outcome.broken.law}: ${outcome.broken.what}`);
}
if (values.tells !== 'hashes') {
  const took = (realNowMs() - startMs) / 1000;
  const speed = `${took.toFixed(1)} s, ${(ran / took).toFixed(1)} a second`;
  console.log(`${ran} histories, ${events} events, ${speed}, ${failed} failed`);
  console.log(`faults that hit: ${JSON.stringify(hits)}`);
}
process.exitCode = failed > 0 ? 1 : 0;
