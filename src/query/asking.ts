// Answers questions: sums what the store has confirmed, beside it how far that is complete.
// Promises: registry first, then the store, so nothing called complete is missing; never a
// partial sum; what this process still holds stands beside the total and is never in it.
import { setMaxListeners } from 'node:events';
import {
  queryAdsConcurrentMax,
  queryFreshTimeoutMs,
  querySitesMax,
  queryTimeoutMs,
} from '../limits.ts';
import type { AdId, SiteId } from '../model/cell.ts';
import { CounterError } from '../model/errors.ts';
import type { QuarterRange } from '../model/quarter.ts';
import type { CallOptions } from '../model/rows.ts';
import type { CounterStore } from '../store/counter-store.ts';
import { Deadline } from '../store/deadline.ts';
import type {
  AdSites,
  AdSiteTotal,
  AdTotal,
  Asking,
  PageOptions,
  QueryOptions,
  RangedAnswer,
} from './answers.ts';
import type { MissedWriter, ReadRange } from './range.ts';
import { checkRange, isFinal, readRangeOf, touching } from './range.ts';
import { SitePager } from './site-page.ts';
import { Sums } from './sums.ts';

export interface AskingNeeds {
  readonly store: Pick<CounterStore, 'readAd' | 'readAdSite'>;
  readonly readRegistry: (options: CallOptions) => Promise<RegistryState>;
  /** Of this process, or of all that serve with it. */
  readonly unflushed: (
    ad: AdId,
    site: SiteId | undefined,
    quarters: QuarterRange,
  ) => Unflushed | Promise<Unflushed>;
  /** Resolves when what they had counted before is confirmed, or rejects. */
  readonly flushFirst: (options: CallOptions) => Promise<void>;
  readonly nowMs: () => number;
  readonly retentionDays: number;
}

export interface RegistryState {
  /** Least watermark of the open writers; null: nobody ever wrote, or nobody can say. */
  readonly completeThroughMs: number | null;
  /** Greatest watermark of all; where it is left out, completeThrough stands for it. */
  readonly greatestWatermarkMs?: number | null;
  /** Left out: none. */
  readonly lost?: readonly MissedWriter[];
  /** Open, and silent for minutes. Left out: none. */
  readonly dead?: readonly MissedWriter[];
  /** Whose records cannot be read. Left out: none. */
  readonly unreadable?: readonly string[];
}

export type Unflushed = Readonly<{ impressions: number; clicks: number }>;

/** One question under way: its range, how complete it is, the time it has left. */
interface Question extends ReadRange {
  readonly deadline: Deadline;
  readonly ranged: RangedAnswer;
}

export function createAsking(needs: AskingNeeds): Asking {
  return {
    adTotals: (ads, options) =>
      ask(needs, options, async (question) => {
        const unique = new Map<AdId, AdTotal>();
        await eachOf([...new Set(ads)], queryAdsConcurrentMax, async (ad) => {
          unique.set(ad, await adTotal(needs, question, ad));
        });
        return ads.flatMap((ad) => unique.get(ad) ?? []);
      }),
    adSites: (ad, options, page) =>
      ask(needs, options, (question) => adSites(needs, question, ad, page)),
    adSite: (ad, site, options) =>
      ask(needs, options, (question) => adSiteTotal(needs, question, ad, site)),
  };
}

async function adTotal(needs: AskingNeeds, question: Question, ad: AdId): Promise<AdTotal> {
  // Before the store is read: what is confirmed meanwhile then stands on both sides for a moment
  // and on neither never, so that total <= accepted <= total + unflushed.
  const unflushed = await needs.unflushed(ad, undefined, question.named);
  const sums = new Sums();
  let known = false;
  const visit = (entry: { readonly counts: readonly number[] }): void => {
    known = true;
    sums.add(entry.counts);
  };
  await needs.store.readAd(ad, question.read, visit, question.deadline.rest());
  return { ad, ...question.ranged, ...sums.totals(), unflushed, known };
}

