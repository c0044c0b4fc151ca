// Which rows a copy takes, and how: folded cells, old rows, claims, the tables beside `counts`; and
// what becomes of a writer's record, whatever stands in the other store already.
import { crc32 } from 'node:zlib';
import { describe, expect, test } from '@jest/globals';
import * as fc from 'fast-check';
import { heldRecord, settledRecord } from '../../src/copy/copied-writers.ts';
import { partsOf } from '../../src/copy/table-keys.ts';
import { dayOfQuarter, quarterStartMs, quartersPerDay } from '../../src/model/quarter.ts';
import type { Put } from '../../src/model/rows.ts';
import { claimedWriterOf, drawWriterId } from '../../src/model/writer-id.ts';
import type { WriterRecord } from '../../src/store/registry.ts';
import { ad, cellOf, site, someQuarter } from '../support/cells.ts';
import { MemoryRowStore } from '../support/memory-row-store.ts';
import { putAll } from '../support/rows.ts';
import {
  cellsOf,
  copyAll,
  count,
  linkTo,
  memoryStore,
  recordOf,
  recordsIn,
  retentionDays,
} from './stores.ts';

const writer = drawWriterId();
const text = (id: string): Buffer => Buffer.from(id);
const dayOf = (day: number): Buffer => Buffer.from([day >> 8, day & 0xff]);
const today = dayOfQuarter(someQuarter);
const dayMs = 24 * 3_600_000;

const salted = (salt: number, rest: Buffer): Buffer => Buffer.concat([Buffer.of(salt), rest]);

const claim = (first: number, ageMs: number): Put => ({
  row: Buffer.alloc(16, first),
  qualifier: Buffer.of(1),
  value: Buffer.of(1, first),
  version: Date.now() - ageMs,
});

/** The folded cell of one writer's n in the quarter; its row is that of `counts`. */
function foldedOf(owner: string, quarter: number, n: number) {
  const entry = Buffer.of(quarter % quartersPerDay, 0, 0, 1, 1, n);
  const value = Buffer.concat([Buffer.of(1, 1), Buffer.from(owner, 'hex'), entry]);
  const version = quarterStartMs(dayOfQuarter(quarter) * quartersPerDay) + n;
  return { qualifier: Buffer.of(2), value, version };
}

describe('a folded cell', () => {
  const key = Buffer.concat([text('ad\0'), dayOf(today), text('site.example')]);
  const rowWith = (salts: number): Buffer =>
    Buffer.concat([Buffer.of(crc32('ad\0site.example') % salts), key]);

  test('is taken apart, so that a larger one of the other store keeps what it covers', async () => {
    const [source, target] = [await memoryStore(16), await memoryStore(5)];
    const live = cellOf({ writer, counts: [1, 2] });
    await count(source.link, [live]);
    const older = foldedOf(claimedWriterOf(writer), someQuarter, 9);
    await putAll(source.rows, 'counts', [{ row: rowWith(16), ...older }]);
    // In the other store the same row is folded, over a writer of its own.
    const theirs = foldedOf(drawWriterId(), someQuarter, 100);
    await putAll(target.rows, 'counts', [{ row: rowWith(5), ...theirs }]);
    const { copied } = await copyAll(source, target);
    expect(copied).toMatchObject({ settled: true, comparison: { missing: 0, ahead: 0 } });
    const sums = new Map<string, number>();
    const quarters = { first: someQuarter, end: someQuarter + 1 };
    await target.link.opened.readAd(
      ad('ad'),
      quarters,
      ({ writer: owner, n }) => sums.set(owner, n),
      { timeoutMs: 5_000 },
    );
    expect([...sums.values()].sort((a, b) => a - b)).toEqual([2, 9, 100]);
  });

  test('of the other store that covers all of a later copy is no difference', async () => {
    const [source, target] = [await memoryStore(16), await memoryStore(5)];
    await count(source.link, [cellOf({ writer, counts: [1, 2] })]);
    await putAll(target.rows, 'counts', [{ row: rowWith(5), ...foldedOf(writer, someQuarter, 2) }]);
    const { copied } = await copyAll(source, target);
    expect(copied.comparison).toMatchObject({ ads: 1, missing: 0, ahead: 0 });
  });

  test('or any other that is not as it is drawn stops the copy before it begins', async () => {
    const [source, target] = [await memoryStore(16), await memoryStore(5)];
    await count(source.link, [cellOf({ writer }), cellOf({ writer, ad: ad('other') })]);
    const damaged = { ...foldedOf(writer, someQuarter, 1), value: Buffer.of(7) };
    await putAll(source.rows, 'counts', [{ row: rowWith(16), ...damaged }]);
    await expect(copyAll(source, target)).rejects.toMatchObject({
      code: 'BYTES_INVALID',
      message: expect.stringContaining(rowWith(16).toString('hex')),
    });
    expect(target.rows.putsReceived).toBe(0);
    expect(await recordsIn(target.link)).toEqual(new Map());
  });
});

