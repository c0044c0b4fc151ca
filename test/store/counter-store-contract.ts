// What CounterStore promises over every RowStore: cells put are entries read, each once.
// Every test counts ads of its own, so that all may share one store.
import { randomBytes } from 'node:crypto';
import { beforeAll, expect, test } from '@jest/globals';
import * as fc from 'fast-check';
import type { AdId, Cell } from '../../src/model/cell.ts';
import { dayOfQuarter, quarterStartMs, quartersPerDay } from '../../src/model/quarter.ts';
import type { QuarterRange } from '../../src/model/quarter.ts';
import { claimedWriterOf, drawWriterId } from '../../src/model/writer-id.ts';
import { CounterStore } from '../../src/store/counter-store.ts';
import { saltOf } from '../../src/store/key-layout.ts';
import { ad, cellOf, hardIds, latestOf, linesOf, site, someQuarter } from '../support/cells.ts';
import { inTime, putAll } from '../support/rows.ts';
import type { Store } from '../support/rows.ts';

const around: QuarterRange = { first: someQuarter - 400, end: someQuarter + 400 };

export function counterStoreContract(rows: Store): void {
  let opened: CounterStore | undefined;
  const store = (): CounterStore => {
    if (opened === undefined) throw new Error('the store did not open');
    return opened;
  };
  beforeAll(async () => {
    opened = await CounterStore.open(rows(), { createIfMissing: true }, inTime);
  }, 60_000);

  const put = async (cells: readonly Cell[]): Promise<void> => {
    const outcome = await store().putCells(cells, inTime);
    for (const failure of outcome.failures.reasons()) throw failure;
    expect(outcome.confirmedCount).toBe(cells.length);
  };
  const read = async (id: AdId, quarters = around) => {
    const entries: Omit<Cell, 'ad'>[] = [];
    const tally = await store().readAd(id, quarters, (entry) => entries.push(entry), inTime);
    return { lines: linesOf(entries), tally };
  };

  cellTests({ put, read, store });
  hostileTests({ put, read, store });
  readTests({ put, read, store }, rows);
}

interface Tools {
  readonly put: (cells: readonly Cell[]) => Promise<void>;
  readonly read: (
    id: AdId,
    quarters?: QuarterRange,
  ) => Promise<{ lines: string[]; tally: { rows: number; cells: number } }>;
  readonly store: () => CounterStore;
}

const newAd = (): AdId => ad(`ad-${randomBytes(6).toString('hex')}`);