async function adSiteTotal(
  needs: AskingNeeds,
  question: Question,
  ad: AdId,
  site: SiteId,
): Promise<AdSiteTotal> {
  const unflushed = await needs.unflushed(ad, site, question.named);
  const sums = new Sums();
  let known = false;
  const visit = (entry: { readonly counts: readonly number[] }): void => {
    known = true;
    sums.add(entry.counts);
  };
  await needs.store.readAdSite({ ad, site }, question.read, visit, question.deadline.rest());
  return { ad, site, ...question.ranged, ...sums.totals(), unflushed, known };
}

async function adSites(
  needs: AskingNeeds,
  question: Question,
  ad: AdId,
  page: PageOptions,
): Promise<AdSites> {
  const pager = new SitePager(page);
  const bySite = new Map<SiteId, Sums>();
  const visit = (entry: { readonly site: SiteId; readonly counts: readonly number[] }): void => {
    let sums = bySite.get(entry.site);
    if (sums === undefined) {
      if (bySite.size >= querySitesMax) throw tooManySites();
      bySite.set(entry.site, (sums = new Sums()));
    }
    sums.add(entry.counts);
  };
  await needs.store.readAd(ad, question.read, visit, question.deadline.rest());
  const { rows, nextCursor } = pager.pageOf(bySite);
  const sites = rows.map(([site, sums]) => Object.assign({ site }, sums.totals()));
  return { ad, ...question.ranged, sites, sitesTotal: bySite.size, nextCursor };
}

/** Opens a question, has it answered in time, and names what failed as the port does. */
async function ask<T>(
  needs: AskingNeeds,
  options: QueryOptions,
  answer: (question: Question) => Promise<T>,
): Promise<T> {
  // Whatever ends the question ends all of its reads.
  const abort = new AbortController();
  setMaxListeners(0, abort.signal);
  const follow = (): void => abort.abort();
  options.signal?.addEventListener('abort', follow, { once: true });
  if (options.signal?.aborted === true) follow();
  const timeoutMs = options.fresh ? queryFreshTimeoutMs : queryTimeoutMs;
  const deadline = new Deadline({ timeoutMs, signal: abort.signal });
  try {
    checkRange(options);
    if (options.fresh) await deadline.race(needs.flushFirst(deadline.rest()));
    const registry = await deadline.race(needs.readRegistry(deadline.rest()));
    return await deadline.race(answer(questionOf(needs, options, registry, deadline)));
  } catch (thrown) {
    throw asPortSays(thrown);
  } finally {
    options.signal?.removeEventListener('abort', follow);
    abort.abort();
  }
}

function questionOf(
  needs: AskingNeeds,
  options: QueryOptions,
  registry: RegistryState,
  deadline: Deadline,
): Question {
  const { completeThroughMs } = registry;
  const { nowMs, retentionDays } = needs;
  const reachedMs = registry.greatestWatermarkMs ?? completeThroughMs;
  const ranges = readRangeOf(options, { nowMs: nowMs(), retentionDays, reachedMs });
  const final = isFinal(completeThroughMs, ranges.named);
  const lost = touching(registry.lost ?? [], ranges.named);
  const dead = touching(registry.dead ?? [], ranges.named);
  const { unreadable = [] } = registry;
  const ranged = { range: ranges.named, completeThroughMs, final, lost, dead, unreadable };
  return { ...ranges, deadline, ranged };
}

const answered = new Set(['TOTAL_TOO_LARGE', 'RANGE_INVALID', 'CURSOR_INVALID', 'BYTES_INVALID']);

function asPortSays(thrown: unknown): unknown {
  if (!(thrown instanceof CounterError)) return thrown;
  if (answered.has(thrown.code) || thrown.code.startsWith('SCHEMA_')) return thrown;
  const options = { cause: thrown, detail: thrown.message };
  return new CounterError('STORE_UNAVAILABLE', 'retry', options);
}

/** Runs the task for every item, so many at a time; the first failure ends it. */
async function eachOf<T>(
  items: readonly T[],
  concurrent: number,
  task: (item: T) => Promise<void>,
): Promise<void> {
  const rest = items.values();
  const work = async (): Promise<void> => {
    for (const item of rest) await task(item);
  };
  await Promise.all(Array.from({ length: Math.min(concurrent, items.length) }, work));
}

function tooManySites(): CounterError {
  const detail = `more than ${querySitesMax} sites; ask for a shorter range`;
  return new CounterError('TOTAL_TOO_LARGE', 'give-up', { detail });
}
