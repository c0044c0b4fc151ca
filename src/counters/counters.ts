// Owns one writer's counts in memory: a table per acceptance quarter, always exactly what a
// synced prefix of its journal says. form() computes the cells of the next frame and changes no
// count; apply() sets them once the frame is synced. Never waits, never knows disks or stores.
import { assert } from '../model/assert.ts';
import { addInPlace, cellCountEnd, countOf, lagBetween, noCounts, sumOf } from '../model/cell.ts';
import type { AdId, Cell, MeasureCounts, SiteId } from '../model/cell.ts';
import type { AdEvent } from '../model/event.ts';
import type { MeasureCode } from '../model/measure.ts';
import { quarterOf } from '../model/quarter.ts';
import type { QuarterRange } from '../model/quarter.ts';
import { claimedWriterOf } from '../model/writer-id.ts';
import type { WriterId } from '../model/writer-id.ts';
import { CellTable, FormedCell } from './cell-table.ts';
import type { CellSlot } from './cell-table.ts';
import { TouchedCells } from './touched-cells.ts';

/** A table is swept with its cells where it is at most so many times as large as they are many. */
const sweepRatio = 4;

export interface FrameStamp {
  readonly acceptMs: number;
  /** Undefined: the writer is not registered yet. */
  readonly acceptanceQuarter: number | undefined;
}

/** Dirty cells as they stood at one frame boundary. */
export interface DirtySnapshot {
  readonly tables: readonly CellTable[];
  readonly slots: readonly CellSlot[];
  /** What slot i counted then. */
  readonly counts: readonly MeasureCounts[];
  /** Slot i as the store takes it; made when asked for, not a hundred thousand at once. */
  readonly cells: { readonly count: number; at(i: number): Cell };
}

export class Counters {
  readonly writer: WriterId;
  readonly #cellCountEnd: number;
  #tables: CellTable[] = [];
  /** Of any cell that this writer ever had. */
  #greatestN = 0;

  constructor(writer: WriterId, options: { readonly cellCountEnd?: number } = {}) {
    this.writer = writer;
    this.#cellCountEnd = options.cellCountEnd ?? cellCountEnd;
  }

  get openCells(): number {
    return this.#tables.reduce((sum, table) => sum + table.size, 0);
  }

  get dirtyCells(): number {
    return this.#tables.reduce((sum, table) => sum + table.dirty.length, 0);
  }

  get bytes(): number {
    return this.#tables.reduce((sum, table) => sum + table.bytes, 0);
  }

  /** Counted and not confirmed, by walking the cells. */
  get unflushedCounts(): number {
    let counts = 0;
    for (const table of this.#tables)
      for (const slot of table.dirty) counts += slot.n - slot.confirmedN;
    return counts;
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

  /** All dirty cells at this frame boundary. Unregistered ones cannot be put yet: left out. */
  snapshot(): DirtySnapshot {
    const tables = this.#tables.filter((table) => table.acceptanceQuarter !== undefined);
    const slots: CellSlot[] = [];
    const quarters: number[] = [];
    for (const table of tables) {
      for (const slot of table.dirty) {
        if (!isDirty(slot)) continue;
        slots.push(slot);
        quarters.push(table.acceptanceQuarter ?? 0);
      }
    }
    return this.#snapshot(tables, slots, quarters);
  }

  #snapshot(
    tables: readonly CellTable[],
    slots: readonly CellSlot[],
    quarters: readonly number[],
  ): DirtySnapshot {
    const counts = slots.map((slot) => slot.counts);
    const at = (i: number): Cell => {
      const slot = slots[i];
      assert(slot !== undefined, 'the cell is in the snapshot');
      return this.#cellOf(slot, counts[i] ?? noCounts, quarters[i] ?? 0);
    };
    return { tables, slots, counts, cells: { count: slots.length, at } };
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

  /** These cells as they stand now, without those that are confirmed. All are registered. */
  snapshotOf(touched: Iterable<TouchedCells>): DirtySnapshot {
    const quarters = new Map<CellSlot, number>();
    const tables = new Set<CellTable>();
    for (const { table, slots } of touched) {
      const { acceptanceQuarter } = table;
      assert(acceptanceQuarter !== undefined, 'cells without an acceptance quarter are not put');
      for (const slot of slots) if (isDirty(slot)) quarters.set(slot, acceptanceQuarter);
      tables.add(table);
    }
    // A large table is swept by the next round: not a million cells each time for a few.
    const swept = [...tables].filter(({ dirty }) => dirty.length <= sweepRatio * quarters.size);
    return this.#snapshot(swept, [...quarters.keys()], [...quarters.values()]);
  }

  /** Confirms exactly what was sent, never what was counted meanwhile. Answers counts. */
  confirm(snapshot: DirtySnapshot, confirmed: Uint8Array): number {
    let newlyConfirmed = 0;
    snapshot.slots.forEach((slot, i) => {
      if (confirmed[i] !== 1) return;
      const sent = snapshot.counts[i] ?? noCounts;
      const n = sumOf(sent);
      if (n <= slot.confirmedN) return;
      newlyConfirmed += n - slot.confirmedN;
      slot.confirmedN = n;
      slot.confirmedCounts = sent;
    });
    for (const table of snapshot.tables) table.sweep();
    return newlyConfirmed;
  }

  /** Closes the tables before the quarter: no frame can count in them any more. */
  closeBefore(acceptanceQuarter: number): void {
    for (const table of this.#tables) {
      if (table.acceptanceQuarter !== undefined && table.acceptanceQuarter < acceptanceQuarter) {
        table.closed = true;
      }
    }
  }

  /** Drops, from the oldest on, tables that are closed and confirmed. Answers the last quarter. */
  dropConfirmed(): number | undefined {
    let last: number | undefined;
    while (this.#tables[0]?.closed === true && this.#tables[0].sweep() === 0) {
      last = this.#tables[0].acceptanceQuarter;
      this.#tables.shift();
    }
    return last;
  }

  /** Counted and not confirmed of an ad (or of one of its sites) in a range, by measure. */
  unflushedOf(ad: AdId, site: SiteId | undefined, range: QuarterRange): Map<MeasureCode, number> {
    const sums = new Map<MeasureCode, number>();
    for (const table of this.#tables) {
      for (const slot of table.dirty) {
        if (slot.ad !== ad || (site !== undefined && slot.site !== site)) continue;
        if (slot.eventQuarter < range.first || slot.eventQuarter >= range.end) continue;
        addUnconfirmed(sums, slot);
      }
    }
    return sums;
  }

  #cellOf(slot: CellSlot, counts: MeasureCounts, acceptanceQuarter: number): Cell {
    return {
      writer: slot.claimed ? claimedWriterOf(this.writer) : this.writer,
      ad: slot.ad,
      site: slot.site,
      eventQuarter: slot.eventQuarter,
      lag: lagBetween(slot.eventQuarter, acceptanceQuarter),
      counts,
    };
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

/** Confirmed by an expedited flush it is listed until its table is swept. */
function isDirty(slot: CellSlot): boolean {
  return slot.n > slot.confirmedN;
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
