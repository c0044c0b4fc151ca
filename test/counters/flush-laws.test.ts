// Laws of a flush that goes on in slices while counting goes on: whatever is formed, applied,
// sent, settled and audited in whatever order, memory equals a model of a few maps.
import { deepStrictEqual as deepEqual, equal, ok } from 'node:assert/strict';
import { expect, test } from '@jest/globals';
import * as fc from 'fast-check';
import type { CellOutcome, FormedCell } from '../../src/counters/cell-table.ts';
import { Counters } from '../../src/counters/counters.ts';
import type { SentCells } from '../../src/counters/sent-cells.ts';
import type { SentTouched, TouchedCells } from '../../src/counters/touched-cells.ts';
import { sumOf } from '../../src/model/cell.ts';
import type { AdId, Cell, SiteId } from '../../src/model/cell.ts';
import { CounterError } from '../../src/model/errors.ts';
import { quarterMs, quarterOf } from '../../src/model/quarter.ts';
import type { WriterId } from '../../src/model/writer-id.ts';

const writer = '00000000000000a0' as WriterId;
const startMs = 1_800_000_000_000;
const everything = { first: 0, end: 10_000_000 };
const refusal = new CounterError('STORE_REFUSED', 'give-up');
const ads = ['a', 'b', 'c', 'd', 'e'];

interface ModelCell {
  n: number;
  confirmedN: number;
  isAside: boolean;
}

/** What must be true, by the simplest means. */
class Model {
  readonly cells = new Map<string, ModelCell>();
  sending: { readonly name: string; readonly n: number }[] = [];
  settled = 0;

  dirty(isAside: boolean): string[] {
    const all = [...this.cells].filter(([, cell]) => cell.n > cell.confirmedN);
    return all.filter(([, cell]) => cell.isAside === isAside).map(([name]) => name);
  }

  get unflushed(): number {
    return [...this.cells.values()].reduce((sum, cell) => sum + cell.n - cell.confirmedN, 0);
  }
}

