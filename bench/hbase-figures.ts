// Owns what a bench says of its turns: seconds, CPU, medians of ratios with their range, and the
// table of bars. Never judges by anything but a median; a bar that is missed is no failure.

import { setTimeout as sleep } from 'node:timers/promises';

/** The threads of the garbage collector go on sweeping for a while. */
const settleMs = 200;

export interface Figures {
  readonly seconds: number;
  /** Of the client's process alone, all its threads. */
  readonly cpuSeconds: number;
  /** Puts acknowledged, or cells that arrived. */
  readonly count: number;
}

/** By player. */
export type Rounds = Record<string, Figures[]>;

export interface Bar {
  readonly what: string;
  readonly asked: number;
  /** A ratio a round. */
  readonly seen: readonly number[];
}

/** Work that answers how much it did; garbage of the turn before is not its own. */
export async function measured(work: () => Promise<number> | number): Promise<Figures> {
  globalThis.gc?.();
  await sleep(settleMs);
  const cpu = process.cpuUsage();
  const startMs = performance.now();
  const count = await work();
  const seconds = (performance.now() - startMs) / 1_000;
  const { user, system } = process.cpuUsage(cpu);
  return { seconds, cpuSeconds: (user + system) / 1e6, count };
}

export function perSecond({ count, seconds }: Figures): number {
  return count / seconds;
}

export function cpuMicros({ count, cpuSeconds }: Figures): number {
  return (cpuSeconds / count) * 1e6;
}

export function say(line: string): void {
  process.stdout.write(`${line}\n`);
}

/** As a table for docs/hbase-measured.md: medians of the rounds, their range behind them. */
export function sayRounds(rounds: Rounds): void {
  const rows = Object.entries(rounds).map(([name, turns]) => [
    name,
    spread(turns.map(perSecond), (value) => Math.round(value).toLocaleString('en')),
    spread(turns.map(cpuMicros), (value) => value.toFixed(2)),
    median(turns.map(({ cpuSeconds, seconds }) => cpuSeconds / seconds)).toFixed(2),
  ]);
  sayTable([['who', 'a second', 'µs of client CPU for each', 'cores of the client'], ...rows]);
}

export function sayBars(bars: readonly Bar[]): void {
  const rows = bars.map(({ what, asked, seen }) => {
    const reached = median(seen) >= asked ? 'reached' : 'missed';
    return [what, `≥ ${asked}`, spread(seen, short), reached];
  });
  sayTable([['ratio', 'asked', 'seen', ''], ...rows]);
}

function sayTable(rows: readonly (readonly string[])[]): void {
  for (const [i, row] of rows.entries()) {
    say(`| ${row.join(' | ')} |`);
    if (i === 0) say(`|${'---|'.repeat(row.length)}`);
  }
  say('');
}

/** How often the first is in the second, round by round. */
export function ratios(over: readonly number[], under: readonly number[]): readonly number[] {
  return over.map((value, i) => value / (under[i] ?? Number.NaN));
}

export function median(values: readonly number[]): number {
  const sorted = values.toSorted((a, b) => a - b);
  return sorted[Math.floor(sorted.length / 2)] ?? Number.NaN;
}

export function spread(values: readonly number[], text: (value: number) => string): string {
  return `${text(median(values))} (${text(Math.min(...values))}-${text(Math.max(...values))})`;
}

export function short(value: number): string {
  return value.toFixed(value < 10 ? 2 : 1);
}
