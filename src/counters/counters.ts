// Owns one writer's counts in memory: a table per acceptance quarter, always exactly what a
// synced prefix of its journal says. form() computes the cells of the next frame and changes no
// count; apply() sets them once the frame is synced. One flush at a time sends what is dirty, and
// no step of it grows with the number of cells. Never waits, never knows disks or stores.
import { assert } from '../model/assert.ts';
import { addInPlace, cellCountEnd, countOf, sumOf } from '../model/cell.ts';
import type { AdId, SiteId } from '../model/cell.ts';
import type { AdEvent } from '../model/event.ts';
import type { MeasureCode } from '../model/measure.ts';
import { quarterOf } from '../model/quarter.ts';
import type { QuarterRange } from '../model/quarter.ts';
import type { WriterId } from '../model/writer-id.ts';
import { CellTable, FormedCell } from './cell-table.ts';
import type { CellSlot, SlotList } from './cell-table.ts';
import { ConfirmedTable } from './confirmed-table.ts';
import { SentCells } from './sent-cells.ts';
import { SentTouched, TouchedCells } from './touched-cells.ts';

export interface FrameStamp {
  readonly acceptMs: number;
  /** Undefined: the writer is not registered yet. */
  readonly acceptanceQuarter: number | undefined;
}

/** A cell that the store refuses for good, for whoever is to see to it. */
export interface CellSetAside {
  readonly writer: WriterId;
  readonly ad: AdId;
  readonly site: SiteId;
  readonly eventQuarter: number;
  /** The store's own words. */
  readonly reason: string;
}

export class Counters {
  readonly writer: WriterId;
  readonly #cellCountEnd: number;
  #tables: CellTable[] = [];
  /** Of any cell that this writer ever had. */
  #greatestN = 0;
  /** What is on its way to the store, or was last. */
  #sent: SentCells | undefined;
  /** Acceptance quarters of tables that were dropped while an older one is still here. */
  #droppedQuarters: number[] = [];

  constructor(writer: WriterId, options: { readonly cellCountEnd?: number } = {}) {
    this.writer = writer;
    this.#cellCountEnd = options.cellCountEnd ?? cellCountEnd;
  }

  get openCells(): number {
    return this.#tables.reduce((sum, table) => sum + table.size, 0);
  }

  get dirtyCells(): number {
    return this.#tables.reduce((sum, table) => sum + table.dirtyCells, 0);
  }

  /** Dirty cells that the store refuses for good. */
  get asideCells(): number {
    return this.#tables.reduce((sum, table) => sum + table.asideCells, 0);
  }

  get bytes(): number {
    return this.#tables.reduce((sum, table) => sum + table.bytes, 0);
  }

  /** Counted and not confirmed, right at any moment; audited in each round. */
  get unflushedCounts(): number {
    return this.#tables.reduce((sum, table) => sum + table.unflushedCounts, 0);
  }

  /** Whether any cell could reach its bound by so many counts more: almost never. */
  couldOverflow(counts: number): boolean {
    return this.#greatestN + counts >= this.#cellCountEnd;
  }

  /**
   * Whether the cell that the event would count in could reach its bound; `waiting` is an upper
   * bound of what is on its way to it and not counted yet.
   */
  wouldOverflow(event: AdEvent, acceptMs: number, waiting: number): boolean {
    const table = this.#tables.at(-1);
    const key = { ad: event.ad, site: event.site, eventQuarter: eventQuarterOf(event, acceptMs) };
    return (table?.find(key)?.n ?? 0) + waiting + event.n >= this.#cellCountEnd;
  }

  /** Whether the events would count in cells that are there. */
  holds(events: readonly AdEvent[], { acceptMs, acceptanceQuarter }: FrameStamp): boolean {
    const table = this.#tables.at(-1);
    if (table === undefined || table.acceptanceQuarter !== acceptanceQuarter) return false;
    return events.every((event) => {
      const { ad, site } = event;
      return table.find({ ad, site, eventQuarter: eventQuarterOf(event, acceptMs) }) !== undefined;
    });
  }

