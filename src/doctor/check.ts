// What the doctor says of one thing: how it stands, what was seen, why that may be, what to do.
// Nothing here looks at anything.

export const outcomes = ['ok', 'warn', 'fail', 'skipped'] as const;
export type Outcome = (typeof outcomes)[number];

/** Names of the checks, in their order; they are part of the JSON and stay as they are. */
export type CheckName =
  | 'settings'
  | 'data-dir'
  | 'embedded-store'
  | 'zookeeper'
  | 'znode'
  | 'master'
  | 'region-server'
  | 'host-map'
  | 'cluster'
  | 'clock'
  | 'regions'
  | 'table'
  | 'layout'
  | 'versions'
  | 'time-limit';

export interface Check {
  readonly check: CheckName;
  /** Which of them: an address, a table. Empty where there is only one. */
  readonly subject: string;
  readonly outcome: Outcome;
  /** How long it took; null where nothing was waited for. */
  readonly ms: number | null;
  /** What was found, as a fact. */
  readonly seen: string;
  /** Why it may be so; null where nothing is wrong. */
  readonly cause: string | null;
  /** What helps, one way or the other. A line to copy stands alone, without blanks. */
  readonly fix: readonly string[];
}

type Facts = Partial<Omit<Check, 'check' | 'subject' | 'outcome' | 'seen'>>;

export interface Checks {
  readonly ok: (seen: string, facts?: Facts) => Check;
  readonly warn: (seen: string, facts: Facts) => Check;
  readonly fail: (seen: string, facts: Facts) => Check;
  readonly skipped: (why: string) => Check;
}

export function checkOf(check: CheckName, subject = ''): Checks {
  const make = (outcome: Outcome, seen: string, facts: Facts = {}): Check => {
    const { ms = null, cause = null, fix = [] } = facts;
    return { check, subject, outcome, ms: ms === null ? null : Math.round(ms), seen, cause, fix };
  };
  return {
    ok: (seen, facts) => make('ok', seen, facts),
    warn: (seen, facts) => make('warn', seen, facts),
    fail: (seen, facts) => make('fail', seen, facts),
    skipped: (why) => make('skipped', why),
  };
}

/** All of them, some at a time, in their order. */
export async function inParallel<Item, Result>(
  items: readonly Item[],
  atOnceMax: number,
  each: (item: Item) => Promise<Result>,
): Promise<Result[]> {
  const results: Result[] = [];
  const left = [...items.entries()].values();
  const work = async (): Promise<void> => {
    for (const [i, item] of left) results[i] = await each(item);
  };
  await Promise.all(Array.from({ length: Math.min(atOnceMax, items.length) }, () => work()));
  return results;
}
