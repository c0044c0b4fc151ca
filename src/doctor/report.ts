// How the findings are told: lines for a person, or one object for a program. Its shape is a
// contract: README.md says what is in it.
import { outcomes, type Check, type CheckName, type Outcome } from './check.ts';

export interface Report {
  readonly outcome: 'ok' | 'fail';
  readonly store: string;
  readonly counts: Readonly<Record<Outcome, number>>;
  readonly checks: readonly Check[];
}

export function reportOf(store: string, checks: readonly Check[]): Report {
  const counts = { ok: 0, warn: 0, fail: 0, skipped: 0 };
  for (const { outcome } of checks) counts[outcome]++;
  return { outcome: counts.fail > 0 ? 'fail' : 'ok', store, counts, checks };
}

export function summaryOf({ counts, outcome }: Report): string {
  const parts = outcomes.map((word) => `${counts[word]} ${word}`);
  const end =
    outcome === 'ok' ? 'Nothing stands in the way.' : 'Mend what failed and run this again.';
  return `${parts.join(', ')}. ${end}`;
}

const words: Readonly<Record<Outcome, string>> = {
  ok: 'ok  ',
  warn: 'warn',
  fail: 'FAIL',
  skipped: 'skip',
};

const titles: Readonly<Record<CheckName, string>> = {
  settings: 'settings',
  'data-dir': 'data folder',
  'embedded-store': 'embedded store',
  zookeeper: 'ZooKeeper',
  znode: 'znode',
  master: 'master',
  'region-server': 'region server',
  'host-map': 'host map',
  cluster: 'cluster',
  clock: 'clock',
  regions: 'regions',
  table: 'table',
  layout: 'layout',
  versions: 'versions',
  'time-limit': 'time limit',
};

/** Prints checks; a cause and fixes that stand above already are not said again. */
export class Printer {
  readonly #quiet: boolean;
  readonly #said = new Set<string>();

  /** Quiet: only what is wrong. */
  constructor(options: { readonly quiet: boolean }) {
    this.#quiet = options.quiet;
  }

  print(checks: readonly Check[]): string {
    return grouped(checks)
      .filter(([{ outcome }]) => !this.#quiet || outcome === 'warn' || outcome === 'fail')
      .map((group) => this.#lines(group).join(''))
      .join('');
  }

  #lines(group: readonly [Check, ...Check[]]): string[] {
    const { outcome, ms, seen, cause, fix } = group[0];
    const name = nameOf(group);
    const time = ms === null ? '' : `${ms} ms`;
    const head = `${words[outcome]}${time.padStart(9)}  `;
    const lines = wrapped(head, `${name}: ${seen}`);
    if (cause !== null) lines.push(...wrapped(`${indent}why  `, cause));
    const key = fix.join('\n');
    const again = this.#said.has(key);
    for (const [i, way] of (again ? ['as above'] : fix).entries()) {
      // What stands alone, without blanks, belongs to the words before it.
      const label = i === 0 ? 'fix' : way.includes(' ') ? 'or ' : '   ';
      if (key !== '') lines.push(...wrapped(`${indent}${label}  `, way));
    }
    this.#said.add(key);
    return lines.map((line) => `${line}\n`);
  }
}

function nameOf([first, ...others]: readonly [Check, ...Check[]]): string {
  const names = [first, ...others].map(({ check, subject }) =>
    check === first.check && others.length > 0 ? subject || titles[check] : named(check, subject),
  );
  const alike = others.length > 0 && others.every(({ check }) => check === first.check);
  return alike ? `${titles[first.check]} ${names.join(', ')}` : names.join(', ');
}

function named(check: CheckName, subject: string): string {
  return subject === '' ? titles[check] : `${titles[check]} ${subject}`;
}

/** What stands alike for one reason is one line. */
function grouped(checks: readonly Check[]): (readonly [Check, ...Check[]])[] {
  const groups: [Check, ...Check[]][] = [];
  for (const check of checks) {
    const last = groups.at(-1);
    if (last !== undefined && check.outcome !== 'ok' && wordsOf(check) === wordsOf(last[0])) {
      last.push(check);
    } else {
      groups.push([check]);
    }
  }
  return groups;
}

function wordsOf({ outcome, seen, cause, fix }: Check): string {
  return JSON.stringify([outcome, seen, cause, fix]);
}

const columns = 100;
const indent = ' '.repeat(15);

/** At blanks; a line to copy has none and stays whole. Begins with the head, goes on beneath it. */
function wrapped(head: string, text: string): string[] {
  const lines: string[] = [];
  let line = head;
  let empty = true;
  for (const word of text.split(' ')) {
    if (!empty && line.length + word.length > columns) {
      lines.push(line.trimEnd());
      line = ' '.repeat(head.length);
    }
    line += `${word} `;
    empty = false;
  }
  return [...lines, line.trimEnd()];
}