class World {
  readonly counters = new Counters(writer);
  readonly model = new Model();
  #quarter = quarterOf(startMs);
  #formed: readonly FormedCell[] | undefined;
  #sent: SentCells | undefined;
  #audit: Iterator<undefined> | undefined;
  readonly #expedited: {
    readonly sent: SentTouched;
    readonly touched: readonly TouchedCells[];
    readonly cells: readonly Cell[];
  }[] = [];

  form(ad: string, n: number): void {
    if (this.#formed !== undefined) return;
    const stamp = { acceptMs: this.#quarter * quarterMs, acceptanceQuarter: this.#quarter };
    const event = { measure: 1, ad: ad as AdId, site: 's' as SiteId, n, tsMs: undefined };
    this.#formed = this.counters.form([[event]], stamp);
  }

  apply(): void {
    const formed = this.#formed;
    if (formed === undefined) return;
    this.#formed = undefined;
    this.counters.apply(formed, 1);
    for (const { ad, eventQuarter, counts } of formed) {
      const name = `${ad} ${eventQuarter}`;
      const cell = this.model.cells.get(name) ?? { n: 0, confirmedN: 0, isAside: false };
      cell.n = sumOf(counts);
      this.model.cells.set(name, cell);
    }
  }

  /** As a round does: in the turn of the snapshot what lies behind is closed. */
  send(isAside: boolean): void {
    const { model } = this;
    if (this.#sent?.settled === false) return;
    this.#sent = isAside ? this.counters.snapshotAside() : this.counters.snapshot();
    model.sending = [];
    const named = new Set<string>();
    for (let i = 0; i < this.#sent.count; i++) {
      const name = nameOf(this.#sent.at(i));
      named.add(name);
      model.sending.push({ name, n: model.cells.get(name)?.n ?? 0 });
    }
    deepEqual([...named].toSorted(), model.dirty(isAside).toSorted());
    equal(model.sending.length, named.size);
  }

  /** Reads one that is not settled yet: it is as it was, whatever came meanwhile. */
  read(): void {
    const sent = this.#sent;
    if (sent === undefined || sent.settled) return;
    for (let i = sent.next; i < sent.count; i++) {
      const cell = sent.at(i);
      deepEqual({ name: nameOf(cell), n: sumOf(cell.counts) }, this.model.sending[i]);
    }
  }

  settle(outcomes: readonly CellOutcome[]): void {
    for (const outcome of outcomes) {
      const sent = this.#sent;
      if (sent === undefined || sent.settled) return;
      const { name = '', n = 0 } = this.model.sending[sent.next] ?? {};
      const cell = this.model.cells.get(name);
      if (cell === undefined) throw new Error(`no cell ${name}`);
      // A put beside this one may have confirmed more.
      const confirmed = outcome === 'confirmed' ? Math.max(0, n - cell.confirmedN) : 0;
      cell.confirmedN += confirmed;
      if (outcome !== 'failed') cell.isAside = outcome !== 'confirmed';
      if (cell.n === cell.confirmedN) cell.isAside = false;
      equal(sent.settleNext(outcome), confirmed);
    }
  }

  /** What a request counted in is put at once, beside any snapshot. */
  expedite(someAds: readonly string[]): void {
    const names = someAds.map((ad) => `${ad} ${this.#quarter}`);
    if (!names.every((name) => this.model.cells.has(name))) return;
    const acceptMs = this.#quarter * quarterMs;
    const touched = someAds.map((ad) => {
      const event = { measure: 1, ad: ad as AdId, site: 's' as SiteId, n: 1, tsMs: undefined };
      return this.counters.touchedBy([event], acceptMs);
    });
    const expected = new Map<string, number>();
    for (const name of names) {
      const { n = 0, confirmedN = 0 } = this.model.cells.get(name) ?? {};
      if (n > confirmedN) expected.set(name, n);
    }
    const sent = this.counters.snapshotOf(touched);
    equal(sent.count, expected.size);
    const cells = Array.from({ length: sent.count }, (_, i) => sent.at(i));
    deepEqual(new Map(cells.map((cell) => [nameOf(cell), sumOf(cell.counts)])), expected);
    this.#expedited.push({ sent, touched, cells });
  }

  /** The oldest such put is answered; those that are not confirmed stay as they are. */
  land(marks: readonly boolean[]): void {
    const under = this.#expedited.shift();
    if (under === undefined) return;
    const confirmed = Uint8Array.from(under.cells, (_, i) => (marks[i] === false ? 0 : 1));
    let counts = 0;
    under.cells.forEach((sent, i) => {
      const cell = this.model.cells.get(nameOf(sent));
      if (cell === undefined || confirmed[i] !== 1) return;
      const n = Math.max(cell.confirmedN, sumOf(sent.counts));
      counts += n - cell.confirmedN;
      if (n > cell.confirmedN && n === cell.n) cell.isAside = false;
      cell.confirmedN = n;
    });
    equal(under.sent.confirm(confirmed), counts);
    if (!confirmed.includes(0)) ok(under.touched.every((touched) => touched.confirmed));
  }

  audit(steps: number): void {
    this.#audit ??= this.counters.audit(1);
    for (let i = 0; i < steps; i++) {
      if (this.#audit?.next().done === true) this.#audit = undefined;
    }
  }

  nextQuarter(): void {
    if (this.#formed !== undefined) return;
    this.#quarter++;
    this.counters.closeBefore(this.#quarter);
  }

  /** Only between two flushes and with the audit at its end, as a round does it. */
  drop(): void {
    const { model } = this;
    if (this.#sent?.settled === false || this.#audit !== undefined) return;
    for (const table of this.counters.toReadBack()) table.passed();
    const dropped = this.counters.dropConfirmed() ?? 0;
    for (const name of [...model.dirty(false), ...model.dirty(true)]) {
      ok(Number(name.split(' ')[1]) > dropped, 'what is dirty holds its segment');
    }
  }

  check(): void {
    const { counters, model } = this;
    const unflushed = counters.unflushedOf('a' as AdId, undefined, everything).get(1) ?? 0;
    const ofA = [...model.cells].filter(([name]) => name.startsWith('a '));
    equal(
      unflushed,
      ofA.reduce((sum, [, cell]) => sum + cell.n - cell.confirmedN, 0),
    );
    const seen = {
      dirty: counters.dirtyCells,
      aside: counters.asideCells,
      unflushed: counters.unflushedCounts,
      named: counters.asideExamples(1_000).length,
    };
    deepEqual(seen, {
      dirty: model.dirty(false).length + model.dirty(true).length,
      aside: model.dirty(true).length,
      unflushed: model.unflushed,
      named: model.dirty(true).length,
    });
  }
}

function nameOf({ ad, eventQuarter }: Cell): string {
  return `${ad} ${eventQuarter}`;
}

const outcome = fc.constantFrom<CellOutcome>('confirmed', 'confirmed', 'failed', refusal);
const step = fc.oneof(
  {
    weight: 6,
    arbitrary: fc.record({ form: fc.constantFrom(...ads), n: fc.integer({ min: 1, max: 9 }) }),
  },
  { weight: 6, arbitrary: fc.constant('apply' as const) },
  { weight: 3, arbitrary: fc.constant('send' as const) },
  { weight: 1, arbitrary: fc.constant('sendAside' as const) },
  { weight: 2, arbitrary: fc.constant('read' as const) },
  { weight: 5, arbitrary: fc.record({ settle: fc.array(outcome, { maxLength: 4 }) }) },
  {
    weight: 3,
    arbitrary: fc.record({ expedite: fc.array(fc.constantFrom(...ads), { maxLength: 3 }) }),
  },
  { weight: 3, arbitrary: fc.record({ land: fc.array(fc.boolean(), { maxLength: 2 }) }) },
  { weight: 3, arbitrary: fc.record({ audit: fc.integer({ min: 1, max: 4 }) }) },
  { weight: 1, arbitrary: fc.constant('nextQuarter' as const) },
  { weight: 2, arbitrary: fc.constant('drop' as const) },
);

test('whatever happens during a flush in slices, memory equals the model at every moment', () => {
  const property = fc.property(fc.array(step, { maxLength: 120, size: 'max' }), (steps) => {
    const world = new World();
    for (const each of steps) {
      if (each === 'apply' || each === 'read' || each === 'nextQuarter' || each === 'drop') {
        world[each]();
      } else if (each === 'send' || each === 'sendAside') world.send(each === 'sendAside');
      else if ('form' in each) world.form(each.form, each.n);
      else if ('settle' in each) world.settle(each.settle);
      else if ('expedite' in each) world.expedite(each.expedite);
      else if ('land' in each) world.land(each.land);
      else world.audit(each.audit);
      world.check();
    }
  });
  expect(() => fc.assert(property, { numRuns: 1_000 })).not.toThrow();
});
