// `npm run compare:store`: the fake table beside a real HBase. Options: --seed N, --sequences N,
// --batch N (sequences to one schedule of flushes and compactions), --zookeeper host:port of a test
// HBase that is up, else one is started. Exits with 1 at a difference.
import path from 'node:path';
import { parseArgs } from 'node:util';
import { hbaseRoot, startHBase } from '../hbase/server/standalone.ts';
import { stepText } from './random-steps.ts';
import { compareStores } from './store-comparison.ts';
import type { ComparisonReport } from './store-comparison.ts';

const { values } = parseArgs({
  options: {
    seed: { type: 'string', default: String(Date.now() % 1_000_000) },
    sequences: { type: 'string', default: '10000' },
    batch: { type: 'string', default: '250' },
    zookeeper: { type: 'string' },
  },
});
const say = (line: string): void => void process.stdout.write(`${line}\n`);
const [seed, sequences, batch] = [values.seed, values.sequences, values.batch].map(Number);
if (!(seed !== undefined && sequences !== undefined && sequences > 0 && batch !== undefined)) {
  throw new Error('--seed, --sequences and --batch are numbers');
}

say(`seed ${seed}`);
const folder = path.join(hbaseRoot, 'compare');
const hbase =
  values.zookeeper === undefined ? await startHBase({ folder, fresh: true }) : undefined;
try {
  const zookeeper = hbase?.zookeeper ?? values.zookeeper ?? '';
  const report = await compareStores({ zookeeper, seed, sequences, batch, say });
  print(report);
  process.exitCode = report.differences.length > 0 ? 1 : 0;
} finally {
  await hbase?.kill9();
}

function print(report: ComparisonReport): void {
  say(`sequences ${report.sequences}, at least ${report.stepsMin} operations each`);
  for (const [kind, count] of Object.entries(report.operations)) say(`  ${kind} ${count}`);
  say(`rows read and compared ${report.reads}`);
  const { fallingOnOneCell, fallingPuts, puts } = report;
  say(`on one cell with equal or falling versions: ${share(fallingOnOneCell, report.sequences)}`);
  say(`puts at an equal or lower version than before: ${share(fallingPuts, puts)} of ${puts}`);
  for (const { what, steps } of report.differences) {
    say(`\nDIFFERENCE (seed ${seed}): ${what}`);
    for (const step of steps) say(`  ${stepText(step)}`);
  }
  say(`differences ${report.differences.length}`);
}

function share(part: number, whole: number): string {
  return `${((100 * part) / whole).toFixed(1)} %`;
}
