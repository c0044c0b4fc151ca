// Owns what a recovery must see before a dead writer's files may go: of each quarter that it has
// put, the store shows what it confirmed. What it confirms and does not show is masked, and named.
import { readBackCellsMax, readBackTimeoutMs } from '../limits.ts';
import type { WriterId } from '../model/writer-id.ts';
import { sampleBelow } from '../model/sample.ts';
import type { CellList } from '../store/counter-store.ts';
import { firstQuarterKept, hiddenCells } from '../store/shown-cells.ts';
import type { QuarterInDoubt } from '../store/shown-cells.ts';
import type { StoreLink } from '../store/store-link.ts';
import type { RecoveryBook } from './recovery-book.ts';

export interface EstateReadBackOptions {
  readonly link: StoreLink;
  readonly retentionDays: number;
}

export class EstateReadBack {
  readonly #options: EstateReadBackOptions;
  readonly #book: RecoveryBook;
  /** By writer and acceptance quarter. */
  readonly #masked = new Map<string, QuarterInDoubt>();

  constructor(options: EstateReadBackOptions, book: RecoveryBook) {
    this.#options = options;
    this.#book = book;
  }

  get inDoubt(): readonly QuarterInDoubt[] {
    return [...this.#masked.values()];
  }

  forget(writer: WriterId): void {
    for (const place of this.#masked.keys()) {
      if (place.startsWith(`${writer} `)) this.#masked.delete(place);
    }
  }

  /** Whether a sample of the cells, all put and confirmed, is shown. Errors: the store's. */
  async isShown(cells: CellList, writer: WriterId, acceptanceQuarter: number): Promise<boolean> {
    const { link, retentionDays } = this.#options;
    const kept = firstQuarterKept(link.nowMs() ?? 0, retentionDays);
    const sample = sampleBelow(cells.count, readBackCellsMax)
      .map((i) => cells.at(i))
      .filter(({ eventQuarter }) => eventQuarter >= kept);
    const store = await link.reach();
    const hidden = await hiddenCells(store, sample, { timeoutMs: readBackTimeoutMs });
    const place = `${writer} ${acceptanceQuarter}`;
    const isNew = !this.#masked.has(place);
    this.#masked.delete(place);
    if (hidden.length === 0) return true;
    const looked = sample.length;
    this.#masked.set(place, { writer, acceptanceQuarter, state: 'masked', hidden, looked });
    if (isNew) this.#book.masked(writer, acceptanceQuarter, hidden.length);
    return false;
  }
}
