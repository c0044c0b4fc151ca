// A copy from store to store: whatever interrupts it, however often it is repeated, from whatever
// state of the source, all cells arrive byte for byte and none is called complete before it is
// there.
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { describe, expect, test } from '@jest/globals';
import * as fc from 'fast-check';
import type { CopyProgress } from '../../src/copy/copy.ts';
import { CounterError } from '../../src/model/errors.ts';
import { quarterMs } from '../../src/model/quarter.ts';
import { drawWriterId } from '../../src/model/writer-id.ts';
import { EmbeddedRowStore } from '../../src/store/embedded/embedded-row-store.ts';
import { completenessOf } from '../../src/store/completeness.ts';
import { ad, cellOf, site, someQuarter } from '../support/cells.ts';
import {
  anyCells,
  anySalts,
  copyAll,
  count,
  dieAfter,
  linesIn,
  linkTo,
  memoryStore,
  missingThough,
  putCells,
  recordOf,
  recordsIn,
  register,
  revive,
} from './stores.ts';
import type { MemoryStore } from './stores.ts';

const [first, second] = [drawWriterId(), drawWriterId()];
const allThere = { settled: true, comparison: { missing: 0, ahead: 0, adsDiffering: 0 } };

async function expectEqual(target: MemoryStore, source: MemoryStore): Promise<void> {
  expect(await linesIn(target.rows, 'counts')).toEqual(await linesIn(source.rows, 'counts'));
  expect(await recordsIn(target.link)).toEqual(await recordsIn(source.link));
}

