// Owns a flush's view of dirty cells: each as it stood at one frame boundary, though counting goes
// on. Nothing is copied; a table remembers what changes. Promises that each cell is settled once,
// in order, and only with what was sent.
import { assert } from '../model/assert.ts';
import { lagBetween } from '../model/cell.ts';
import type { Cell } from '../model/cell.ts';
import { claimedWriterOf } from '../model/writer-id.ts';
import type { WriterId } from '../model/writer-id.ts';
import type { CellOutcome, CellTable, SlotList } from './cell-table.ts';

/** What one table sends. */
export interface SentPart {
  readonly table: CellTable;
  readonly list: SlotList;
}

interface PlacedPart extends SentPart {
  /** Number of its first cell, and of the first one behind it. */
  readonly first: number;
  readonly end: number;
}

export class SentCells {
  readonly count: number;
  readonly #writer: WriterId;
  #parts: readonly PlacedPart[];
  #settled = 0;
  #lastRead = 0;
  #lastSettled = 0;

  constructor(writer: WriterId, parts: readonly SentPart[]) {
    this.#writer = writer;
    let count = 0;
    this.#parts = parts.map(({ table, list }) => {
      const first = count;
      count += list.slots.length;
      return { table, list, first, end: count };
    });
    this.count = count;
  }

  get settled(): boolean {
    return this.#settled === this.count;
  }

  /** Number of the next cell to settle. */
  get next(): number {
    return this.#settled;
  }

  /** Cell i as the store takes it; made when asked for, not a million at once. */
  at(i: number): Cell {
    assert(i >= this.#settled, 'a cell is asked for before its answer is known');
    this.#lastRead = this.#partOf(i, this.#lastRead);
    const part = this.#parts[this.#lastRead];
    const slot = part?.list.slots[i - part.first];
    assert(part !== undefined && slot !== undefined, 'the cell is in the snapshot');
    const { eventQuarter, ad, site } = slot;
    return {
      writer: slot.claimed ? claimedWriterOf(this.#writer) : this.#writer,
      ad,
      site,
      eventQuarter,
      lag: lagBetween(eventQuarter, part.table.acceptanceQuarter ?? 0),
      counts: slot.sent ?? slot.counts,
    };
  }

  /** Whether cell i was refused before. */
  isAside(i: number): boolean {
    const part = this.#parts[this.#partOf(i, this.#lastSettled)];
    return part?.list.slots[i - part.first]?.refusal !== undefined;
  }

  /** What became of the next cell. Answers the counts that are confirmed by it. */
  settleNext(outcome: CellOutcome): number {
    this.#lastSettled = this.#partOf(this.#settled++, this.#lastSettled);
    const part = this.#parts[this.#lastSettled];
    assert(part !== undefined, 'the cell is in the snapshot');
    const confirmed = part.table.settleNext(part.list, outcome);
    // Nobody asks again, and the lists may hold a table that is dropped meanwhile.
    if (this.settled) this.#parts = [];
    return confirmed;
  }

  /** Cells are asked for one after the other, so the part is nearly always the last one. */
  #partOf(i: number, last: number): number {
    const part = this.#parts[last];
    if (part !== undefined && i >= part.first && i < part.end) return last;
    return this.#parts.findIndex(({ end }) => i < end);
  }
}
