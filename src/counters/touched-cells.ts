// The cells that one request counted in, and up to where each must be confirmed before the store
// has all of the request. A larger count that is confirmed holds the smaller one.
import type { CellSlot, CellTable } from './cell-table.ts';

export class TouchedCells {
  readonly table: CellTable;
  readonly slots: readonly CellSlot[];
  readonly #counted: readonly number[];

  constructor(table: CellTable, slots: Iterable<CellSlot>) {
    this.table = table;
    this.slots = [...slots];
    this.#counted = this.slots.map((slot) => slot.n);
  }

  get confirmed(): boolean {
    return this.slots.every((slot, i) => slot.confirmedN >= (this.#counted[i] ?? Infinity));
  }
}
