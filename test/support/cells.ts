// Cells for tests: ids that are hard to keep apart, and sums by brute force.
import type { AdId, Cell, SiteId } from '../../src/model/cell.ts';
import { sumOf } from '../../src/model/cell.ts';
import { drawWriterId } from '../../src/model/writer-id.ts';

export const ad = (id: string): AdId => id as AdId;
export const site = (id: string): SiteId => id as SiteId;

/** Each is the prefix of another, ends where another goes on, or sorts between two others. */
export const hardIds: readonly string[] = [
  'a',
  'aa',
  'a a',
  'a!',
  'a\u007f\u00ff',
  'ab',
  '__proto__',
  'constructor',
  'a/b',
  '%00',
  'é',
  'e\u0301',
  '\ud83d\ude00',
  '\ud83d\ude00\ud83d\ude00',
  '\uffff',
  '\u{10ffff}',
  'x'.repeat(127),
  'x'.repeat(128),
  '\u{1f600}'.repeat(32),
  '\u00ff'.repeat(64),
];

export const someQuarter = Math.floor(Date.now() / 900_000) - 4;

export function cellOf(parts: Partial<Cell> = {}): Cell {
  return {
    writer: parts.writer ?? drawWriterId(),
    ad: parts.ad ?? ad('ad'),
    site: parts.site ?? site('site.example'),
    eventQuarter: parts.eventQuarter ?? someQuarter,
    lag: parts.lag ?? 0,
    counts: parts.counts ?? [1, 1],
  };
}

/** One line per cell, in an order of its own: for comparing sets of cells. */
export function linesOf(cells: Iterable<Omit<Cell, 'ad'>>): string[] {
  const lines: string[] = [];
  for (const { site: id, eventQuarter, lag, writer, counts } of cells) {
    lines.push([id, eventQuarter, lag, writer, counts.join('+')].join(' '));
  }
  return lines.sort();
}

/** Of each cell the state with the larger n, as a store must end up with. */
export function latestOf(states: Iterable<Cell>): Cell[] {
  const latest = new Map<string, Cell>();
  for (const cell of states) {
    const key = JSON.stringify([cell.ad, cell.site, cell.eventQuarter, cell.lag, cell.writer]);
    const standing = latest.get(key);
    if (standing === undefined || sumOf(cell.counts) > sumOf(standing.counts)) {
      latest.set(key, cell);
    }
  }
  return [...latest.values()];
}
