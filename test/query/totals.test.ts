// Totals of ads: what is summed, over which quarters, and what an answer says of itself.
import { describe, expect, test } from '@jest/globals';
import type { Cell } from '../../src/model/cell.ts';
import { quarterStartMs } from '../../src/model/quarter.ts';
import type { AdTotal } from '../../src/query/answers.ts';
import { ad, cellOf, site } from '../support/cells.ts';
import { World, between, everything, nowQuarter, retentionDays } from './world.ts';

const at = (eventQuarter: number, counts: readonly number[], parts: Partial<Cell> = {}): Cell =>
  cellOf({ ad: ad('a'), eventQuarter, counts, ...parts });

const hour = 3_600_000;

async function totalOf(world: World, options = everything): Promise<AdTotal> {
  const [total] = await world.asking.adTotals([ad('a')], options);
  if (total === undefined) throw new Error('no answer');
  return total;
}

describe('what is summed', () => {
  test('impressions and clicks over sites, quarters, lags and writers', async () => {
    const world = await World.create();
    await world.put(
      at(nowQuarter, [1, 10, 2, 1]),
      at(nowQuarter, [1, 100], { site: site('other.example') }),
      at(nowQuarter - 500, [1, 1_000, 2, 5]),
      at(nowQuarter, [1, 10_000], { lag: 3 }),
      at(nowQuarter, [1, 5], { ad: ad('aa') }),
    );
    expect(await totalOf(world)).toMatchObject({
      ad: 'a',
      impressions: { counted: 11_110, filtered: {}, gross: 11_110 },
      clicks: { counted: 6, filtered: {}, gross: 6 },
      ctr: 6 / 11_110,
      known: true,
    });
  });

  test('an ad that nobody counted is zeros, and not known', async () => {
    const world = await World.create();
    const zero = { counted: 0, filtered: {}, gross: 0 };
    expect(await totalOf(world)).toMatchObject({
      impressions: zero,
      clicks: zero,
      ctr: null,
      known: false,
    });
  });

  test('clicks without impressions have no rate', async () => {
    const world = await World.create();
    await world.put(at(nowQuarter, [2, 3]));
    expect(await totalOf(world)).toMatchObject({ ctr: null, known: true });
  });

  test('what was filtered stands by its reason, and in gross alone', async () => {
    const world = await World.create();
    const impressions = [1, 1, 16, 2, 17, 4, 18, 8, 19, 16, 63, 32];
    await world.put(at(nowQuarter, [...impressions, 64, 64, 67, 128]));
    expect(await totalOf(world)).toMatchObject({
      impressions: {
        counted: 1,
        filtered: { bot: 2, prefetch: 4, unresolved_macro: 8, unknown_ad: 16, reason_47: 32 },
        gross: 63,
      },
      clicks: { counted: 0, filtered: { bot: 64, unknown_ad: 128 }, gross: 192 },
      ctr: 0,
    });
  });

  test('a measure of a later release fails the question, it is not left out', async () => {
    for (const measure of [3, 15, 112, 255]) {
      const world = await World.create();
      await world.put(at(nowQuarter, [1, 1, measure, 1]));
      await expect(totalOf(world)).rejects.toMatchObject({ code: 'BYTES_INVALID' });
    }
  });

  test('a sum just below 2^53 is exact, one that reaches it is refused', async () => {
    const world = await World.create();
    const most = 2 ** 52 - 1;
    await world.put(at(nowQuarter, [1, most]), at(nowQuarter - 1, [1, most]));
    await world.put(at(nowQuarter - 2, [1, 1]));
    expect((await totalOf(world)).impressions.counted).toBe(2 ** 53 - 1);
    await world.put(at(nowQuarter - 3, [1, 1]));
    const tooLarge = { code: 'TOTAL_TOO_LARGE', remedy: 'give-up' };
    await expect(totalOf(world)).rejects.toMatchObject(tooLarge);
  });

  test('a gross that reaches 2^53 is refused too', async () => {
    const world = await World.create();
    const most = 2 ** 52 - 1;
    await world.put(at(nowQuarter, [1, most]), at(nowQuarter - 1, [16, most]));
    expect((await totalOf(world)).impressions.gross).toBe(2 ** 53 - 2);
    await world.put(at(nowQuarter - 2, [17, 2]));
    await expect(totalOf(world)).rejects.toMatchObject({ code: 'TOTAL_TOO_LARGE' });
  });

  test('many ads are answered in the order asked, also one that is asked twice', async () => {
    const world = await World.create();
    const ids = Array.from({ length: 100 }, (_, i) => ad(`ad-${i}`));
    await world.put(...ids.map((id, i) => at(nowQuarter, [1, i + 1], { ad: id })));
    const asked = [...ids.toReversed(), ad('ad-7'), ad('nobody')];
    const totals = await world.asking.adTotals(asked, everything);
    expect(totals.map((total) => total.ad)).toEqual(asked);
    const counted = totals.map((total) => total.impressions.counted);
    expect(counted).toEqual([...ids.map((_, i) => i + 1).toReversed(), 8, 0]);
    expect(await world.asking.adTotals([], everything)).toEqual([]);
  });
});

