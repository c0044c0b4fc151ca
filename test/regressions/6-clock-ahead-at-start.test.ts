// A process whose wall clock was wrong when it started books its events ahead of everybody's
// clock. They are part of the total at every process, or it would fall from one to the next.
import { expect, test } from '@jest/globals';
import type { AdId, SiteId } from '../../src/model/cell.ts';
import type { WriterId } from '../../src/model/writer-id.ts';
import { between, everything, nowQuarter, World } from '../query/world.ts';

const [ad, site] = ['a' as AdId, 's' as SiteId];
const hoursAhead = 20;

test('what was accepted hours ahead belongs to a total without an end, and to no earlier one', async () => {
  const world = await World.create();
  const writer = '00000000000000a2' as WriterId;
  const eventQuarter = nowQuarter + hoursAhead * 4;
  await world.put({ writer, ad, site, eventQuarter, lag: 0, counts: [1, 7] });
  const [all] = await world.asking.adTotals([ad], everything);
  expect(all?.impressions.counted).toBe(7);
  // Its range is named as ever.
  expect(all?.range.end).toBe(nowQuarter + 1);
  const ofSite = await world.asking.adSite(ad, site, everything);
  expect(ofSite.impressions.counted).toBe(7);
  const [earlier] = await world.asking.adTotals([ad], between(nowQuarter - 4, nowQuarter + 1));
  expect(earlier?.impressions.counted).toBe(0);
});
