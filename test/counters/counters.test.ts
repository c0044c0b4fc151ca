import { expect, test } from '@jest/globals';
import { Counters } from '../../src/counters/counters.ts';
import type { CellOutcome } from '../../src/counters/cell-table.ts';
import type { SentCells } from '../../src/counters/sent-cells.ts';
import type { AdId, SiteId } from '../../src/model/cell.ts';
import { CounterError } from '../../src/model/errors.ts';
import type { AdEvent } from '../../src/model/event.ts';
import { quarterMs, quarterOf } from '../../src/model/quarter.ts';
import type { WriterId } from '../../src/model/writer-id.ts';

const writer = '00000000000000a0' as WriterId;
const startMs = 1_800_000_000_000;
const quarter = quarterOf(startMs);
const everything = { first: 0, end: 10_000_000 };

function event(ad: string, n = 1, more: Partial<AdEvent> = {}): AdEvent {
  return { measure: 1, ad: ad as AdId, site: 's.example' as SiteId, n, tsMs: undefined, ...more };
}

function count(counters: Counters, events: readonly AdEvent[], acceptMs = startMs): number {
  const formed = counters.form([events], { acceptMs, acceptanceQuarter: quarterOf(acceptMs) });
  return counters.apply(formed, 1);
}

function settle(sent: SentCells, outcomeOf: (i: number) => CellOutcome): number {
  let confirmed = 0;
  for (let i = 0; i < sent.count; i++) confirmed += sent.settleNext(outcomeOf(i));
  return confirmed;
}

const all = (): CellOutcome => 'confirmed';
const onlySecond = (i: number): CellOutcome => (i === 1 ? 'confirmed' : 'failed');

function confirmAll(counters: Counters): number {
  const sent = counters.snapshot();
  return settle(sent, all);
}

function readBackAll(counters: Counters): void {
  for (const table of counters.toReadBack()) table.passed();
}

test('forming a frame changes no count, applying it sets them', () => {
  const counters = new Counters(writer);
  const stamp = { acceptMs: startMs, acceptanceQuarter: quarter };
  const formed = counters.form([[event('a', 2), event('a', 3)]], stamp);
  expect(counters.unflushedCounts).toBe(0);
  expect(formed.map((cell) => cell.counts)).toEqual([[1, 5]]);
  expect(counters.apply(formed, 1)).toBe(5);
  expect(counters.unflushedCounts).toBe(5);
});

test('a frame holds all measures of a cell, absolute, as they are after it', () => {
  const counters = new Counters(writer);
  count(counters, [event('a', 7), event('a', 2, { measure: 2 })]);
  const stamp = { acceptMs: startMs, acceptanceQuarter: quarter };
  const [cell] = counters.form([[event('a', 1, { measure: 2 })]], stamp);
  expect(cell?.counts).toEqual([1, 7, 2, 3]);
});

test('what is counted while a flush is on its way stays dirty', () => {
  const counters = new Counters(writer);
  count(counters, [event('a', 5)]);
  const snapshot = counters.snapshot();
  count(counters, [event('a', 2)]);
  expect(snapshot.at(0).counts).toEqual([1, 5]);
  expect(settle(snapshot, all)).toBe(5);
  expect(counters.dirtyCells).toBe(1);
  expect(counters.unflushedOf('a' as AdId, undefined, everything)).toEqual(new Map([[1, 2]]));
  expect(confirmAll(counters)).toBe(2);
  expect(counters.dirtyCells).toBe(0);
});

test('one flush at a time: what one sends is settled before the next', () => {
  const counters = new Counters(writer);
  count(counters, [event('a', 5)]);
  const sent = counters.snapshot();
  expect(() => counters.snapshot()).toThrow('one flush at a time');
  settle(sent, all);
  expect(counters.snapshot().count).toBe(0);
});

test('only what was confirmed is clean: the others of the batch stay dirty', () => {
  const counters = new Counters(writer);
  count(counters, [event('a', 5), event('b', 4)]);
  expect(settle(counters.snapshot(), onlySecond)).toBe(4);
  expect(counters.snapshot().at(0).ad).toBe('a');
  expect(counters.unflushedCounts).toBe(5);
});

test('a late event has a cell of its own, with its lag', () => {
  const counters = new Counters(writer);
  count(counters, [event('a', 1), event('a', 4, { tsMs: startMs - 2 * quarterMs })]);
  const cells = counters.snapshot();
  const seen = [cells.at(0), cells.at(1)].map(({ eventQuarter, lag }) => ({ eventQuarter, lag }));
  expect(seen).toEqual([
    { eventQuarter: quarter, lag: 0 },
    { eventQuarter: quarter - 2, lag: 2 },
  ]);
});

test('an event from the future counts in the quarter of its acceptance', () => {
  const counters = new Counters(writer);
  count(counters, [event('a', 1, { tsMs: startMs + quarterMs })]);
  expect(counters.snapshot().at(0)).toMatchObject({ eventQuarter: quarter, lag: 0 });
});

