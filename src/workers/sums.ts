// Puts together what several workers say of themselves, pure: as one instance that is as ready,
// and as complete, as the least of them.
import type { FlushAnswer, Readiness } from '../http/ports.ts';
import type { Unflushed } from '../query/asking.ts';

export type Document = Readonly<Record<string, unknown>>;

/** `expected` is how many should serve. */
export function readinessTogether(parts: readonly Readiness[], expected: number): Readiness {
  const worst = (['failing', 'draining'] as const).find((state) =>
    parts.some((part) => part.state === state),
  );
  if (worst !== undefined) {
    return { state: worst, reasons: reasonsOf(parts.filter(({ state }) => state === worst)) };
  }
  const ready = parts.filter(({ state }) => state === 'ready' || state === 'degraded');
  if (ready.length === 0) return { state: 'starting', reasons: ['starting'] };
  const missing = ready.length < expected ? ['workers_missing'] : [];
  const reasons = [...new Set([...reasonsOf(ready), ...missing])];
  return { state: reasons.length === 0 ? 'ready' : 'degraded', reasons };
}

const outcomes = ['success', 'skipped', 'partial', 'error'] as const;

/** As good as the worst; something was put where anything was. */
export function flushTogether(parts: readonly FlushAnswer[]): FlushAnswer {
  const cells = parts.reduce((sum, part) => sum + part.cells, 0);
  const worst = Math.max(0, ...parts.map(({ outcome }) => outcomes.indexOf(outcome)));
  const isPart = worst === outcomes.indexOf('error') && parts.some((part) => part.cells > 0);
  const moments = parts.flatMap(({ completeThroughMs }) => completeThroughMs ?? []);
  return {
    outcome: isPart ? 'partial' : (outcomes[worst] ?? 'error'),
    cells,
    ms: Math.max(0, ...parts.map(({ ms }) => ms)),
    // The registry only grows: who asked it last knows best.
    completeThroughMs: moments.length === 0 ? null : Math.max(...moments),
  };
}

export function unflushedTogether(parts: readonly Unflushed[]): Unflushed {
  const sum = { impressions: 0, clicks: 0 };
  for (const { impressions, clicks } of parts) {
    sum.impressions += impressions;
    sum.clicks += clicks;
  }
  return sum;
}

/** A status in the shape of one process, numbers added up, and what each worker says of itself. */
export function statusTogether(documents: readonly Document[], workers: readonly Document[]) {
  // Whoever read the registry just now says what it holds.
  const base = documents.find((each) => each['writersAsOf'] === 'now') ?? documents[0] ?? {};
  const all = <Value>(name: string): Value[] => documents.map((each) => each[name] as Value);
  const added = (name: string): Document => addedUp(all<Record<string, unknown>>(name));
  const budgets = all<number | null>('outageBudgetSeconds').flatMap((budget) => budget ?? []);
  const flushes = all<Document | null>('lastFlush').filter((flush) => flush !== null);
  const skews = all<number>('clockSkewSeconds');
  const stores = all<{ readonly up: boolean; readonly refusal: string | null }>('store');
  const refusal = stores.find((store) => store.refusal !== null)?.refusal ?? null;
  const { writer: _writer, registered: _registered, ...rest } = base;
  return {
    ...rest,
    store: { ...stores[0], up: stores.every(({ up }) => up), refusal },
    unflushed: added('unflushed'),
    memory: added('memory'),
    lastFlush:
      flushes.toSorted((a, b) => String(a['at']).localeCompare(String(b['at'])))[0] ?? null,
    journal: added('journal'),
    setAside: added('setAside'),
    readBack: added('readBack'),
    outageBudgetSeconds: budgets.length === 0 ? null : Math.min(...budgets),
    clockSkewSeconds: skews.toSorted((a, b) => Math.abs(b) - Math.abs(a))[0] ?? 0,
    workers,
  };
}

/** Numbers are added, lists joined; of anything else the first that says something. */
function addedUp(parts: readonly Readonly<Record<string, unknown>>[]): Document {
  const sum: Record<string, unknown> = {};
  for (const part of parts) {
    for (const [name, value] of Object.entries(part)) {
      const before = sum[name];
      if (typeof value === 'number' && typeof before === 'number') sum[name] = before + value;
      else if (Array.isArray(value) && Array.isArray(before)) sum[name] = [...before, ...value];
      else sum[name] = before ?? value;
    }
  }
  return sum;
}

function reasonsOf(parts: readonly Readiness[]): string[] {
  return [...new Set(parts.flatMap(({ reasons }) => reasons))];
}
