// Rows per site: their order, their pages, and everything against brute force.
import { describe, expect, test } from '@jest/globals';
import * as fc from 'fast-check';
import type { Cell } from '../../src/model/cell.ts';
import { drawWriterId } from '../../src/model/writer-id.ts';
import { siteSorts } from '../../src/query/answers.ts';
import type { SiteSort, SiteTotals } from '../../src/query/answers.ts';
import { ad, cellOf, hardIds, latestOf, site } from '../support/cells.ts';
import { World, between, everything, nowQuarter } from './world.ts';

const at = (id: string, counts: readonly number[], eventQuarter = nowQuarter): Cell =>
  cellOf({ ad: ad('a'), site: site(id), counts, eventQuarter });

async function pagesOf(world: World, sort: SiteSort, limit: number): Promise<SiteTotals[]> {
  const rows: SiteTotals[] = [];
  let cursor: string | undefined;
  for (let pages = 0; pages < 100; pages++) {
    const page = await world.asking.adSites(ad('a'), everything, { sort, limit, cursor });
    rows.push(...page.sites);
    cursor = page.nextCursor;
    if (cursor === undefined) return rows;
    expect(page.sites.length).toBe(limit);
  }
  throw new Error('the pages do not end');
}

describe('rows', () => {
  test('are totals per site, with how many there are', async () => {
    const world = await World.create();
    await world.put(at('x', [1, 4, 2, 1]), at('x', [1, 4], nowQuarter - 1), at('y', [16, 5]));
    const page = { sort: 'site', limit: 10, cursor: undefined } as const;
    expect(await world.asking.adSites(ad('a'), everything, page)).toMatchObject({
      ad: 'a',
      final: false,
      sitesTotal: 2,
      nextCursor: undefined,
      sites: [
        { site: 'x', impressions: { counted: 8, gross: 8 }, clicks: { counted: 1 }, ctr: 1 / 8 },
        { site: 'y', impressions: { counted: 0, filtered: { bot: 5 }, gross: 5 }, ctr: null },
      ],
    });
  });

  test('an ad that nobody counted has none', async () => {
    const world = await World.create();
    const page = { sort: '-impressions', limit: 10, cursor: undefined } as const;
    const sites = await world.asking.adSites(ad('a'), everything, page);
    expect(sites).toMatchObject({ sites: [], sitesTotal: 0, nextCursor: undefined });
  });

  test.each([
    ['site', ['a', 'b', 'c', 'd']],
    ['-impressions', ['c', 'a', 'b', 'd']],
    ['impressions', ['d', 'a', 'b', 'c']],
    ['-clicks', ['d', 'b', 'a', 'c']],
    ['clicks', ['a', 'c', 'b', 'd']],
  ] as const)('sorted by %s, ties by site', async (sort, order) => {
    const world = await World.create();
    await world.put(at('c', [1, 9]), at('a', [1, 5]), at('b', [1, 5, 2, 1]), at('d', [2, 2]));
    for (const limit of [1, 2, 3, 4, 5]) {
      expect((await pagesOf(world, sort, limit)).map((row) => row.site)).toEqual(order);
    }
  });

  test('a page goes on behind the last row, also where that one changed meanwhile', async () => {
    const world = await World.create();
    await world.put(at('a', [1, 9]), at('b', [1, 5]), at('c', [1, 1]));
    const page = { sort: '-impressions', limit: 1, cursor: undefined } as const;
    const first = await world.asking.adSites(ad('a'), everything, page);
    await world.put(at('a', [1, 90]));
    const next = { ...page, limit: 9, cursor: first.nextCursor };
    const second = await world.asking.adSites(ad('a'), everything, next);
    expect(second.sites.map((row) => row.site)).toEqual(['b', 'c']);
    expect(second.sitesTotal).toBe(3);
  });

  test('a cursor that is not ours, or of another order, is CURSOR_INVALID before any read', async () => {
    const world = await World.create();
    const cursors = ['', '!', 'AAAA', cursorOf(null), cursorOf([]), cursorOf(['site', 0])];
    cursors.push(cursorOf(['-clicks', 0, 'a']), cursorOf(['site', 0.5, 'a']));
    cursors.push(
      cursorOf(['site', 0, 7]),
      cursorOf(['site', 0, 'a', 1]),
      cursorOf(['nope', 0, 'a']),
    );
    cursors.push(`${cursorOf(['site', 0, 'a'])}=`, ` ${cursorOf(['site', 0, 'a'])}`);
    for (const cursor of cursors) {
      const asked = world.asking.adSites(ad('a'), everything, { sort: 'site', limit: 1, cursor });
      await expect(asked).rejects.toMatchObject({ code: 'CURSOR_INVALID', remedy: 'give-up' });
    }
    expect(world.needed).not.toContain('store');
  });
});