describe('rows', () => {
  test('older than what is kept are left out and counted; the oldest day that is kept is not', async () => {
    const nowMs = Date.now();
    const nowDay = Math.floor(nowMs / dayMs);
    const source = await memoryStore(16);
    const rows = new MemoryRowStore(() => nowMs);
    const target = { rows, link: await linkTo(rows, 16) };
    const kept = (nowDay - retentionDays) * quartersPerDay;
    await count(source.link, [
      cellOf({ writer, ad: ad('kept'), eventQuarter: kept }),
      cellOf({ writer, ad: ad('old'), eventQuarter: kept - 1 }),
    ]);
    const { holdings, copied } = await copyAll(source, target);
    expect(holdings.tables.counts).toEqual({ rows: 1, cells: 1, rowsExpired: 1 });
    expect(copied.comparison).toMatchObject({ ads: 1, missing: 0 });
    const [only] = await cellsOf(target.rows, 'counts');
    expect(only?.row.toString('latin1')).toContain('kept');
  });

  test('of claims keep their row and stamp; those whose time is over stay behind', async () => {
    const [source, target] = [await memoryStore(16), await memoryStore(3)];
    const young = [claim(0, 1_000), claim(255, 95 * 3_600_000)];
    await putAll(source.rows, 'tokens', [...young, claim(7, 97 * 3_600_000)]);
    const { holdings } = await copyAll(source, target);
    expect(holdings.tables.tokens).toEqual({ rows: 2, cells: 2, rowsExpired: 1 });
    expect(await cellsOf(target.rows, 'tokens')).toEqual(young);
  });

  test('of summaries and sites go to the salt of what each is salted with', async () => {
    const [source, target] = [await memoryStore(16), await memoryStore(11)];
    const id = 'an id';
    const summary = Buffer.concat([text('a'), dayOf(today), text(id)]);
    const place = Buffer.concat([text('s.example\0'), dayOf(today), text(id)]);
    const live = { qualifier: Buffer.of(1, 0, 0, 0, ...Buffer.from(writer, 'hex')) };
    const version = today * dayMs + 4;
    await putAll(source.rows, 'summaries', [
      { row: salted(crc32(`a${id}`) % 16, summary), ...live, value: Buffer.of(1, 4), version },
    ]);
    const marker = { qualifier: Buffer.of(1), value: Buffer.alloc(0), version: today * dayMs };
    await putAll(source.rows, 'sites', [
      { row: salted(crc32('s.example') % 16, place), ...marker },
    ]);
    await copyAll(source, target);
    expect(await cellsOf(target.rows, 'summaries')).toEqual([
      { row: salted(crc32(`a${id}`) % 11, summary), ...live, value: Buffer.of(1, 4), version },
    ]);
    expect(await cellsOf(target.rows, 'sites')).toEqual([
      { row: salted(crc32('s.example') % 11, place), ...marker },
    ]);
  });

  test.each([
    ['counts', 'no end of its ad'],
    ['counts', 'a\0'],
    ['counts', '\0\0\0site'],
    ['sites', 's\0\0'],
    ['summaries', 'a\0\0'],
  ] as const)('of %s that are none are named: %j', (table, key) => {
    expect(() => partsOf(table, text(key))).toThrow('BYTES_INVALID');
  });
});