describe('a copy', () => {
  test('brings every cell byte for byte, under the salts of the other store', async () => {
    await fc.assert(
      fc.asyncProperty(anyCells, anySalts, anySalts, async (cells, from, to) => {
        const [source, target] = [await memoryStore(from), await memoryStore(to)];
        await count(source.link, cells);
        const { copied } = await copyAll(source, target);
        expect(copied).toMatchObject(allThere);
        expect(copied.comparison?.ads).toBe(new Set(cells.map((cell) => cell.ad)).size);
        await expectEqual(target, source);
        // A question for one site reads one salt: a row under another would not be found.
        for (const cell of cells) {
          const { eventQuarter: quarter } = cell;
          let found = 0;
          const quarters = { first: quarter, end: quarter + 1 };
          const inTime = { timeoutMs: 5_000 };
          await target.link.opened.readAdSite(cell, quarters, () => found++, inTime);
          expect(found).toBeGreaterThan(0);
        }
      }),
      { numRuns: 25 },
    );
  }, 60_000);

  test('killed at any step and repeated ends the same; nothing is called complete before it is there', async () => {
    const kill = fc.record({ steps: fc.nat(60), lost: fc.boolean() });
    const kills = fc.array(kill, { maxLength: 4 });
    let killed = 0;
    await fc.assert(
      fc.asyncProperty(anyCells, anySalts, kills, async (cells, salts, deaths) => {
        const [source, target] = [await memoryStore(16), await memoryStore(salts)];
        await count(source.link, cells);
        // The other store has a writer of its own, which is ahead of all that is copied.
        const own = recordOf({ state: 'open', sealedBy: null, watermarkMs: Date.now() });
        const ownWriter = drawWriterId();
        await register(target.link, ownWriter, own);
        for (const { steps, lost } of deaths) {
          dieAfter(target.rows, steps, lost);
          await copyAll(source, target).catch(() => killed++);
          revive(target.rows);
          expect(await missingThough(target.link, cells)).toEqual([]);
        }
        expect((await copyAll(source, target)).copied).toMatchObject(allThere);
        expect(await linesIn(target.rows, 'counts')).toEqual(await linesIn(source.rows, 'counts'));
        const records = new Map(await recordsIn(source.link));
        expect(await recordsIn(target.link)).toEqual(records.set(ownWriter, own));
        const { completeThroughMs } = completenessOf(await target.link.registry.readAll());
        expect(completeThroughMs).toBe(own.watermarkMs);
      }),
      { numRuns: 40 },
    );
    expect(killed).toBeGreaterThan(10);
  }, 120_000);

  test('two at once, from the same state or from two, end at the larger counts', async () => {
    await fc.assert(
      fc.asyncProperty(anyCells, anySalts, fc.boolean(), async (cells, salts, isSame) => {
        const [older, newer, target] = await Promise.all([16, 16, salts].map(memoryStore));
        if (older === undefined || newer === undefined || target === undefined) return;
        const before = cells.map((cell) => ({ ...cell, counts: [1, 1] }));
        await count(newer.link, cells, { position: 9 });
        if (isSame) await count(older.link, cells, { position: 9 });
        else await count(older.link, before, { position: 5, sealedBy: 'itself' });
        // One of them is slower, so that they overlap in many ways.
        let calls = 0;
        target.rows.delay = () =>
          new Promise((go) => (calls++ % 3 === 0 ? setImmediate(go) : go()));
        await Promise.all([copyAll(older, target), copyAll(newer, target)]);
        expect(calls).toBeGreaterThan(4);
        await expectEqual(target, newer);
      }),
      { numRuns: 20 },
    );
  }, 60_000);

  test('again changes nothing; with more in the source it brings the rest', async () => {
    const [source, target] = [await memoryStore(16), await memoryStore(5)];
    const cell = cellOf({ writer: first });
    await count(source.link, [cell]);
    await copyAll(source, target);
    const puts = target.rows.calls.checkAndPut;
    expect((await copyAll(source, target)).holdings.writersNew).toBe(0);
    expect(target.rows.calls.checkAndPut).toBe(puts);
    await expectEqual(target, source);
    await count(source.link, [cellOf({ writer: second, counts: [1, 7, 2, 3] })]);
    const { holdings, copied } = await copyAll(source, target);
    expect(holdings).toMatchObject({ writersNew: 1, tables: { counts: { rows: 1, cells: 2 } } });
    const sums = { impressions: 8n, clicks: 3n, filtered: 0n };
    expect(copied.comparison).toMatchObject({ ads: 1, source: sums, target: sums });
    await expectEqual(target, source);
  });

  test('an older state of the source takes nothing back, and says that it is behind', async () => {
    const [older, newer, target] = await Promise.all([16, 16, 4].map(memoryStore));
    if (older === undefined || newer === undefined || target === undefined) return;
    const cell = cellOf({ writer: first, counts: [1, 5] });
    await count(older.link, [cell], { position: 5 });
    await count(newer.link, [{ ...cell, counts: [1, 8] }], { position: 8, sealedBy: 'itself' });
    await copyAll(newer, target);
    const { copied } = await copyAll(older, target);
    expect(copied.comparison).toMatchObject({ missing: 0, ahead: 1, adsDiffering: 1 });
    expect(copied.comparison?.examples).toMatchObject([
      { ad: 'ad', source: { impressions: 5n }, target: { impressions: 8n } },
    ]);
    await expectEqual(target, newer);
  });

  test('what others counted in the other store stays and is not compared', async () => {
    const [source, target] = [await memoryStore(16), await memoryStore(16)];
    const cell = cellOf({ writer: first, counts: [1, 5] });
    await count(source.link, [cell]);
    await count(target.link, [{ ...cell, writer: second, counts: [1, 100] }]);
    expect((await copyAll(source, target)).copied).toMatchObject(allThere);
    let sum = 0;
    const quarters = { first: someQuarter, end: someQuarter + 1 };
    const add = ({ n }: { readonly n: number }): number => (sum += n);
    await target.link.opened.readAd(cell.ad, quarters, add, { timeoutMs: 5_000 });
    expect(sum).toBe(105);
  });
});

