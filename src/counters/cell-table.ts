// Owns the cells of one acceptance quarter: what was counted, what the store has confirmed.
// Counts change by apply() alone, which takes what a synced frame says; nothing is ever evicted.
import { cellOverheadBytes } from '../limits.ts';
import { assert } from '../model/assert.ts';
import { noCounts, sumOf } from '../model/cell.ts';
import type { AdId, MeasureCounts, SiteId } from '../model/cell.ts';

/** One cell in memory. Everything but its key changes, in apply() and confirm() only. */
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
  listedDirty = false;

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
  /** Position of the last frame that counted here. */
  lastPosition = 0;
  bytes = 0;
  readonly #slots = new Map<string, CellSlot>();
  #dirty: CellSlot[] = [];

  constructor(acceptanceQuarter: number | undefined) {
    this.acceptanceQuarter = acceptanceQuarter;
  }

  get size(): number {
    return this.#slots.size;
  }

  get dirty(): readonly CellSlot[] {
    return this.#dirty;
  }

  find(key: CellKey): CellSlot | undefined {
    return this.#slots.get(nameOf(key));
  }

  findOrAdd(key: CellKey): CellSlot {
    const name = nameOf(key);
    const found = this.#slots.get(name);
    if (found !== undefined) return found;
    const slot = new CellSlot(this.#slots.size, key);
    this.#slots.set(name, slot);
    this.bytes += cellOverheadBytes + 3 * name.length;
    return slot;
  }

  /** The cell becomes what its frame, now synced, says. Answers by how much n grew. */
  apply(formed: FormedCell): number {
    const { slot } = formed;
    const n = sumOf(formed.counts);
    const grown = n - slot.n;
    assert(grown > 0, 'a cell never counts down');
    slot.counts = formed.counts;
    slot.n = n;
    slot.keySegment = formed.keySegment;
    slot.formed = undefined;
    if (!slot.listedDirty) {
      slot.listedDirty = true;
      this.#dirty.push(slot);
    }
    return grown;
  }

  /** Takes out of the dirty list what is confirmed. Answers how many remain. */
  sweep(): number {
    this.#dirty = this.#dirty.filter((slot) => {
      slot.listedDirty = slot.n > slot.confirmedN;
      return slot.listedDirty;
    });
    return this.#dirty.length;
  }
}

/** Ids hold no control characters (checked at the edge), so no two keys share a name. */
function nameOf(key: CellKey): string {
  return `${key.ad}\n${key.site}\n${key.eventQuarter}`;
}