function cellTests({ put, read, store }: Tools): void {
  test('cells put are the entries read', async () => {
    const id = newAd();
    const cells = [
      cellOf({ ad: id, counts: [1, 5, 2, 1] }),
      cellOf({ ad: id, site: site('other.example'), counts: [2, 3] }),
      cellOf({ ad: id, eventQuarter: someQuarter - 1, lag: 1, counts: [1, 2 ** 51] }),
      cellOf({ ad: id, lag: 65_535, counts: [1, 127, 16, 128, 64, 16_384, 111, 1] }),
    ];
    await put(cells);
    expect((await read(id)).lines).toEqual(linesOf(cells));
  });

  test('states of a cell that are repeated, late or out of order end at the highest', async () => {
    const cell = cellOf({ ad: newAd() });
    const states = [3, 1, 7, 7, 2, 5].map((n) => cellOf({ ...cell, counts: [1, n] }));
    await put(states);
    await Promise.all(states.map((state) => put([state])));
    expect((await read(cell.ad)).lines).toEqual(linesOf([{ ...cell, counts: [1, 7] }]));
  });

  test('writers, their claimed halves and lags are cells of their own', async () => {
    const id = newAd();
    const writers = [drawWriterId(), drawWriterId()];
    const both = writers.flatMap((writer) => [writer, claimedWriterOf(writer)]);
    const cells = both.flatMap((writer) =>
      [0, 1, 2].map((lag) => cellOf({ ad: id, writer, lag, counts: [1, lag + 1] })),
    );
    await put(cells);
    expect((await read(id)).lines).toEqual(linesOf(cells));
  });

  test('an ad that nobody counted has no entries', async () => {
    const { lines, tally } = await read(newAd());
    expect(lines).toEqual([]);
    expect(tally).toMatchObject({ rows: 0, cells: 0 });
  });

  test('a list of twenty thousand sites is put and read without one missing', async () => {
    const [id, writer] = [newAd(), drawWriterId()];
    const at = (i: number): Cell =>
      cellOf({ ad: id, writer, site: site(`site-${i}.example`), counts: [1, i + 1] });
    const outcome = await store().putCells({ count: 20_000, at }, inTime);
    expect([outcome.confirmedCount, outcome.failures.size]).toEqual([20_000, 0]);
    let sum = 0;
    const seen = new Set<string>();
    const tally = await store().readAd(
      id,
      around,
      (entry) => {
        seen.add(entry.site);
        sum += entry.counts[1] ?? 0;
      },
      inTime,
    );
    expect([seen.size, sum]).toEqual([20_000, 20_000 * 10_000 + 10_000]);
    expect(tally).toMatchObject({ rows: 20_000, cells: 20_000 });
  }, 120_000);

  test('any history of cells is read as the latest state of each', async () => {
    const ids = hardIds.map(site);
    const step = fc.record({
      adNumber: fc.nat(1),
      siteNumber: fc.nat(ids.length - 1),
      eventQuarter: fc.integer({ min: someQuarter - 200, max: someQuarter }),
      lag: fc.nat(2),
      writerNumber: fc.nat(2),
      n: fc.integer({ min: 1, max: 300 }),
    });
    const law = fc.asyncProperty(fc.array(step, { maxLength: 60 }), async (steps) => {
      const ads = [newAd(), newAd()];
      const writers = [drawWriterId(), drawWriterId(), drawWriterId()];
      const states = steps.map(({ adNumber, siteNumber, writerNumber, n, ...rest }) =>
        cellOf({
          ad: ads[adNumber] ?? newAd(),
          site: ids[siteNumber] ?? site('none'),
          writer: writers[writerNumber] ?? drawWriterId(),
          counts: [1, n],
          ...rest,
        }),
      );
      await put(states);
      for (const id of ads) {
        const mine = latestOf(states.filter((cell) => cell.ad === id));
        expect((await read(id)).lines).toEqual(linesOf(mine));
      }
    });
    await fc.assert(law, { numRuns: 15 });
  }, 120_000);
}

function hostileTests({ put, read, store }: Tools): void {
  test('ads that are prefixes of one another never read each other', async () => {
    const tag = randomBytes(4).toString('hex');
    const ids = hardIds.filter((id) => Buffer.byteLength(id) <= 100).map((id) => ad(tag + id));
    const cells = ids.map((id, i) => cellOf({ ad: id, counts: [1, i + 1] }));
    await put(cells);
    for (const cell of cells) {
      const { lines, tally } = await read(cell.ad);
      expect(lines).toEqual(linesOf([cell]));
      expect(tally).toMatchObject({ rows: 1, cells: 1 });
    }
  });

  test('a neighbour with a thousand sites is not even looked at', async () => {
    const id = newAd();
    const neighbours = [ad(`${id}0`), ad(`${id}\u{1f600}`), ad(id.slice(0, -1))];
    const cells = neighbours.flatMap((neighbour) =>
      Array.from({ length: 1_000 }, (_, i) => cellOf({ ad: neighbour, site: site(`s${i}`) })),
    );
    const own = cellOf({ ad: id });
    await put([...cells, own]);
    const { lines, tally } = await read(id);
    expect(lines).toEqual(linesOf([own]));
    expect(tally.cells).toBe(1);
  }, 60_000);

  test('ids of 128 bytes and of all of Unicode come back as they were', async () => {
    const sites = hardIds.map(site);
    const id = ad(randomBytes(64).toString('hex'));
    const cells = sites.map((one, i) => cellOf({ ad: id, site: one, counts: [1, i + 1] }));
    await put(cells);
    expect((await read(id)).lines).toEqual(linesOf(cells));
  });

  test('one site is read alone, also where its id is the prefix of another', async () => {
    const id = newAd();
    const cells = hardIds.flatMap((one, i) =>
      [0, 1, 95, 96, 200].map((back) =>
        cellOf({ ad: id, site: site(one), eventQuarter: someQuarter - back, counts: [1, i + 1] }),
      ),
    );
    await put(cells);
    for (const one of hardIds) {
      const entries: Omit<Cell, 'ad'>[] = [];
      const place = { ad: id, site: site(one) };
      const visit = (entry: Omit<Cell, 'ad'>): number => entries.push(entry);
      const tally = await store().readAdSite(place, around, visit, inTime);
      expect(linesOf(entries)).toEqual(linesOf(cells.filter((cell) => cell.site === one)));
      expect(tally.cells).toBe(5);
    }
  }, 60_000);
}

