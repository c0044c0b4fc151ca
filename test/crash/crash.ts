// `npm run crash`: kill -9 under load, on each store, and the table of what became of the counts.
// Options: --store embedded|hbase|both, --ack journal|memory|both, --kills N, --seed N.
import { parseArgs } from 'node:util';
import { mainFile } from './service-process.ts';
import { crashRun } from './crash-run.ts';
import type { CrashReport, KillKind } from './crash-run.ts';
import { hbaseForCrashes } from './hbase.ts';
import { existsSync } from 'node:fs';

const { values } = parseArgs({
  options: {
    store: { type: 'string', default: 'both' },
    ack: { type: 'string', default: 'both' },
    kills: { type: 'string', default: '10' },
    seed: { type: 'string', default: String(Date.now() % 1_000_000) },
  },
});
if (!existsSync(mainFile)) throw new Error('build first: npm run build');
const stores = values.store === 'both' ? ['embedded', 'hbase'] : [values.store];
const acks = values.ack === 'both' ? (['journal', 'memory'] as const) : [values.ack];
const seed = Number(values.seed);
const say = (line: string): void => void process.stdout.write(`${line}\n`);
let failed = false;

say(`seed ${seed}`);
for (const store of stores) {
  const hbase = store === 'hbase' ? await hbaseForCrashes() : undefined;
  try {
    for (const ack of acks) {
      say(`\n── ${store}, acknowledged at ${ack} ──`);
      const report = await crashRun({
        kills: killKinds(Number(values.kills)),
        ack: ack === 'memory' ? 'memory' : 'journal',
        seed,
        senders: 40,
        acknowledgements: 5000,
        sharedEvents: 10,
        sharedSites: 2000,
        env: hbase === undefined ? {} : await hbase.freshTables(),
        say,
      });
      print(report);
      failed ||= isBad(report, ack === 'journal') || isTooSoft(report);
    }
  } finally {
    await hbase?.stop();
  }
}
say(failed ? '\nFAILED' : '\nAll as promised.');
process.exitCode = failed ? 1 : 0;

/**
 * So many kills with thousands of acknowledgements between them, every fifth with a flush on the
 * wire; and, beside those, kills in the middle of the recovery that some of them caused, and of
 * stops.
 */
function killKinds(kills: number): KillKind[] {
  const kinds = Array.from({ length: kills }, (_, i): KillKind[] => {
    if (i % 5 === 1) return ['flush', 'recovery'];
    if (i % 5 === 2) return ['random', 'stop'];
    return i % 5 === 3 ? ['random', 'recovery'] : ['random'];
  });
  return kinds.flat();
}

function print(report: CrashReport): void {
  const { kills, ...numbers } = report;
  const under = kills.filter((kill) => kill.kind !== 'recovery');
  const least = (of: 'inFlight' | 'acknowledged'): number =>
    Math.min(...under.map((kill) => kill[of]));
  const hits = (kind: KillKind): number =>
    kills.filter((kill) => kill.kind === kind && kill.hit).length;
  say(
    `kills ${kills.length} (in a recovery ${hits('recovery')}, in a flush ${hits('flush')}), ` +
      `in flight at least ${least('inFlight')}, acknowledged between two at least ${least('acknowledged')}`,
  );
  for (const [name, value] of Object.entries(numbers)) say(`${name.padEnd(14)} ${value}`);
}

/** Kills that fell beside what they were meant for prove nothing. */
function isTooSoft({ kills }: CrashReport): boolean {
  const hits = (kind: KillKind): number =>
    kills.filter((kill) => kill.kind === kind && kill.hit).length;
  const idle = kills.some((kill) => kill.inFlight < 32);
  const under = kills.filter((kill) => kill.kind !== 'recovery');
  const early = under.some((kill) => kill.acknowledged < 5000);
  return idle || early || (under.length >= 10 && (hits('recovery') < 2 || hits('flush') < 2));
}

/** At `memory` a crash may lose what was answered early; nothing may ever be doubled. */
function isBad(report: CrashReport, durable: boolean): boolean {
  const lost = report.lost > 0 || report.marksMissing > 0;
  const wrong = report.doubled > 0 || report.marksWrong > 0 || report.readFalls > 0;
  return wrong || report.unaccounted !== 0 || (durable && lost);
}