describe('the range', () => {
  test('without ends is all that is kept, the current quarter included', async () => {
    const world = await World.create();
    const kept = (20_729 - retentionDays) * 96;
    await world.put(at(nowQuarter, [1, 1]), at(kept, [1, 10]), at(kept - 1, [1, 100]));
    const total = await totalOf(world);
    expect(total.range).toEqual({ first: kept, end: nowQuarter + 1 });
    expect(total.impressions.counted).toBe(11);
  });

  test('is widened outward to whole quarters and says so', async () => {
    const world = await World.create();
    await world.put(...[1, 2, 3, 4].map((back) => at(nowQuarter - back, [1, 10 ** back])));
    const inside = {
      fromMs: quarterStartMs(nowQuarter - 3) + 1,
      toMs: quarterStartMs(nowQuarter - 2) + 1,
      fresh: false,
    };
    const total = await totalOf(world, inside);
    expect(total.range).toEqual({ first: nowQuarter - 3, end: nowQuarter - 1 });
    expect(total.impressions.counted).toBe(1_100);
  });

  test('on whole quarters stays as it is: half-open', async () => {
    const world = await World.create();
    await world.put(...[1, 2, 3, 4].map((back) => at(nowQuarter - back, [1, 10 ** back])));
    const total = await totalOf(world, between(nowQuarter - 3, nowQuarter - 1));
    expect(total.range).toEqual({ first: nowQuarter - 3, end: nowQuarter - 1 });
    expect(total.impressions.counted).toBe(1_100);
  });

  test('is cut at the retention', async () => {
    const world = await World.create();
    const kept = (20_729 - retentionDays) * 96;
    const total = await totalOf(world, between(0, nowQuarter));
    expect(total.range).toEqual({ first: kept, end: nowQuarter });
  });

  test('that ends before it begins, or before anything kept, is RANGE_INVALID', async () => {
    const world = await World.create();
    const invalid = { code: 'RANGE_INVALID', remedy: 'give-up' };
    for (const options of [
      between(nowQuarter, nowQuarter),
      between(nowQuarter, nowQuarter - 1),
      between(0, 96),
      { ...everything, toMs: -1 },
    ]) {
      await expect(totalOf(world, options)).rejects.toMatchObject(invalid);
    }
  });

  test('may reach into the future, where nothing lies', async () => {
    const world = await World.create();
    await world.put(at(nowQuarter, [1, 1]));
    const farthest = { fromMs: quarterStartMs(nowQuarter), toMs: 8.64e15, fresh: false };
    expect((await totalOf(world, farthest)).impressions.counted).toBe(1);
    const site1 = await world.asking.adSite(ad('a'), site('site.example'), farthest);
    expect(site1.impressions.counted).toBe(1);
    const future = { ...everything, fromMs: quarterStartMs(nowQuarter + 10) };
    expect(await totalOf(world, future)).toMatchObject({
      range: { first: nowQuarter + 10, end: nowQuarter + 11 },
      known: false,
    });
    expect(await totalOf(world, between(nowQuarter + 900, nowQuarter + 901))).toMatchObject({
      range: { first: nowQuarter + 900, end: nowQuarter + 901 },
      known: false,
    });
  });

  test('without an end holds what a writer with a clock ahead of ours has confirmed', async () => {
    const world = await World.create();
    await world.put(at(nowQuarter + 3, [1, 7]));
    const greatestWatermarkMs = quarterStartMs(nowQuarter + 3) + 1;
    world.registry = { completeThroughMs: 0, greatestWatermarkMs };
    expect(await totalOf(world)).toMatchObject({
      range: { end: nowQuarter + 4 },
      impressions: { counted: 7 },
    });
    const wildMs = world.nowMs + 24 * hour + 1;
    world.registry = { completeThroughMs: 0, greatestWatermarkMs: wildMs };
    expect((await totalOf(world)).range.end).toBe(nowQuarter + 1);
  });
});

describe('how complete it is', () => {
  test('completeThrough is what the registry says; nobody ever wrote: null, not final', async () => {
    const world = await World.create();
    world.registry = { completeThroughMs: 123 };
    expect(await totalOf(world)).toMatchObject({ completeThroughMs: 123, final: false });
    world.registry = { completeThroughMs: null };
    expect(await totalOf(world)).toMatchObject({ completeThroughMs: null, final: false });
  });

  test('final from 48 hours behind the end of the range on', async () => {
    const world = await World.create();
    const end = nowQuarter - 96 * 3;
    const finalFromMs = quarterStartMs(end) + 48 * hour;
    world.registry = { completeThroughMs: finalFromMs - 1 };
    expect((await totalOf(world, between(end - 4, end))).final).toBe(false);
    world.registry = { completeThroughMs: finalFromMs };
    expect((await totalOf(world, between(end - 4, end))).final).toBe(true);
  });

  test('unflushed stands beside the total and is never part of it', async () => {
    const world = await World.create();
    await world.put(at(nowQuarter, [1, 5]));
    world.unflushed = { impressions: 1_000, clicks: 2_000 };
    const total = await totalOf(world);
    expect(total.unflushed).toEqual({ impressions: 1_000, clicks: 2_000 });
    expect([total.impressions.gross, total.clicks.gross]).toEqual([5, 0]);
    await world.asking.adSite(ad('a'), site('s'), between(nowQuarter - 1, nowQuarter));
    expect(world.unflushedAsked).toEqual([
      ['a', undefined, total.range],
      ['a', 's', { first: nowQuarter - 1, end: nowQuarter }],
    ]);
  });

  test('the registry is read before the store, and what is unflushed too', async () => {
    const world = await World.create();
    await totalOf(world);
    await totalOf(world, { ...everything, fresh: true });
    const order = 'registry unflushed store';
    expect(world.needed.join(' ')).toBe(`${order} flush ${order}`);
  });

  test('a fresh total holds what the flush confirmed', async () => {
    const world = await World.create();
    world.flush = () => world.put(at(nowQuarter, [1, 9]));
    expect((await totalOf(world)).impressions.counted).toBe(0);
    expect((await totalOf(world, { ...everything, fresh: true })).impressions.counted).toBe(9);
  });
});
