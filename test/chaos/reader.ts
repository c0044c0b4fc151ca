// Asks one instance after the other for totals while they are killed, and holds each answer to the
// clients' books: never more than they may have sent (I1), never less than any answer before (I2),
// all that was confirmed at `store` before the question, all durable acknowledgements that came
// before the moment through which the answer says to be complete (I4).
import { wait } from '../crash/load.ts';
import type { Account } from './account.ts';
import type { Target } from './target.ts';

export interface Violations {
  readonly counts: Record<'beyond' | 'fell' | 'storeMissing' | 'incomplete', number>;
  readonly examples: string[];
}

export interface AdTotal {
  readonly ad: string;
  readonly impressions: { readonly counted: number };
  readonly completeThrough?: string | null;
  readonly lost?: readonly string[];
}

export interface ReaderOptions {
  readonly accounts: readonly Account[];
  readonly targets: readonly Target[];
  /** By how much an accept clock may be ahead of ours. */
  readonly clockAheadMs: number;
  readonly pauseMs: number;
}

/** What an answer may not fall below. */
interface Least {
  readonly highest: number;
  readonly stored: number;
}

const examplesMax = 20;
const adsPerQuestion = 100;
const narrowSharePerWide = 8;
/** Several ask beside one another: while the store is away an answer is long in coming. */
const askers = 3;
const askTimeoutMs = 10_000;
const lastAskTimeoutMs = 120_000;

export class Reader {
  readonly violations: Violations = {
    counts: { beyond: 0, fell: 0, storeMissing: 0, incomplete: 0 },
    examples: [],
  };
  /** Answers, by the instance that gave them. */
  readonly answers = new Map<string, number>();
  unanswered = 0;
  /** Of those: told that there is no answer now, as when the store is away. */
  refused = 0;
  /** Answers that were held to a moment of completeness. */
  completeChecked = 0;
  /** Writers that an answer named as lost. */
  readonly lost = new Set<string>();
  /** Those whose disk was found again, and all of it put. */
  readonly found = new Set<string>();
  readonly #options: ReaderOptions;
  readonly #byAd: ReadonlyMap<string, Account>;
  readonly #highest = new Map<string, number>();
  #reading: Promise<unknown> = Promise.resolve();
  #turn = 0;
  #stopped = false;

  constructor(options: ReaderOptions) {
    this.#options = options;
    this.#byAd = new Map(options.accounts.map((account) => [account.ad, account]));
  }

  start(): void {
    this.#reading = Promise.all(Array.from({ length: askers }, () => this.#readOn()));
  }

  async stop(): Promise<void> {
    this.#stopped = true;
    await this.#reading;
  }

  /** Totals of the ads as the instance tells them, each held to the books. Throws: no answer. */
  async totals(target: Target, ads: readonly string[]): Promise<ReadonlyMap<string, number>> {
    // As it was before the question: others ask meanwhile.
    const before = new Map(ads.map((ad) => [ad, this.#leastOf(ad)]));
    const timeoutMs = this.#stopped ? lastAskTimeoutMs : askTimeoutMs;
    const totals = new Map<string, number>();
    for (let from = 0; from < ads.length; from += adsPerQuestion) {
      const part = ads.slice(from, from + adsPerQuestion);
      const url = `${target.address}/v1/ads?${part.map((ad) => `ad=${ad}`).join('&')}`;
      const response = await fetch(url, { signal: AbortSignal.timeout(timeoutMs) });
      if (response.status >= 500) this.refused++;
      if (!response.ok) throw new Error(`totals: ${response.status}`);
      for (const total of ((await response.json()) as { ads: AdTotal[] }).ads) {
        this.#hold(total, target, before.get(total.ad) ?? this.#leastOf(total.ad));
        totals.set(total.ad, total.impressions.counted);
      }
    }
    this.answers.set(target.name, (this.answers.get(target.name) ?? 0) + 1);
    return totals;
  }

  #leastOf(ad: string): Least {
    const { store } = this.#accountOf(ad).acknowledged;
    return { highest: this.#highest.get(ad) ?? 0, stored: store };
  }

  #hold(total: AdTotal, target: Target, { highest, stored }: Least): void {
    const { ad, impressions } = total;
    const { counted } = impressions;
    const account = this.#accountOf(ad);
    const where = `${ad} at ${target.name}: ${counted}`;
    if (counted > account.possible) this.#broken('beyond', `${where} of ${account.possible} sent`);
    if (counted < highest) this.#broken('fell', `${where} after ${highest}`);
    if (counted < stored) this.#broken('storeMissing', `${where}, acknowledged at store ${stored}`);
    this.#highest.set(ad, Math.max(this.#highest.get(ad) ?? 0, counted));
    const { lost = [], completeThrough } = total;
    for (const writer of lost) this.lost.add(writer);
    if (typeof completeThrough !== 'string' || lost.some((id) => !this.found.has(id))) return;
    const through = Date.parse(completeThrough) - this.#options.clockAheadMs;
    const durable = account.durableBy(through);
    this.completeChecked++;
    if (counted >= durable) return;
    this.#broken('incomplete', `${where}, ${durable} by ${completeThrough}`);
  }

  #broken(kind: keyof Violations['counts'], example: string): void {
    this.violations.counts[kind]++;
    const { examples } = this.violations;
    if (examples.length < examplesMax) examples.push(`${kind}: ${example}`);
  }

  #accountOf(ad: string): Account {
    const account = this.#byAd.get(ad);
    if (account === undefined) throw new Error(`nobody sent ${ad}`);
    return account;
  }

  /** Wide ads cost a long scan each: one of them now and then. */
  async #readOn(): Promise<void> {
    const { accounts, targets, pauseMs } = this.#options;
    const narrow = accounts.filter(({ isWide }) => !isWide).map(({ ad }) => ad);
    const wide = accounts.filter(({ isWide }) => isWide).map(({ ad }) => ad);
    while (!this.#stopped) {
      await wait(pauseMs);
      const turn = this.#turn++;
      const target = targets[turn % targets.length];
      const ad = wide[Math.floor(turn / narrowSharePerWide) % Math.max(1, wide.length)];
      const isWideTurn = turn % narrowSharePerWide === 0 && ad !== undefined;
      if (target === undefined) continue;
      await this.totals(target, isWideTurn ? [ad] : narrow).catch(() => {
        // Killed under the question, or its store is away: the next turn asks another.
        this.unanswered++;
      });
    }
  }
}