function readTests({ put, read, store }: Tools, rows: Store): void {
  test('a range takes the quarters from its first on, before its end', async () => {
    const id = newAd();
    const cells = Array.from({ length: 300 }, (_, i) =>
      cellOf({ ad: id, eventQuarter: someQuarter - i, counts: [1, i + 1] }),
    );
    await put(cells);
    for (const [first, end] of [
      [someQuarter - 5, someQuarter - 2],
      [someQuarter - 150, someQuarter - 10],
      [someQuarter, someQuarter + 1],
      [someQuarter - 299, someQuarter - 298],
      [someQuarter - 7, someQuarter - 7],
    ] as const) {
      const inside = cells.filter((c) => c.eventQuarter >= first && c.eventQuarter < end);
      expect((await read(id, { first, end })).lines).toEqual(linesOf(inside));
    }
  });

  /** One row as the product writes it, and cells of it that only a later release would write. */
  const rowOf = (cell: Cell): Buffer => {
    const day = Buffer.alloc(2);
    day.writeUInt16BE(dayOfQuarter(cell.eventQuarter));
    const salt = saltOf(cell.ad, cell.site, store().layout.salts);
    return Buffer.concat([
      Buffer.of(salt),
      Buffer.from(`${cell.ad}\0`),
      day,
      Buffer.from(cell.site),
    ]);
  };

  test('folded and live count once, the one with the larger n', async () => {
    const live = cellOf({ ad: newAd(), counts: [1, 5] });
    const quarter = live.eventQuarter % quartersPerDay;
    const other = claimedWriterOf(live.writer);
    const ids = Buffer.from(live.writer + other, 'hex');
    // In the vector: the live cell at n = 3 of before, and one of w + 1 that is no longer live.
    const entries = Buffer.of(quarter, 0, 0, 1, 1, 3, quarter, 0, 1, 1, 1, 9);
    const value = Buffer.concat([Buffer.of(1, 2), ids, entries]);
    const folded = { row: rowOf(live), qualifier: Buffer.of(2), value };
    await put([live]);
    await putAll(rows(), 'counts', [{ ...folded, version: dayStartMs(live) + 12 }]);
    const covered = { ...live, writer: other, counts: [1, 9] };
    expect((await read(live.ad)).lines).toEqual(linesOf([live, covered]));
  });

  test('a row with a cell of no known kind fails the read', async () => {
    const cell = cellOf({ ad: newAd() });
    await put([cell]);
    const unknown = { row: rowOf(cell), value: Buffer.of(1), version: dayStartMs(cell) };
    await putAll(rows(), 'counts', [{ ...unknown, qualifier: Buffer.of(3) }]);
    await expect(read(cell.ad)).rejects.toMatchObject({ code: 'BYTES_INVALID' });
  });

  test('a folded cell of an unknown format fails the read', async () => {
    const cell = cellOf({ ad: newAd() });
    await put([cell]);
    const folded = { row: rowOf(cell), qualifier: Buffer.of(2), value: Buffer.of(2, 0) };
    await putAll(rows(), 'counts', [{ ...folded, version: dayStartMs(cell) }]);
    await expect(read(cell.ad)).rejects.toMatchObject({ code: 'BYTES_INVALID' });
  });

  test('the layout stays as it was written, and other salts are refused', async () => {
    const again = await CounterStore.open(rows(), { createIfMissing: true }, inTime);
    expect(again.layout).toEqual(store().layout);
    const salts = store().layout.salts + 1;
    const other = CounterStore.open(rows(), { createIfMissing: true, salts }, inTime);
    await expect(other).rejects.toMatchObject({ code: 'SCHEMA_MISMATCH', remedy: 'give-up' });
  }, 60_000);

  test('without time left a put confirms nothing and a read fails', async () => {
    const cell = cellOf({ ad: newAd() });
    const outcome = await store().putCells([cell], { timeoutMs: 0 });
    expect([outcome.confirmedCount, outcome.failures.size]).toEqual([0, 1]);
    const late = store().readAd(cell.ad, around, () => undefined, { timeoutMs: 0 });
    await expect(late).rejects.toMatchObject({ remedy: 'retry' });
  });
}

function dayStartMs(cell: Cell): number {
  return quarterStartMs(dayOfQuarter(cell.eventQuarter) * quartersPerDay);
}
