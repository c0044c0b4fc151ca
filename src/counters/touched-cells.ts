// The cells that requests counted in, for flushes that these wait for: up to where each must be
// confirmed before the store has all of a request, and what is sent of them. Such a flush goes
// beside a snapshot of all that is dirty; either may confirm a cell, up to exactly what it sent.
import { assert } from '../model/assert.ts';
import type { Cell, MeasureCounts } from '../model/cell.ts';
import type { WriterId } from '../model/writer-id.ts';
import type { CellSlot, CellTable } from './cell-table.ts';
import { cellOf } from './sent-cells.ts';

export class TouchedCells {
  readonly table: CellTable;
  readonly slots: readonly CellSlot[];
  readonly #counted: readonly number[];

  constructor(table: CellTable, slots: Iterable<CellSlot>) {
    this.table = table;
    this.slots = [...slots];
    this.#counted = this.slots.map((slot) => slot.n);
  }

  /** A larger count that is confirmed holds the smaller one. */
  get confirmed(): boolean {
    return this.slots.every((slot, i) => slot.confirmedN >= (this.#counted[i] ?? Infinity));
  }
}

/** Dirty cells of some requests, each once and as it stood at one frame boundary. */
export class SentTouched {
  readonly #writer: WriterId;
  readonly #sent: readonly Readonly<{
    table: CellTable;
    slot: CellSlot;
    counts: MeasureCounts;
  }>[];

  constructor(writer: WriterId, touched: Iterable<TouchedCells>) {
    this.#writer = writer;
    const tables = new Map<CellSlot, CellTable>();
    for (const { table, slots } of touched) {
      assert(table.acceptanceQuarter !== undefined, 'what is unregistered cannot be put');
      for (const slot of slots) if (slot.n > slot.confirmedN) tables.set(slot, table);
    }
    this.#sent = [...tables].map(([slot, table]) => ({ table, slot, counts: slot.counts }));
  }

  get count(): number {
    return this.#sent.length;
  }

  at(i: number): Cell {
    const sent = this.#sent[i];
    assert(sent !== undefined, 'the cell was sent');
    return cellOf(this.#writer, sent.table, sent.slot, sent.counts);
  }

  /** Confirms the cells that are marked by a 1. Answers the counts that are confirmed by that. */
  confirm(confirmed: Uint8Array): number {
    let counts = 0;
    this.#sent.forEach((sent, i) => {
      if (confirmed[i] === 1) counts += sent.table.confirm(sent.slot, sent.counts);
    });
    return counts;
  }
}