  /** The cells that the events touch, as they stand after them. Changes no count. */
  form(batches: Iterable<readonly AdEvent[]>, stamp: FrameStamp): FormedCell[] {
    const table = this.#tableFor(stamp.acceptanceQuarter);
    const formed: FormedCell[] = [];
    for (const events of batches) {
      for (const event of events) {
        const eventQuarter = eventQuarterOf(event, stamp.acceptMs);
        const slot = table.findOrAdd({ eventQuarter, ad: event.ad, site: event.site });
        if (slot.formed === undefined) {
          slot.formed = new FormedCell(slot, table);
          formed.push(slot.formed);
        }
        addInPlace(slot.formed.counts, event.measure, event.n);
      }
    }
    for (const cell of formed) {
      assert(sumOf(cell.counts) < this.#cellCountEnd, 'a cell stays below its bound');
    }
    return formed;
  }

  /** Sets the cells of a frame that is synced now. Answers what was counted. */
  apply(formed: readonly FormedCell[], position: number): number {
    let counted = 0;
    for (const cell of formed) {
      counted += cell.table.apply(cell);
      this.#greatestN = Math.max(this.#greatestN, cell.slot.n);
      cell.table.lastPosition = position;
    }
    return counted;
  }

  /** The frame did not come to pass: the cells stand as before. */
  discard(formed: readonly FormedCell[]): void {
    for (const cell of formed) cell.slot.formed = undefined;
  }

  /** The writer is registered: what it accepted before belongs to that quarter. */
  registered(acceptanceQuarter: number): void {
    const table = this.#tables.at(-1);
    if (table !== undefined && table.acceptanceQuarter === undefined) {
      table.acceptanceQuarter = acceptanceQuarter;
    }
  }

  /**
   * All dirty cells at this frame boundary, but for what is set aside. Unregistered ones cannot be
   * put yet: left out. The one before must be settled.
   */
  snapshot(): SentCells {
    return this.#send((table) => table.freezeDirty());
  }

  /** The same of the cells that are set aside. */
  snapshotAside(): SentCells {
    return this.#send((table) => table.freezeAside());
  }

  /** The cells that the events counted in; to be asked before anything else is counted. */
  touchedBy(events: readonly AdEvent[], acceptMs: number): TouchedCells {
    const table = this.#tables.at(-1);
    assert(table !== undefined, 'what was counted has a table');
    const slots = new Set<CellSlot>();
    for (const event of events) {
      const { ad, site } = event;
      const slot = table.find({ ad, site, eventQuarter: eventQuarterOf(event, acceptMs) });
      assert(slot !== undefined, 'what was counted has a cell');
      slots.add(slot);
    }
    return new TouchedCells(table, slots);
  }

  /** These cells as they stand now, but for those that are confirmed; beside any snapshot. */
  snapshotOf(touched: Iterable<TouchedCells>): SentTouched {
    return new SentTouched(this.writer, touched);
  }

  /** Some of the cells that are set aside, for an operator. */
  asideExamples(cellsMax: number): readonly CellSetAside[] {
    const slots = this.#tables.flatMap((table) => table.asideFirst(cellsMax)).slice(0, cellsMax);
    const { writer } = this;
    return slots.map(({ ad, site, eventQuarter, refusal }) => {
      return { writer, ad, site, eventQuarter, reason: refusal?.message ?? '' };
    });
  }

  /** Adds up anew, in steps of so many cells, what is unflushed. Ends when all was looked at. */
  *audit(cellsPerStep: number): Generator<undefined, void> {
    for (const table of this.#tables) while (!table.audit(cellsPerStep)) yield;
  }

  /** Closes the tables before the quarter: no frame can count in them any more. */
  closeBefore(acceptanceQuarter: number): void {
    for (const table of this.#tables) {
      if (table.acceptanceQuarter !== undefined && table.acceptanceQuarter < acceptanceQuarter) {
        table.closed = true;
      }
    }
  }

  /** Tables that are closed and confirmed, and that nobody has read back yet; oldest first. */
  toReadBack(): ConfirmedTable[] {
    return this.#tables
      .filter((table) => table.closed && table.dirtyCells === 0 && !table.readBack)
      .map((table) => new ConfirmedTable(this.writer, table));
  }

  /** Nothing is left that could be flushed or read back. */
  get isEmpty(): boolean {
    return this.#tables.length === 0;
  }

  /**
   * Drops the tables that are closed, confirmed and read back. Answers the last quarter before the
   * oldest table that stays: what is set aside keeps its table and every segment from there on, and
   * yet the memory of the tables behind it is free.
   */
  dropConfirmed(): number | undefined {
    const kept = this.#tables.filter((table) => {
      if (!table.closed || table.dirtyCells > 0 || !table.readBack) return true;
      assert(table.unflushedCounts === 0, 'a table without dirty cells has nothing unflushed');
      if (table.acceptanceQuarter !== undefined)
        this.#droppedQuarters.push(table.acceptanceQuarter);
      return false;
    });
    this.#tables = kept;
    const oldest = kept.length === 0 ? Infinity : (kept[0]?.acceptanceQuarter ?? 0);
    const before = this.#droppedQuarters.filter((quarter) => quarter < oldest);
    this.#droppedQuarters = this.#droppedQuarters.filter((quarter) => quarter >= oldest);
    return before.length === 0 ? undefined : Math.max(...before);
  }