test('unregistered cells wait, and count on in the quarter of the registration', () => {
  const counters = new Counters(writer);
  const unregistered = { acceptMs: startMs, acceptanceQuarter: undefined };
  counters.apply(counters.form([[event('a', 3)]], unregistered), 1);
  expect(counters.snapshot().count).toBe(0);
  counters.registered(quarter + 3);
  count(counters, [event('a', 1, { tsMs: startMs })], startMs + 3 * quarterMs);
  const cells = counters.snapshot();
  expect(cells.count).toBe(1);
  expect(cells.at(0)).toMatchObject({ eventQuarter: quarter, lag: 3, counts: [1, 4] });
});

test('a table is dropped when it is closed, confirmed and read back, not before', () => {
  const counters = new Counters(writer);
  count(counters, [event('a', 3)]);
  expect(counters.dropConfirmed()).toBeUndefined();
  counters.closeBefore(quarter + 1);
  expect(counters.dropConfirmed()).toBeUndefined();
  confirmAll(counters);
  expect(counters.dropConfirmed()).toBeUndefined();
  readBackAll(counters);
  expect(counters.dropConfirmed()).toBe(quarter);
  expect(counters.openCells).toBe(0);
});

test('a confirmed table behind an unconfirmed one frees its memory; its segments wait', () => {
  const counters = new Counters(writer);
  count(counters, [event('a', 3)]);
  count(counters, [event('b', 3)], startMs + quarterMs);
  counters.closeBefore(Infinity);
  settle(counters.snapshot(), onlySecond);
  // Segments go from the head: nothing may go while the oldest quarter is not confirmed.
  readBackAll(counters);
  expect(counters.dropConfirmed()).toBeUndefined();
  expect(counters.openCells).toBe(1);
  confirmAll(counters);
  readBackAll(counters);
  expect(counters.dropConfirmed()).toBe(quarter + 1);
  expect(counters.openCells).toBe(0);
});

test('a cell that is refused for good is set aside: not sent with the others, and named', () => {
  const counters = new Counters(writer);
  const refusal = new CounterError('STORE_REFUSED', 'give-up', { detail: 'too large' });
  count(counters, [event('a', 3), event('b', 4)]);
  settle(counters.snapshot(), (i) => (i === 0 ? refusal : 'confirmed'));
  expect([counters.asideCells, counters.dirtyCells, counters.unflushedCounts]).toEqual([1, 1, 3]);
  expect(counters.asideExamples(5)).toEqual([
    {
      writer,
      ad: 'a',
      site: 's.example',
      eventQuarter: quarter,
      reason: 'STORE_REFUSED: too large',
    },
  ]);
  count(counters, [event('a', 2)]);
  expect(counters.snapshot().count).toBe(0);
  const again = counters.snapshotAside();
  count(counters, [event('a', 1)]);
  expect(again.at(0).counts).toEqual([1, 5]);
  // Confirmed: what was counted meanwhile is dirty like any other.
  expect(settle(again, all)).toBe(5);
  expect([counters.asideCells, counters.unflushedCounts]).toEqual([0, 1]);
  expect(counters.snapshot().at(0).counts).toEqual([1, 6]);
});

test('a cell that could reach its bound is named before it is journaled', () => {
  const counters = new Counters(writer, { cellCountEnd: 100 });
  count(counters, [event('a', 90)]);
  expect(counters.couldOverflow(9)).toBe(false);
  expect(counters.couldOverflow(10)).toBe(true);
  expect(counters.wouldOverflow(event('a', 9), startMs, 0)).toBe(false);
  expect(counters.wouldOverflow(event('a', 10), startMs, 0)).toBe(true);
  expect(counters.wouldOverflow(event('a', 5), startMs, 5)).toBe(true);
  expect(counters.wouldOverflow(event('b', 10), startMs, 0)).toBe(false);
});

test('a sample and a list of a confirmed table hold cells with counts, each once', () => {
  const counters = new Counters(writer);
  // A frame that never came to pass leaves a cell that counts nothing.
  const stamp = { acceptMs: startMs, acceptanceQuarter: quarter };
  counters.discard(counters.form([[event('never', 1)]], stamp));
  count(
    counters,
    Array.from({ length: 50 }, (_, i) => event(`a${i}`, i + 1)),
  );
  counters.closeBefore(Infinity);
  expect(counters.toReadBack()).toEqual([]);
  confirmAll(counters);
  const [table] = counters.toReadBack();
  const every = table?.all();
  expect(every?.count).toBe(50);
  expect(every?.at(49)).toMatchObject({ writer, ad: 'a49', counts: [1, 50], lag: 0 });
  for (const countMax of [1, 10, 51, 100]) {
    const ads = (table?.sample(countMax, 0) ?? []).map(({ ad }) => ad);
    expect(new Set(ads).size).toBe(ads.length);
    expect(ads).not.toContain('never');
    expect(ads.length).toBeGreaterThanOrEqual(Math.min(countMax, 51) - 1);
    expect(ads.length).toBeLessThanOrEqual(countMax);
  }
  expect(table?.sample(100, quarter + 1)).toEqual([]);
});
