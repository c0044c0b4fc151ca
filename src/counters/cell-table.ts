// Owns the cells of one acceptance quarter: what was counted, what the store has confirmed.
// Promises that a cell is on exactly one list while n > confirmedN, and else on none or a frozen
// one, at any moment. Counts change by apply() alone, which takes what a synced frame says.
import { cellOverheadBytes } from '../limits.ts';
import { assert } from '../model/assert.ts';
import { noCounts, sumOf } from '../model/cell.ts';
import type { AdId, MeasureCounts, SiteId } from '../model/cell.ts';
import type { CounterError } from '../model/errors.ts';

/**
 * Dirty cells. Frozen while a flush sends them: then a cell that changes remembers what it was,
 * so that a copy of a million cells costs nothing until they change.
 */
export class SlotList {
  readonly slots: CellSlot[] = [];
  /** The answer of these first ones is known: they are on another list now, or on none. */
  settled = 0;
  frozen = false;
}

/** What became of a cell that was sent; an error: the store refuses it for good. */
export type CellOutcome = 'confirmed' | 'failed' | CounterError;

/** One cell in memory. Everything but its key changes, in apply() and settle() only. */
export class CellSlot {
  readonly number: number;
  readonly claimed: boolean;
  readonly eventQuarter: number;
  readonly ad: AdId;
  readonly site: SiteId;
  counts: MeasureCounts = noCounts;
  /** Sum of `counts`. */
  n = 0;
  /** The greatest n that the store has acknowledged. */
  confirmedN = 0;
  confirmedCounts: MeasureCounts = noCounts;
  /** Ordinal of the journal segment that last brought the key; 0: none yet. */
  keySegment = 0;
  /** Set while a frame that touches the cell is being formed or synced. */
  formed: FormedCell | undefined = undefined;
  /** The list that it is on, and its place there: it is dirty, or was when the list was frozen. */
  list: SlotList | undefined = undefined;
  place = 0;
  /** What it counted when its list was frozen, if it has changed since. */
  sent: MeasureCounts | undefined = undefined;
  /** Why the store refuses it for good: it is set aside. */
  refusal: CounterError | undefined = undefined;

  constructor(number: number, key: CellKey) {
    this.number = number;
    this.claimed = false;
    this.eventQuarter = key.eventQuarter;
    this.ad = key.ad;
    this.site = key.site;
  }
}

export interface CellKey {
  readonly eventQuarter: number;
  readonly ad: AdId;
  readonly site: SiteId;
}

/** A cell as it stands after the frame that is on its way; the journal writes it. */
export class FormedCell {
  readonly slot: CellSlot;
  readonly table: CellTable;
  readonly number: number;
  readonly claimed: boolean;
  readonly eventQuarter: number;
  readonly ad: AdId;
  readonly site: SiteId;
  readonly counts: number[];
  keySegment: number;

  constructor(slot: CellSlot, table: CellTable) {
    this.slot = slot;
    this.table = table;
    this.number = slot.number;
    this.claimed = slot.claimed;
    this.eventQuarter = slot.eventQuarter;
    this.ad = slot.ad;
    this.site = slot.site;
    this.counts = [...slot.counts];
    this.keySegment = slot.keySegment;
  }
}

export class CellTable {
  /** Undefined: of unregistered frames, whose quarter is known once the writer is registered. */
  acceptanceQuarter: number | undefined;
  closed = false;
  /** The store was seen to show it: once closed and confirmed it may be forgotten. */
  readBack = false;
  /** Position of the last frame that counted here. */
  lastPosition = 0;
  bytes = 0;
  /** Cells with n > confirmedN, those set aside included. */
  dirtyCells = 0;
  asideCells = 0;
  /** Counted and not confirmed: kept as it changes, and replaced by each audit's sum. */
  unflushedCounts = 0;
  readonly #slots = new Map<string, CellSlot>();
  /** By their numbers. */
  readonly #numbered: CellSlot[] = [];
  #dirty = new SlotList();
  #aside = new SlotList();
  readonly #frozen = new Set<SlotList>();
  #audit: Iterator<CellSlot> | undefined;
  /** The audit under way has seen the cells below this number, and this is what it found. */
  #auditedCells = 0;
  #auditedCounts = 0;

  constructor(acceptanceQuarter: number | undefined) {
    this.acceptanceQuarter = acceptanceQuarter;
  }

  get size(): number {
    return this.#slots.size;
  }

  find(key: CellKey): CellSlot | undefined {
    return this.#slots.get(nameOf(key));
  }

  /** By its number: below `size`. */
  at(number: number): CellSlot {
    const slot = this.#numbered[number];
    assert(slot !== undefined, 'a cell of the table');
    return slot;
  }

