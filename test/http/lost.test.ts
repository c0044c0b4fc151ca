// The word `lost` in answers: there where it says something, absent where it does not.
import { expect, test } from '@jest/globals';
import request from 'supertest';
import { totalOf, world } from './fakes.ts';

const lost = ['00000000000000a0'];

test.each(['/v1/ads/a', '/v1/ads/a/sites', '/v1/ads/a/sites/x.example'])(
  '%s names the lost writers that it touches, beside `final`',
  async (path) => {
    const asking = {
      adTotals: (ads: readonly never[]) =>
        Promise.resolve(ads.map((ad) => ({ ...totalOf(ad), lost }))),
      adSites: (ad: never) =>
        Promise.resolve({ ...totalOf(ad), lost, sites: [], sitesTotal: 0, nextCursor: undefined }),
      adSite: (ad: never, site: never) => Promise.resolve({ ...totalOf(ad), lost, site }),
    };
    const { body } = await request(world({ asking }).server).get(path);
    expect(body).toMatchObject({ final: false, lost });
  },
);

test('an answer without any has no such field', async () => {
  const { body } = await request(world().server).get('/v1/ads/a');
  expect(body).not.toHaveProperty('lost');
});