describe("a writer's record", () => {
  const states = fc.constantFrom(
    { state: 'open', sealedBy: null } as const,
    { state: 'lost', sealedBy: null, lostMs: 9 } as const,
    { state: 'sealed', sealedBy: 'itself' } as const,
    { state: 'sealed', sealedBy: 'recoverer' } as const,
  );
  const anyRecord = fc
    .record({
      state: states,
      position: fc.nat(3),
      watermarkMs: fc.nat(3),
      trimmed: fc.integer({ min: 1, max: 3 }),
    })
    .map(({ state, ...rest }): WriterRecord => recordOf({ ...rest, ...state }));

  test('never goes back: position, watermark and state only grow, and saying it twice says it once', () => {
    const ranks = { open: 0, lost: 1, sealed: 2 };
    fc.assert(
      fc.property(anyRecord, anyRecord, (said, standing) => {
        const settled = settledRecord(said, standing);
        for (const name of ['position', 'watermarkMs', 'trimmed'] as const) {
          expect(settled[name]).toBeGreaterThanOrEqual(standing[name]);
        }
        expect(ranks[settled.state]).toBeGreaterThanOrEqual(ranks[standing.state]);
        expect(settled.sealedBy === null).toBe(settled.state !== 'sealed');
        expect(settled.state !== 'lost' || settled.lostMs === 9).toBe(true);
        expect(settledRecord(said, settled)).toEqual(settled);
        expect(said.position >= standing.position || settled === standing).toBe(true);
      }),
      { numRuns: 1_000 },
    );
  }, 30_000);

  test('that is held is what the source says in the end, and says before that nothing is there', () => {
    fc.assert(
      fc.property(anyRecord, (said) => {
        const held = heldRecord({ ...said, registeredMs: 1 });
        expect(held).toMatchObject({ state: 'open', sealedBy: null, trimmed: 1 });
        expect(held).not.toHaveProperty('lostMs');
        expect(held.watermarkMs).toBeLessThanOrEqual(1);
        expect(settledRecord(said, held)).toMatchObject({ state: said.state });
      }),
    );
  });
});

async function spoil({ rows }: { readonly rows: MemoryRowStore }): Promise<void> {
  const cell = (await cellsOf(rows, 'meta')).find(({ row }) => row[0] === 0x77);
  if (cell === undefined) throw new Error('nobody is registered');
  const { row, qualifier, value: expected } = cell;
  const check = { row, qualifier, expected, value: Buffer.of(7) };
  await rows.checkAndPut('meta', check, { timeoutMs: 5_000 });
}

describe('a record that cannot be read', () => {
  test('of the source ends the copy before it begins, with what helps', async () => {
    const [source, target] = [await memoryStore(16), await memoryStore(2)];
    await count(source.link, [cellOf({ writer })]);
    await spoil(source);
    const why = `adcounter writers lost ${writer} gives it up`;
    await expect(copyAll(source, target)).rejects.toThrow(why);
    expect(target.rows.putsReceived).toBe(0);
  });

  test('of the other store stays as it is: all else is brought and sealed', async () => {
    const [source, target] = [await memoryStore(16), await memoryStore(2)];
    await count(source.link, [cellOf({ writer })]);
    await copyAll(source, target);
    await spoil(target);
    await count(source.link, [cellOf({ writer, ad: ad('more') })]);
    const other = drawWriterId();
    await count(source.link, [cellOf({ writer: other })]);
    await expect(copyAll(source, target)).rejects.toMatchObject({ code: 'RECORD_INVALID' });
    expect(target.rows.cellsIn('counts')).toBe(3);
    expect((await recordsIn(target.link)).get(other)?.state).toBe('sealed');
    expect((await target.link.registry.readAll()).unreadable).toMatchObject([{ writer }]);
  });
});

test('an ad on more than one site is compared as one, whatever lies between them', async () => {
  const [source, target] = [await memoryStore(16), await memoryStore(2)];
  const cells = ['a', 'b', 'c'].flatMap((id) =>
    ['x', 'y', 'z'].map((place) => cellOf({ writer, ad: ad(id), site: site(place) })),
  );
  await count(source.link, cells);
  await count(target.link, [cellOf({ ad: ad('b'), site: site('xx') }), cellOf({ ad: ad('bb') })]);
  const { copied } = await copyAll(source, target);
  const nine = { impressions: 9n, clicks: 0n, filtered: 0n };
  expect(copied.comparison).toMatchObject({ ads: 3, source: nine, target: nine });
});
