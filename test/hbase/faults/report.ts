// A fault run as a table for people, and as a list of what it falls short of.
import { cutKinds } from './cutter.ts';
import type { FaultReport, FeltCause } from './fault-run.ts';

/** What does not hold; empty: all does. */
export function shortcomings(
  report: FaultReport,
  asked: { readonly cutsPerKind: number; readonly putsPerSecond: number },
): string[] {
  const { violations, java, felt, cuts } = report;
  const { lost, misread, repeated } = violations;
  const wrong: string[] = [];
  if (lost + misread + repeated > 0) {
    wrong.push(`lost ${lost}, misread ${misread}, repeated ${repeated}`);
  }
  if (!report.sameAsJava) wrong.push("our scan is not what HBase's own client reads");
  if (java.some(({ cells }) => cells === 0)) wrong.push('a table was read as empty');
  if (report.scans === 0 || report.claims === 0) wrong.push('nothing was scanned or claimed');
  for (const { name, failed } of felt) if (failed !== null) wrong.push(`${name}: ${failed}`);
  for (const { name, hit } of felt) if (!hit) wrong.push(`${name}: not seen to hit`);
  for (const kind of cutKinds) {
    const hits = cuts.get(kind) ?? 0;
    if (hits < asked.cutsPerKind) wrong.push(`${hits} of ${asked.cutsPerKind} cuts of ${kind}`);
  }
  if (report.putsPerSecond < asked.putsPerSecond) {
    wrong.push(`${Math.round(report.putsPerSecond)} puts/s`);
  }
  return wrong;
}

export function printReport(report: FaultReport, say: (line: string) => void): void {
  const head = ['fault', 'times', 'hit', 'none confirmed', 'longest put', 'as before after'];
  const names = [...new Set(report.felt.map(({ name }) => name))];
  const rows = names.map((name) =>
    rowOf(
      name,
      report.felt.filter((felt) => felt.name === name),
    ),
  );
  say('');
  say(`| ${[...head, 'retries', 'failed requests'].join(' | ')} |`);
  say('|---|---:|---:|---:|---:|---:|---:|---:|');
  for (const row of rows) say(`| ${row.join(' | ')} |`);
  say('');
  say('| replies cut after they were applied | all | of them the reply alone |');
  say('|---|---:|---:|');
  for (const [kind, hits] of report.cuts) {
    say(`| ${kind} | ${hits} | ${report.swallowed.get(kind) ?? 0} |`);
  }
  say('');
  const { violations, java } = report;
  say(`puts sent ${report.sent}, confirmed ${report.confirmed}, ${one(report.putsPerSecond)}/s`);
  say(`cells whose last put is unknown ${report.unknownCells}`);
  say(`scans ${report.scans}, cells scanned ${report.scannedCells}`);
  say(`claims ${report.claims}, of them told by the cell alone ${report.claimsDoneBefore}`);
  say(`retries ${report.retries}`);
  say(`failed requests: ${listed(report.failures)}`);
  say(`calls that failed as a whole, and were made again: ${listed(report.brokenCalls)}`);
  for (const [what, times] of report.logged) say(`logged ${times} × ${what}`);
  for (const { cells, rows: got, lost, misread, repeated } of java) {
    const found = `lost ${lost}, misread ${misread}, repeated ${repeated}`;
    say(`HBase's own client: ${cells} cells scanned, ${got} rows got: ${found}`);
  }
  say(`our scan = its scan: ${report.sameAsJava}`);
  const { lost, misread, repeated } = violations;
  say(`in all: lost ${lost}, misread ${misread}, repeated ${repeated}`);
  for (const example of violations.examples) say(`  ${example}`);
  for (const fact of report.facts) say(`measured: ${fact}`);
}

/** The worst of several times. */
function rowOf(name: string, felt: readonly FeltCause[]): string[] {
  const most = (of: (one: FeltCause) => number): string =>
    `${Math.round(Math.max(...felt.map((each) => of(each))))} ms`;
  const sum = (of: (one: FeltCause) => number): string =>
    String(felt.reduce((total, each) => total + of(each), 0));
  return [
    name,
    String(felt.length),
    String(felt.filter(({ hit }) => hit).length),
    most(({ standstillMs }) => standstillMs),
    most(({ longestPutMs }) => longestPutMs),
    most(({ recoveredMs }) => recoveredMs),
    sum(({ retries }) => retries),
    sum(({ failedRequests }) => failedRequests),
  ];
}

function listed(counts: ReadonlyMap<string, number>): string {
  const sorted = [...counts].toSorted(([a], [b]) => (a < b ? -1 : 1));
  return sorted.map(([name, times]) => `${name} ${times}`).join(', ') || 'none';
}

function one(value: number): string {
  return value.toFixed(1);
}
