// What the store shows of cells that it has confirmed. Reads by the store's one way of reading, so
// that what is folded is shown too, and each row whole. Puts nothing, decides nothing.
import { readBackScansConcurrent } from '../limits.ts';
import { sumOf } from '../model/cell.ts';
import type { AdId, Cell, SiteId } from '../model/cell.ts';
import { dayOfQuarter, quarterOf, quartersPerDay } from '../model/quarter.ts';
import type { CallOptions } from '../model/rows.ts';
import type { WriterId } from '../model/writer-id.ts';
import type { CellEntry } from './cell-codec.ts';
import type { CounterStore } from './counter-store.ts';
import { Deadline } from './deadline.ts';

/** A cell that the store shows with less than was confirmed, or not at all (0). */
export interface HiddenCell {
  readonly cell: Cell;
  readonly shownN: number;
}

/** A writer's acceptance quarter of which the store lacks counts, as it was last read. */
export interface QuarterInDoubt {
  readonly writer: WriterId;
  readonly acceptanceQuarter: number;
  /** Masked: put again and confirmed again, and still not shown. */
  readonly state: 'missing' | 'masked';
  readonly hidden: readonly HiddenCell[];
  /** Cells that were looked at. */
  readonly looked: number;
}

/**
 * Those of the cells that the store does not show with at least their counts. Fails where it cannot
 * be read: a cell that nobody could look at is neither shown nor hidden.
 */
export async function hiddenCells(
  store: CounterStore,
  cells: readonly Cell[],
  options: CallOptions,
): Promise<HiddenCell[]> {
  const deadline = new Deadline(options);
  const looks = looksFor(cells, store.layout.salts);
  let next = 0;
  let failed = false;
  const lookOn = async (): Promise<void> => {
    for (let look = looks[next++]; look !== undefined && !failed; look = looks[next++]) {
      deadline.throwIfOver();
      try {
        await lookAt(store, look, deadline.rest());
      } catch (thrown) {
        failed = true;
        throw thrown;
      }
    }
  };
  await Promise.all(Array.from({ length: readBackScansConcurrent }, lookOn));
  const wanted = looks.flatMap((look) => [...look.wanted.values()].flat());
  return wanted.filter(({ cell, shownN }) => shownN < sumOf(cell.counts));
}

/** No answer reads older event quarters, and the tables may have dropped them. */
export function firstQuarterKept(nowMs: number, retentionDays: number): number {
  return Math.max(0, dayOfQuarter(quarterOf(nowMs)) - retentionDays) * quartersPerDay;
}

interface WantedCell {
  readonly cell: Cell;
  shownN: number;
}

/** One question to the store: a row, or all rows of an ad on a day. */
interface Look {
  readonly ad: AdId;
  readonly site: SiteId | undefined;
  readonly day: number;
  /** By site and event quarter. */
  readonly wanted: Map<string, WantedCell[]>;
}

function looksFor(cells: readonly Cell[], salts: number): Look[] {
  const rows = new Map<string, Look>();
  const rowsOfAd = new Map<string, Look[]>();
  for (const cell of cells) {
    const { ad, site, eventQuarter } = cell;
    const day = dayOfQuarter(eventQuarter);
    const name = `${ad}\n${site}\n${day}`;
    let row = rows.get(name);
    if (row === undefined) {
      row = { ad, site, day, wanted: new Map() };
      rows.set(name, row);
      listOf(rowsOfAd, `${ad}\n${day}`).push(row);
    }
    listOf(row.wanted, placeOf(cell)).push({ cell, shownN: 0 });
  }
  return [...rowsOfAd.values()].flatMap((ofAd) => (ofAd.length > salts ? [together(ofAd)] : ofAd));
}

function listOf<Item>(lists: Map<string, Item[]>, name: string): Item[] {
  const found = lists.get(name);
  if (found !== undefined) return found;
  const list: Item[] = [];
  lists.set(name, list);
  return list;
}

/** A scan for each salt costs less than one for each of so many rows. */
function together(rows: readonly Look[]): Look {
  const [{ ad, day }] = rows as [Look];
  const wanted = new Map(rows.flatMap((row) => [...row.wanted]));
  return { ad, day, site: undefined, wanted };
}

async function lookAt(store: CounterStore, look: Look, options: CallOptions): Promise<void> {
  const { ad, site, day, wanted } = look;
  const quarters = { first: day * quartersPerDay, end: (day + 1) * quartersPerDay };
  const visit = (entry: CellEntry): void => {
    for (const found of wanted.get(placeOf(entry)) ?? []) {
      if (entry.lag !== found.cell.lag || entry.writer !== found.cell.writer) continue;
      found.shownN = entry.n;
    }
  };
  if (site === undefined) await store.readAd(ad, quarters, visit, options);
  else await store.readAdSite({ ad, site }, quarters, visit, options);
}

/** Ids hold no control characters (checked at the edge), so no two places share a name. */
function placeOf({ site, eventQuarter }: { site: SiteId; eventQuarter: number }): string {
  return `${site}\n${eventQuarter}`;
}
