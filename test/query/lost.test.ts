// A writer whose disk is gone is named in every answer that may lack what it had counted, and in
// no other.
import { expect, test } from '@jest/globals';
import { quarterStartMs } from '../../src/model/quarter.ts';
import type { AdId } from '../../src/model/cell.ts';
import { between, everything, nowQuarter, World } from './world.ts';

const ad = 'a' as AdId;
const quartersPerDay = 96;

async function lostIn(first: number, end: number): Promise<readonly string[] | undefined> {
  const world = await World.create();
  const watermarkMs = quarterStartMs(nowQuarter - 10 * quartersPerDay);
  const lostMs = quarterStartMs(nowQuarter - 8 * quartersPerDay);
  const completeThroughMs = quarterStartMs(nowQuarter);
  world.registry = {
    completeThroughMs,
    lost: [{ writer: '00000000000000a0', watermarkMs, lostMs }],
  };
  const [total] = await world.asking.adTotals([ad], between(nowQuarter + first, nowQuarter + end));
  return total?.lost;
}

const day = quartersPerDay;

test.each([
  ['that lies before, by more than an event may be late', -20 * day, -12 * day, []],
  ['that reaches into the days of late events', -20 * day, -12 * day + 1, ['00000000000000a0']],
  ['that lies within', -10 * day, -9 * day, ['00000000000000a0']],
  ['that begins after it was called lost', -8 * day + 1, 0, []],
])('a range %s', async (_, first, end, expected) => {
  expect(await lostIn(first, end)).toEqual(expected);
});

test('everything kept holds it, per site too', async () => {
  const world = await World.create();
  const moments = {
    watermarkMs: quarterStartMs(nowQuarter - 9),
    lostMs: quarterStartMs(nowQuarter),
  };
  const completeThroughMs = quarterStartMs(nowQuarter);
  world.registry = { completeThroughMs, lost: [{ writer: '00000000000000a0', ...moments }] };
  const page = { sort: 'site', limit: 10, cursor: undefined } as const;
  const answer = await world.asking.adSites(ad, everything, page);
  expect(answer.lost).toEqual(['00000000000000a0']);
});

test('a dead writer is named where the range reaches beyond what it had flushed', async () => {
  const world = await World.create();
  const dead = [{ writer: '00000000000000b0', watermarkMs: quarterStartMs(nowQuarter - 4 * day) }];
  world.registry = { completeThroughMs: quarterStartMs(nowQuarter - 4 * day), dead };
  const deadIn = async (first: number, end: number): Promise<unknown> => {
    const range = between(nowQuarter + first, nowQuarter + end);
    return (await world.asking.adTotals([ad], range))[0]?.dead;
  };
  expect(await deadIn(-9 * day, -6 * day)).toEqual([]);
  expect(await deadIn(-9 * day, 0)).toEqual(['00000000000000b0']);
});
