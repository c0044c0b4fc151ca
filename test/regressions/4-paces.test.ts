// Turns of a region whose pace was forgotten meanwhile: they end where they began.
import { expect, test } from '@jest/globals';
import { setTimeout as sleep } from 'node:timers/promises';
import { Paces } from '../../src/hbase/paces.ts';
import { hbasePacesMax, hbaseThrottleWaitMs } from '../../src/limits.ts';
import { CounterError } from '../../src/model/errors.ts';

const busy = new CounterError('STORE_REGION_BUSY', 'throttle');
const region = Buffer.from('t,,1.x.');

test('a turn of a forgotten pace gives no second one at the pace that followed', async () => {
  const paces = new Paces();
  paces.leaveRegion(region, undefined, busy);
  await sleep(2 * hbaseThrottleWaitMs);
  const turn = paces.tryRegion(region);
  if (turn === undefined || turn instanceof CounterError) throw new Error('it may try again');
  for (let i = 0; i < hbasePacesMax; i++) {
    paces.leaveRegion(Buffer.from(`t,${i},1.y.`), undefined, busy);
  }
  expect(paces.region(region)).toBeUndefined();
  paces.leaveRegion(region, undefined, busy);
  paces.leaveRegion(region, turn, null);
  await sleep(2 * hbaseThrottleWaitMs);
  expect(paces.tryRegion(region)).not.toBeInstanceOf(CounterError);
  expect(paces.tryRegion(region)).toBeInstanceOf(CounterError);
  paces.close();
});
