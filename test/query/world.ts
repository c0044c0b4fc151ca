// A small world for questions: a store in memory, and everything else under the test's hand.
import type { AdId, Cell, SiteId } from '../../src/model/cell.ts';
import { quarterStartMs } from '../../src/model/quarter.ts';
import type { QuarterRange } from '../../src/model/quarter.ts';
import type { Asking, QueryOptions } from '../../src/query/answers.ts';
import { createAsking } from '../../src/query/asking.ts';
import type { RegistryState, Unflushed } from '../../src/query/asking.ts';
import { CounterStore } from '../../src/store/counter-store.ts';
import { MemoryRowStore } from '../support/memory-row-store.ts';
import { inTime } from '../support/rows.ts';

/** The quarter that is current in this world, on its 60th of 96 of the day. */
export const nowQuarter = 20_729 * 96 + 60;
export const retentionDays = 400;

export const everything: QueryOptions = { fromMs: undefined, toMs: undefined, fresh: false };

export const between = (first: number, end: number): QueryOptions => ({
  fromMs: quarterStartMs(first),
  toMs: quarterStartMs(end),
  fresh: false,
});

export class World {
  readonly rows: MemoryRowStore;
  readonly asking: Asking;
  readonly #store: CounterStore;
  nowMs = quarterStartMs(nowQuarter) + 1_000;
  registry: RegistryState = { completeThroughMs: quarterStartMs(nowQuarter) };
  readRegistry = (): Promise<RegistryState> => Promise.resolve(this.registry);
  unflushed: Unflushed = { impressions: 0, clicks: 0 };
  flush = (): Promise<void> => Promise.resolve();
  /** What the asking needed, in the order in which it did. */
  readonly needed: string[] = [];
  readonly unflushedAsked: [AdId, SiteId | undefined, QuarterRange][] = [];

  private constructor(store: CounterStore, rows: MemoryRowStore) {
    this.#store = store;
    this.rows = rows;
    this.asking = createAsking({
      store: {
        readAd: (...question) => this.#note('store', () => store.readAd(...question)),
        readAdSite: (...question) => this.#note('store', () => store.readAdSite(...question)),
      },
      readRegistry: () => this.#note('registry', () => this.readRegistry()),
      flushFirst: () => this.#note('flush', () => this.flush()),
      unflushed: (...question) => {
        this.unflushedAsked.push(question);
        return this.#note('unflushed', () => this.unflushed);
      },
      nowMs: () => this.nowMs,
      retentionDays,
    });
  }

  static async create(): Promise<World> {
    const rows = new MemoryRowStore();
    return new World(await CounterStore.open(rows, { createIfMissing: true }, inTime), rows);
  }

  async put(...cells: readonly Cell[]): Promise<void> {
    const outcome = await this.#store.putCells(cells, inTime);
    for (const failure of outcome.failures.reasons()) throw failure;
  }

  #note<T>(name: string, need: () => T): T {
    this.needed.push(name);
    return need();
  }
}
