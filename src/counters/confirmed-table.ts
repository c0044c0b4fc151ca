// A table of which the store has confirmed everything and in which nobody counts any more: some of
// its cells, to be looked at in the store, and all of them, to be put again if they are not there.
import { assert } from '../model/assert.ts';
import type { Cell } from '../model/cell.ts';
import { sampleBelow } from '../model/sample.ts';
import type { WriterId } from '../model/writer-id.ts';
import type { CellSlot, CellTable } from './cell-table.ts';
import { cellOf } from './sent-cells.ts';

export class ConfirmedTable {
  readonly writer: WriterId;
  readonly acceptanceQuarter: number;
  readonly #table: CellTable;

  constructor(writer: WriterId, table: CellTable) {
    assert(table.acceptanceQuarter !== undefined, 'what is unregistered is never confirmed');
    this.writer = writer;
    this.acceptanceQuarter = table.acceptanceQuarter;
    this.#table = table;
  }

  /** So many of its cells by chance, but for those of older event quarters. */
  sample(countMax: number, firstQuarter: number): Cell[] {
    return sampleBelow(this.#table.size, countMax)
      .map((number) => this.#table.at(number))
      .filter((slot) => hasCounts(slot) && slot.eventQuarter >= firstQuarter)
      .map((slot) => this.#cellOf(slot));
  }

  /** Every cell, to be put again. */
  all(): { readonly count: number; at(i: number): Cell } {
    const slots: CellSlot[] = [];
    for (let number = 0; number < this.#table.size; number++) {
      const slot = this.#table.at(number);
      if (hasCounts(slot)) slots.push(slot);
    }
    return {
      count: slots.length,
      at: (i) => {
        const slot = slots[i];
        assert(slot !== undefined, 'a cell of the table');
        return this.#cellOf(slot);
      },
    };
  }

  /** The store shows it. */
  passed(): void {
    this.#table.readBack = true;
  }

  #cellOf(slot: CellSlot): Cell {
    return cellOf(this.writer, this.#table, slot, slot.counts);
  }
}

/** A frame that never came to pass leaves a cell without counts. */
function hasCounts(slot: CellSlot): boolean {
  return slot.n > 0;
}