  /** Counted and not confirmed of an ad (or of one of its sites) in a range, by measure. */
  unflushedOf(ad: AdId, site: SiteId | undefined, range: QuarterRange): Map<MeasureCode, number> {
    const sums = new Map<MeasureCode, number>();
    for (const table of this.#tables) {
      table.visitDirty((slot) => {
        if (slot.ad !== ad || (site !== undefined && slot.site !== site)) return;
        if (slot.eventQuarter < range.first || slot.eventQuarter >= range.end) return;
        addUnconfirmed(sums, slot);
      });
    }
    return sums;
  }

  #send(freeze: (table: CellTable) => SlotList): SentCells {
    assert(this.#sent?.settled ?? true, 'one flush at a time');
    const tables = this.#tables.filter((table) => table.acceptanceQuarter !== undefined);
    this.#sent = new SentCells(
      this.writer,
      tables.map((table) => ({ table, list: freeze(table) })),
    );
    return this.#sent;
  }

  #tableFor(acceptanceQuarter: number | undefined): CellTable {
    const newest = this.#tables.at(-1);
    if (newest !== undefined && newest.acceptanceQuarter === acceptanceQuarter) return newest;
    if (newest !== undefined) {
      const before = newest.acceptanceQuarter;
      assert(before !== undefined && acceptanceQuarter !== undefined, 'registered once, for good');
      assert(acceptanceQuarter > before, 'acceptance quarters never fall');
      newest.closed = true;
    }
    const table = new CellTable(acceptanceQuarter);
    this.#tables.push(table);
    return table;
  }
}

/** The event's own moment, but never after the acceptance. */
function eventQuarterOf(event: AdEvent, acceptMs: number): number {
  return quarterOf(Math.min(event.tsMs ?? acceptMs, acceptMs));
}

function addUnconfirmed(sums: Map<MeasureCode, number>, slot: CellSlot): void {
  for (let i = 0; i < slot.counts.length; i += 2) {
    const measure = slot.counts[i] ?? 0;
    const beyond = (slot.counts[i + 1] ?? 0) - countOf(slot.confirmedCounts, measure);
    if (beyond > 0) sums.set(measure, (sums.get(measure) ?? 0) + beyond);
  }
}
