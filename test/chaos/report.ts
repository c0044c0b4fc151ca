// A run as a table for people, and as a list of what it falls short of.
import type { ChaosReport } from './chaos-run.ts';
import { meaning } from './plan.ts';
import type { FaultKind } from './plan.ts';

type Say = (line: string) => void;

/** What does not hold; empty: all does. */
export function shortcomings(report: ChaosReport): string[] {
  const { violations, audit, unaccounted, exitCodes, faults } = report;
  const wrong = brokenPromises(report);
  for (const [kind, times] of Object.entries(violations.counts)) {
    if (times > 0) wrong.push(`${times} answers: ${kind}`);
  }
  if (report.disagreements > 0) wrong.push(`${report.disagreements} ads differ by instance`);
  if (unaccounted.some((counts) => counts !== 0)) wrong.push(`unaccounted ${unaccounted.join()}`);
  if (audit !== undefined && audit.short + audit.beyond > 0) {
    wrong.push(`cells short of their journal ${audit.short}, beyond it ${audit.beyond}`);
  }
  if (audit !== undefined && audit.cellsWithoutJournal > 0) {
    wrong.push(`${audit.cellsWithoutJournal} cells of writers without a journal`);
  }
  if (audit?.cells === 0) wrong.push('no cell was held against a journal');
  for (const { kind, failed } of faults) {
    if (failed !== undefined) wrong.push(`${kind}: ${failed}`);
  }
  wrong.push(...report.brokenOff);
  for (const [name] of report.longestAwayMs) {
    if (!report.answers.has(name)) wrong.push(`${name} was never asked`);
  }
  if (exitCodes.some((code) => code !== 0)) wrong.push(`ended with ${exitCodes.join()}`);
  return wrong;
}

/** What a baseline is expected to break as well. */
export function brokenPromises({ lost, doubled, convergedMs }: ChaosReport): string[] {
  const wrong: string[] = [];
  if (lost > 0) wrong.push(`lost ${lost}`);
  if (doubled > 0) wrong.push(`doubled ${doubled}`);
  if (convergedMs === undefined) wrong.push('did not converge');
  return wrong;
}

export function hitsOf({ faults }: ChaosReport, kind?: FaultKind): number {
  return faults.filter((fault) => fault.hit && (kind ?? fault.kind) === fault.kind).length;
}

export function printReport(report: ChaosReport, say: Say): void {
  const { peakPerSecond, pacedPerSecond, violations, audit } = report;
  say(`\n${report.system}`);
  sayFaults(report, say);
  say('| acknowledged at | acknowledged | unknown | counted | lost | doubled |');
  say('|---|---:|---:|---:|---:|---:|');
  for (const [level, sum] of report.levels) {
    if (sum.acknowledged + sum.unknown === 0) continue;
    say(
      `| ${level} | ${sum.acknowledged} | ${sum.unknown} | ${sum.counted} | ${sum.lost} | ${sum.doubled} |`,
    );
  }
  const { acknowledged, unknown, counted, lost, doubled } = report;
  say(`| all | ${acknowledged} | ${unknown} | ${counted} | ${lost} | ${doubled} |`);
  say('');
  say(`answered early at memory and lost by a kill: ${report.lostAtMemory}`);
  say(`peak ${perSecond(peakPerSecond)}, over the faults ${perSecond(pacedPerSecond)}`);
  for (const { fromMs, untilMs, events } of report.outages) {
    const seconds = (untilMs - fromMs) / 1000;
    const share = events / seconds / peakPerSecond;
    say(
      `store away ${timeOf(fromMs)} to ${timeOf(untilMs)}, ${seconds.toFixed(1)} s: ` +
        `${perSecond(events / seconds)}, ${(share * 100).toFixed(0)} % of the peak`,
    );
  }
  say(`refused requests ${report.refusedRequests}`);
  const refusals = [...report.longestRefusalMs].map(
    ([level, ms]) => `${level} ${Math.round(ms)} ms`,
  );
  say(`longest refusal that a client saw: ${refusals.join(', ') || 'none'}`);
  for (const [name, ms] of report.longestAwayMs)
    say(`  ${name} took nothing: ${Math.round(ms)} ms`);
  const { convergedMs } = report;
  say(`converged after ${convergedMs === undefined ? 'NEVER' : `${Math.round(convergedMs)} ms`}`);
  const answers = [...report.answers].map(([name, times]) => `${name} ${times}`).join(', ');
  say(`totals read: ${answers}; not answered ${report.unanswered}`);
  say(
    `answers: ${listed(violations.counts)}; ads held to completeThrough ${report.completeChecked}`,
  );
  for (const example of violations.examples) say(`  ${example}`);
  if (audit !== undefined) {
    say(
      `audit: ${audit.cells} cells against ${audit.writers} journals: short ${audit.short}, ` +
        `beyond ${audit.beyond}, without a journal ${audit.cellsWithoutJournal}`,
    );
    for (const example of audit.examples) say(`  ${example}`);
    say(`unaccounted: ${report.unaccounted.join(', ')}`);
  }
  say('resident memory, MiB of each process:');
  for (const line of report.memory) say(`  ${line}`);
}

/** Systems side by side, for the README. */
export function comparison(reports: readonly ChaosReport[]): string[] {
  const rows = reports.map((report) => {
    const { system, acknowledged, unknown, counted, lost, doubled, violations } = report;
    const numbers = [acknowledged, unknown, counted, lost, doubled, violations.counts.fell];
    const refused = `${(longestOf(report) / 1000).toFixed(1)} s`;
    const { convergedMs } = report;
    const settled = convergedMs === undefined ? 'never' : `${(convergedMs / 1000).toFixed(1)} s`;
    return `| ${[system, ...numbers, hitsOf(report), refused, settled].join(' | ')} |`;
  });
  return [
    '',
    '| | acknowledged | unknown | counted | lost | doubled | totals that fell | faults that hit | longest refusal | converged after |',
    '|---|---:|---:|---:|---:|---:|---:|---:|---:|---:|',
    ...rows,
  ];
}

function longestOf({ longestRefusalMs }: ChaosReport): number {
  return Math.max(0, ...longestRefusalMs.values());
}

function sayFaults(report: ChaosReport, say: Say): void {
  const kinds = [...new Set(report.faults.map(({ kind }) => kind))];
  say('| fault | done | hit |');
  say('|---|---:|---:|');
  for (const kind of kinds) {
    const done = report.faults.filter((fault) => fault.kind === kind).length;
    say(`| ${meaning[kind]} | ${done} | ${hitsOf(report, kind)} |`);
  }
  say(`| all | ${report.faults.length} | ${hitsOf(report)} |`);
  say('');
}

function listed(counts: Readonly<Record<string, number>>): string {
  return Object.entries(counts)
    .map(([kind, times]) => `${kind} ${times}`)
    .join(', ');
}

function perSecond(events: number): string {
  return `${Math.round(events)} events/s`;
}

function timeOf(ms: number): string {
  return new Date(ms).toISOString().slice(11, 19);
}