describe('against brute force', () => {
  const step = fc.record({
    adNumber: fc.nat(1),
    siteId: fc.constantFrom(...hardIds),
    back: fc.nat(300),
    lag: fc.nat(1),
    writerNumber: fc.nat(1),
    impressions: fc.nat(3),
    clicks: fc.nat(2),
    bots: fc.nat(1),
  });
  const writers = [drawWriterId(), drawWriterId()];
  const ads = [ad('a'), ad('aa')];
  const cells = fc.array(
    step.map(({ adNumber, siteId, back, lag, writerNumber, impressions, clicks, bots }) =>
      cellOf({
        ad: ads[adNumber] ?? ad('a'),
        site: site(siteId),
        eventQuarter: nowQuarter - back,
        lag,
        writer: writers[writerNumber] ?? drawWriterId(),
        counts: [
          ...(impressions > 0 ? [1, impressions] : []),
          ...(clicks > 0 ? [2, clicks] : []),
          ...(bots > 0 || impressions + clicks === 0 ? [16, 1] : []),
        ],
      }),
    ),
    { maxLength: 80 },
  );

  test('any cells, any range: totals, sites and one site are the sums of the cells', async () => {
    const law = fc.asyncProperty(
      cells,
      fc.nat(300),
      fc.integer({ min: 1, max: 300 }),
      fc.constantFrom(...siteSorts),
      fc.integer({ min: 1, max: 7 }),
      async (states, back, length, sort, limit) => {
        const world = await World.create();
        // Equal n with other counts is no state of one chain: the first of them stands.
        const stored = latestOf(states);
        await world.put(...stored);
        const [first, end] = [nowQuarter - back, nowQuarter - back + length];
        const inside = stored.filter((c) => c.eventQuarter >= first && c.eventQuarter < end);
        const range = between(first, end);
        const totals = await world.asking.adTotals(ads, range);
        for (const [i, id] of ads.entries()) {
          const mine = inside.filter((cell) => cell.ad === id);
          expect(plain(totals[i])).toEqual(bruteForce(mine));
          expect(totals[i]?.known).toBe(mine.length > 0);
        }
        const mine = inside.filter((cell) => cell.ad === 'a');
        const ids = [...new Set(mine.map((cell) => cell.site))];
        for (const id of ids) {
          const one = await world.asking.adSite(ad('a'), id, range);
          expect(plain(one)).toEqual(bruteForce(mine.filter((cell) => cell.site === id)));
        }
        const all = stored.filter((cell) => cell.ad === 'a');
        const rows = await pagesOf(world, sort, limit);
        expect(rows.map((row) => row.site).sort()).toEqual(
          [...new Set(all.map((cell) => cell.site))].sort(),
        );
        for (const row of rows) {
          expect(plain(row)).toEqual(bruteForce(all.filter((cell) => cell.site === row.site)));
        }
      },
    );
    await fc.assert(law, { numRuns: 60 });
  }, 60_000);
});

function plain(totals: Omit<SiteTotals, 'site'> | undefined): readonly number[] {
  if (totals === undefined) return [];
  const { impressions, clicks } = totals;
  return [impressions.counted, clicks.counted, impressions.filtered['bot'] ?? 0];
}

function bruteForce(cells: readonly Cell[]): readonly number[] {
  const sums = new Map<number, number>();
  for (const { counts } of cells) {
    for (let i = 0; i < counts.length; i += 2) {
      const measure = counts[i] ?? 0;
      sums.set(measure, (sums.get(measure) ?? 0) + (counts[i + 1] ?? 0));
    }
  }
  return [1, 2, 16].map((measure) => sums.get(measure) ?? 0);
}

function cursorOf(json: unknown): string {
  return Buffer.from(JSON.stringify(json)).toString('base64url');
}