  findOrAdd(key: CellKey): CellSlot {
    const name = nameOf(key);
    const found = this.#slots.get(name);
    if (found !== undefined) return found;
    const slot = new CellSlot(this.#slots.size, key);
    this.#slots.set(name, slot);
    this.#numbered.push(slot);
    this.bytes += cellBytes(name);
    return slot;
  }

  /** The cell becomes what its frame, now synced, says. Answers by how much n grew. */
  apply(formed: FormedCell): number {
    const { slot } = formed;
    const n = sumOf(formed.counts);
    const grown = n - slot.n;
    assert(grown > 0, 'a cell never counts down');
    if (slot.list?.frozen === true) slot.sent ??= slot.counts;
    if (slot.n === slot.confirmedN) this.dirtyCells++;
    slot.counts = formed.counts;
    slot.n = n;
    slot.keySegment = formed.keySegment;
    slot.formed = undefined;
    this.#grow(slot, grown);
    if (slot.list === undefined) this.#enlist(slot, this.#dirty);
    return grown;
  }

  /** All that is dirty now, but for what is set aside; each cell as it stands at this moment. */
  freezeDirty(): SlotList {
    const list = this.#dirty;
    this.#dirty = new SlotList();
    return this.#freeze(list);
  }

  /** The same of what is set aside. */
  freezeAside(): SlotList {
    const list = this.#aside;
    this.#aside = new SlotList();
    return this.#freeze(list);
  }

  /**
   * The answer for the next cell of a frozen list: exactly what was sent is confirmed, and what
   * is still dirty is listed anew. Answers the counts that were confirmed.
   */
  settleNext(list: SlotList, outcome: CellOutcome): number {
    const slot = list.slots[list.settled++];
    assert(slot?.list === list, 'a cell is settled once, on its own list');
    if (list.settled === list.slots.length) this.#frozen.delete(list);
    const sent = slot.sent ?? slot.counts;
    slot.sent = undefined;
    const confirmed = outcome === 'confirmed' ? this.#confirm(slot, sent) : 0;
    const isClean = slot.n === slot.confirmedN;
    if (isClean || outcome === 'confirmed') this.#setRefusal(slot, undefined);
    else if (outcome !== 'failed') this.#setRefusal(slot, outcome);
    if (isClean) slot.list = undefined;
    else this.#enlist(slot, slot.refusal === undefined ? this.#dirty : this.#aside);
    return confirmed;
  }

  /** The store has these counts of the cell, by a put beside any snapshot. Answers the new ones. */
  confirm(slot: CellSlot, sent: MeasureCounts): number {
    const confirmed = this.#confirm(slot, sent);
    const { list } = slot;
    if (confirmed === 0 || slot.n > slot.confirmedN || list === undefined) return confirmed;
    this.#setRefusal(slot, undefined);
    // On a frozen list it keeps its place: that flush settles it, and confirms nothing by it.
    if (!list.frozen) this.#unlist(slot, list);
    return confirmed;
  }

  /** Visits every dirty cell once; all in one turn of the event loop. */
  visitDirty(visit: (slot: CellSlot) => void): void {
    for (const list of [this.#dirty, this.#aside, ...this.#frozen]) {
      for (let i = list.settled; i < list.slots.length; i++) {
        const slot = list.slots[i];
        if (slot !== undefined) visit(slot);
      }
    }
  }

  /** The first of the cells that are set aside. */
  asideFirst(cellsMax: number): readonly CellSlot[] {
    const slots = [this.#aside, ...this.#frozen].flatMap(({ slots: listed, settled }) =>
      listed.slice(settled, settled + cellsMax),
    );
    return slots.filter((slot) => slot.refusal !== undefined).slice(0, cellsMax);
  }

  /**
   * Adds up what is unflushed by looking at every cell, whatever the lists say, so many at each
   * call; what changes behind the place that it has come to is followed. True: the sum is there.
   */
  audit(cellsMax: number): boolean {
    this.#audit ??= this.#slots.values();
    for (let i = 0; i < cellsMax; i++) {
      const { done, value } = this.#audit.next();
      if (done === true) {
        this.unflushedCounts = this.#auditedCounts;
        this.#audit = undefined;
        this.#auditedCells = 0;
        this.#auditedCounts = 0;
        return true;
      }
      this.#auditedCells++;
      this.#auditedCounts += value.n - value.confirmedN;
    }
    return false;
  }

  #freeze(list: SlotList): SlotList {
    list.frozen = true;
    if (list.slots.length > 0) this.#frozen.add(list);
    return list;
  }

  /** A put that lands behind a later one confirms nothing. */
  #confirm(slot: CellSlot, sent: MeasureCounts): number {
    const confirmed = sumOf(sent) - slot.confirmedN;
    if (confirmed <= 0) return 0;
    slot.confirmedN += confirmed;
    slot.confirmedCounts = sent;
    if (slot.n === slot.confirmedN) this.dirtyCells--;
    this.#grow(slot, -confirmed);
    return confirmed;
  }

  /** The last one takes its place. */
  #unlist(slot: CellSlot, list: SlotList): void {
    const last = list.slots.pop();
    assert(last !== undefined, 'a list with a slot is not empty');
    slot.list = undefined;
    if (last === slot) return;
    list.slots[slot.place] = last;
    last.place = slot.place;
  }

  #enlist(slot: CellSlot, list: SlotList): void {
    slot.list = list;
    slot.place = list.slots.length;
    list.slots.push(slot);
  }

  #grow(slot: CellSlot, counts: number): void {
    this.unflushedCounts += counts;
    if (slot.number < this.#auditedCells) this.#auditedCounts += counts;
  }

  #setRefusal(slot: CellSlot, refusal: CounterError | undefined): void {
    if (slot.refusal !== undefined) this.asideCells--;
    if (refusal !== undefined) this.asideCells++;
    slot.refusal = refusal;
  }
}

/** Ids stand in the cell and in its name; a letter beyond Latin-1 makes both of double width. */
function cellBytes(name: string): number {
  return cellOverheadBytes + (wide.test(name) ? 4 : 2) * name.length;
}

// eslint-disable-next-line no-control-regex
const wide = /[^\u0000-\u00ff]/;

/** Ids hold no control characters (checked at the edge), so no two keys share a name. */
function nameOf(key: CellKey): string {
  return `${key.ad}\n${key.site}\n${key.eventQuarter}`;
}