describe('what does not arrive', () => {
  test('is found by the comparison, and its writers stay open where they began', async () => {
    const [source, target] = [await memoryStore(16), await memoryStore(3)];
    await count(source.link, [cellOf({ writer: first, counts: [1, 5, 2, 1] })]);
    // A table that masks what is put, as after an operator's deletion.
    const { rows } = target;
    const put = rows.put.bind(rows);
    rows.put = async (table, batch, options) => {
      if (table !== 'counts') return put(table, batch, options);
      const confirmed = new Uint8Array(batch.count).fill(1);
      return { confirmed, confirmedCount: batch.count, failures: new Map() };
    };
    const { copied } = await copyAll(source, target);
    const zero = { impressions: 0n, clicks: 0n, filtered: 0n };
    expect(copied).toMatchObject({ settled: false, comparison: { missing: 1, target: zero } });
    const [record] = (await recordsIn(target.link)).values();
    expect(record).toMatchObject({ state: 'open', watermarkMs: someQuarter * quarterMs });
    rows.put = put;
    expect((await copyAll(source, target)).copied).toMatchObject(allThere);
    await expectEqual(target, source);
  });

  test('because the store refuses it keeps none of the others back', async () => {
    const [source, target] = [await memoryStore(16), await memoryStore(3)];
    const cells = ['a', 'b', 'c'].map((id) => cellOf({ writer: first, ad: ad(id) }));
    await count(source.link, cells);
    target.rows.failPut = (_, i) =>
      i === 1 ? new CounterError('STORE_REFUSED', 'give-up') : undefined;
    const { copied } = await copyAll(source, target, { isCompared: false });
    expect(copied).toMatchObject({ refused: 1, settled: false, comparison: undefined });
    expect(target.rows.cellsIn('counts')).toBe(2);
    expect((await recordsIn(target.link)).get(first)?.state).toBe('open');
  });

  test('because the store is away for a moment is tried again', async () => {
    const [source, target] = [await memoryStore(16), await memoryStore(3)];
    await count(source.link, [cellOf({ writer: first })]);
    let failures = 3;
    target.rows.failPut = () =>
      failures-- > 0 ? new CounterError('STORE_TIMEOUT', 'retry') : undefined;
    expect((await copyAll(source, target)).copied).toMatchObject(allThere);
  });
});

test('a real embedded store is read in pages, each row once, and progress ends at its total', async () => {
  const dataDir = await mkdtemp(path.join(tmpdir(), 'adcounter-copy-'));
  const rows = await EmbeddedRowStore.open({ dataDir });
  try {
    const source = { link: await linkTo(rows, 2) };
    const target = await memoryStore(9);
    // Two salts of pages, and a row that is longer than a page.
    const many = Array.from({ length: 8_000 }, (_, i) =>
      cellOf({ writer: first, ad: ad(`ad-${i % 700}`), site: site(`site-${i}.example`) }),
    );
    const long = Array.from({ length: 6_000 }, (_, lag) => cellOf({ writer: second, lag }));
    await count(source.link, many);
    await count(source.link, long);
    const seen = new Map<string, CopyProgress>();
    const onProgress = (progress: CopyProgress): unknown => seen.set(progress.step, progress);
    const { holdings, copied } = await copyAll(source, target, { onProgress });
    expect(holdings.tables.counts).toEqual({ rows: 8_001, cells: 14_000, rowsExpired: 0 });
    expect(copied).toMatchObject({ ...allThere, comparison: { ads: 701 } });
    expect(await linesIn(target.rows, 'counts')).toEqual(await linesIn(rows, 'counts'));
    for (const step of ['copy', 'compare']) {
      expect(seen.get(step)).toEqual({ step, done: 14_000, total: 14_000 });
    }
    await putCells(source.link, [cellOf({ writer: second, ad: ad('late'), counts: [1, 3] })]);
    expect((await copyAll(source, target)).copied).toMatchObject(allThere);
    expect(target.rows.cellsIn('counts')).toBe(14_001);
  } finally {
    await rows.close();
    await rm(dataDir, { recursive: true });
  }
}, 60_000);
