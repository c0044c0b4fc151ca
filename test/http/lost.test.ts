// The words `lost`, `dead` and `unreadable` in answers: there where they say something, and absent
// where not.
import { expect, test } from '@jest/globals';
import request from 'supertest';
import { totalOf, world } from './fakes.ts';

const missed = {
  lost: ['00000000000000a0'],
  dead: ['00000000000000b0'],
  unreadable: ['00000000000000c0'],
};

test.each(['/v1/ads/a', '/v1/ads/a/sites', '/v1/ads/a/sites/x.example'])(
  '%s names the lost, dead and unreadable writers that it touches, beside `final`',
  async (path) => {
    const asking = {
      adTotals: (ads: readonly never[]) =>
        Promise.resolve(ads.map((ad) => ({ ...totalOf(ad), ...missed }))),
      adSites: (ad: never) =>
        Promise.resolve({
          ...totalOf(ad),
          ...missed,
          sites: [],
          sitesTotal: 0,
          nextCursor: undefined,
        }),
      adSite: (ad: never, site: never) => Promise.resolve({ ...totalOf(ad), ...missed, site }),
    };
    const { body } = await request(world({ asking }).server).get(path);
    expect(body).toMatchObject({ final: false, ...missed });
  },
);

test('an answer without any has no such fields', async () => {
  const { body } = await request(world().server).get('/v1/ads/a');
  expect(body).not.toHaveProperty('lost');
  expect(body).not.toHaveProperty('dead');
  expect(body).not.toHaveProperty('unreadable');
});
