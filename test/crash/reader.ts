// Reads the totals while the service is killed under it (they may never fall), and in the end
// holds them against the ledger: per ad, and request by request by their marks.
import type { Kill, CrashReport } from './crash-run.ts';
import type { Ledger } from './ledger.ts';
import { wait } from './load.ts';

type Found = Omit<CrashReport, 'kills' | 'readFalls' | 'unaccounted' | 'recoverMs'>;

interface AdTotal {
  readonly ad: string;
  readonly impressions: { readonly counted: number };
}

export class Reader {
  readonly #address: string;
  readonly #ledger: Ledger;
  readonly #highest = new Map<string, number>();
  readonly #reading: Promise<void>;
  #stopped = false;
  #falls = 0;

  constructor(address: string, ledger: Ledger) {
    this.#address = address;
    this.#ledger = ledger;
    this.#reading = this.#readOn();
  }

  /** Answers how often a total fell. */
  async stop(): Promise<number> {
    this.#stopped = true;
    await this.#reading;
    return this.#falls;
  }

  async unaccounted(): Promise<number> {
    const text = await (await fetch(`${this.#address}/metrics`)).text();
    return Number(/^adcounter_unaccounted_counts (\S+)$/m.exec(text)?.[1] ?? Number.NaN);
  }

  async compare(kills: readonly Kill[]): Promise<Found> {
    const sums = { acknowledged: 0, unknown: 0, counted: 0, lost: 0, doubled: 0 };
    for (const { ad, impressions } of await this.#totals()) {
      const { acknowledged, unknown } = this.#ledger.sumOf(ad);
      sums.acknowledged += acknowledged;
      sums.unknown += unknown;
      sums.counted += impressions.counted;
      sums.lost += Math.max(0, acknowledged - impressions.counted);
      sums.doubled += Math.max(0, impressions.counted - acknowledged - unknown);
    }
    return { ...sums, ...(await this.#compareMarks(kills)) };
  }

  async #compareMarks(
    kills: readonly Kill[],
  ): Promise<Pick<Found, 'marksMissing' | 'marksWrong' | 'lossMs'>> {
    const stored = new Map<string, number>();
    for (const ad of this.#ledger.ads) await this.#readSites(ad, stored);
    let marksMissing = 0;
    let marksWrong = 0;
    let lossMs = 0;
    for (const { mark, markN, atMs } of this.#ledger.acknowledged) {
      const counted = stored.get(mark);
      if (counted === undefined) {
        marksMissing++;
        const kill = kills.find((each) => each.atMs >= atMs);
        lossMs = Math.max(lossMs, (kill?.atMs ?? Number.POSITIVE_INFINITY) - atMs);
      } else if (counted !== markN) marksWrong++;
    }
    for (const { mark, markN } of this.#ledger.unknown) {
      const counted = stored.get(mark);
      if (counted !== undefined && counted !== markN) marksWrong++;
    }
    return { marksMissing, marksWrong, lossMs };
  }

  async #readSites(ad: string, stored: Map<string, number>): Promise<void> {
    let url: string | undefined = `/v1/ads/${ad}/sites?sort=site&limit=1000`;
    while (url !== undefined) {
      const response: Response = await fetch(new URL(url, this.#address));
      const { sites } = (await response.json()) as {
        sites: { site: string; impressions: { counted: number } }[];
      };
      for (const { site, impressions } of sites) {
        if (site.startsWith('mark-')) stored.set(site, impressions.counted);
      }
      url = /<([^>]+)>; rel="next"/.exec(response.headers.get('link') ?? '')?.[1];
    }
  }

  async #readOn(): Promise<void> {
    while (!this.#stopped) {
      await wait(250);
      if (this.#ledger.ads.length === 0) continue;
      try {
        for (const { ad, impressions } of await this.#totals()) {
          const highest = this.#highest.get(ad) ?? 0;
          if (impressions.counted < highest) this.#falls++;
          this.#highest.set(ad, Math.max(highest, impressions.counted));
        }
      } catch {
        // Killed under the question, or not up again yet: the next read asks again.
      }
    }
  }

  async #totals(): Promise<readonly AdTotal[]> {
    const query = this.#ledger.ads.map((ad) => `ad=${ad}`).join('&');
    const response = await fetch(`${this.#address}/v1/ads?${query}`);
    if (!response.ok) throw new Error(`totals: ${response.status}`);
    return ((await response.json()) as { ads: AdTotal[] }).ads;
  }
}
