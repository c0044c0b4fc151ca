// Questions about ads: the documented shape, strict parameters, ETags, pages, honest failures.
import { expect, test } from '@jest/globals';
import request from 'supertest';
import { CounterError } from '../../src/model/errors.ts';
import { connected, totalOf, world } from './fakes.ts';
import type { World } from './fakes.ts';

async function ask(path: string, service: World = world()) {
  const answer = await request(service.server).get(path);
  return { service, answer, body: answer.body };
}

const total = {
  from: '2026-07-31T16:00:00.000Z',
  to: '2026-07-31T17:00:00.000Z',
  tz: 'UTC',
  impressions: { counted: 5, filtered: {}, gross: 5 },
  clicks: { counted: 0, filtered: {}, gross: 0 },
  ctr: 0,
  unflushed: { impressions: 2, clicks: 0 },
  completeThrough: '2026-08-01T12:00:00.000Z',
  final: false,
  known: true,
};

test('the total of an ad has every field of the contract, in order', async () => {
  const { range } = totalOf('a' as never);
  const from = new Date(range.first * 900_000).toISOString();
  const to = new Date(range.end * 900_000).toISOString();
  const { answer, body } = await ask('/v1/ads/a');
  expect(answer.status).toBe(200);
  expect(answer.type).toBe('application/json');
  expect(answer.headers['cache-control']).toBe('private, no-cache');
  expect(answer.text).toBe(JSON.stringify({ ad: 'a', ...total, from, to }));
  expect(Object.keys(body)).toEqual(['ad', ...Object.keys(total)]);
});

test('an ad that nobody counted is 200 with zeros and known: false', async () => {
  const { answer, body } = await ask('/v1/ads/unknown');
  expect(answer.status).toBe(200);
  expect(body).toMatchObject({ known: false, ctr: null, impressions: { counted: 0 } });
});

test('many ads are answered in one question, each once, in the order asked', async () => {
  const { service, body } = await ask('/v1/ads?ad=b&ad=a%2Cc&ad=b');
  expect(body.ads.map(({ ad }: { ad: string }) => ad)).toEqual(['b', 'a,c']);
  expect(Object.keys(body.ads[0])).toEqual(['ad', ...Object.keys(total)]);
  expect(service.asked).toHaveLength(1);
});

function list(n: number): string {
  return Array.from({ length: n }, (_, i) => `ad=${i}`).join('&');
}

test('100 ads are answered, 101 are refused, none is a clear problem', async () => {
  expect((await ask(`/v1/ads?${list(100)}`)).body.ads).toHaveLength(100);
  expect((await ask(`/v1/ads?${list(101)}`)).answer.status).toBe(400);
  const { answer, body } = await ask('/v1/ads');
  expect(answer.status).toBe(400);
  expect(body.type).toBe('/problems/ads_needed');
});

test('the site of an ad is the total of both, asked by its one spelling', async () => {
  const { service, body } = await ask('/v1/ads/a/sites/News.Example.');
  expect(Object.keys(body)).toEqual(['ad', 'site', ...Object.keys(total)]);
  expect(service.asked[0]?.site).toBe('news.example');
});

test('the sites of an ad come as rows, with the next page as a link', async () => {
  const service = world();
  const last = await ask('/v1/ads/a/sites', service);
  expect(Object.keys(last.body)).toEqual([
    'ad',
    'from',
    'to',
    'tz',
    'sites',
    'sitesTotal',
    'completeThrough',
    'final',
  ]);
  expect(last.body.sites).toEqual([
    { site: 'x.example', impressions: total.impressions, clicks: total.clicks, ctr: 0 },
  ]);
  expect(last.body.sitesTotal).toBe(7);
  expect(last.answer.headers).not.toHaveProperty('link');
  expect(service.asked[0]?.page).toEqual({ sort: '-impressions', limit: 100, cursor: undefined });

  service.nextCursor = 'a&b=/';
  const path = '/v1/ads/a%2Fb/sites?limit=1&from=2026-07-01&cursor=old&sort=site';
  const { answer, body } = await ask(path, service);
  expect(body.nextCursor).toBe('a&b=/');
  expect(answer.headers['link']).toBe(
    '</v1/ads/a%2Fb/sites?limit=1&from=2026-07-01&sort=site&cursor=a%26b%3D%2F>; rel="next"',
  );
  await ask(/<(.*)>/.exec(answer.headers['link'] ?? '')?.[1] ?? '', service);
  expect(service.asked.at(-1)).toMatchObject({
    ads: ['a/b'],
    page: { sort: 'site', limit: 1, cursor: 'a&b=/' },
  });
});

test('ids in the path are ids like any other', async () => {
  for (const ad of ['a/b', '__proto__', 'constructor', '😀', 'a b', 'a%2Fb', '?', 'sites']) {
    const { service, answer } = await ask(`/v1/ads/${encodeURIComponent(ad)}`);
    expect(answer.status).toBe(200);
    expect(service.asked[0]?.ads).toEqual([ad]);
  }
});

test('from, to and fresh are passed on; without them everything kept is meant', async () => {
  const { service } = await ask('/v1/ads/a');
  expect(service.asked[0]?.options).toMatchObject({
    fromMs: undefined,
    toMs: undefined,
    fresh: false,
  });
  await ask('/v1/ads/a?from=2026-07-31&to=2026-07-31T10:00:00%2B02:00&fresh=true&tz=UTC', service);
  expect(service.asked[1]?.options).toMatchObject({
    fromMs: Date.UTC(2026, 6, 31),
    toMs: Date.UTC(2026, 6, 31, 8),
    fresh: true,
  });
});

const refused: readonly (readonly [string, string, string])[] = [
  ['from=2026-08-02&to=2026-08-01', 'range_invalid', '/query/to'],
  ['from=2026-08-01&to=2026-08-01', 'range_invalid', '/query/to'],
  ['from=yesterday', 'parameter_invalid', '/query/from'],
  ['from=', 'parameter_invalid', '/query/from'],
  ['from=2026-02-30', 'parameter_invalid', '/query/from'],
  ['from=1969-12-31', 'parameter_invalid', '/query/from'],
  ['to=2026-08-01T10:00:00', 'parameter_invalid', '/query/to'],
  ['to=2026-08-01T10:00:00+02:00', 'parameter_invalid', '/query/to'],
  ['from=2026-08-01&from=2026-08-02', 'parameter_invalid', '/query/from'],
  ['tz=Europe/Berlin', 'parameter_invalid', '/query/tz'],
  ['fresh=yes', 'parameter_invalid', '/query/fresh'],
  ['form=2026-08-01', 'parameter_unknown', '/query/form'],
  ['FROM=2026-08-01', 'parameter_unknown', '/query/FROM'],
  ['__proto__=x', 'parameter_unknown', '/query/__proto__'],
  ['cb=1', 'parameter_unknown', '/query/cb'],
  ['a~b%2Fc=1', 'parameter_unknown', '/query/a~0b~1c'],
];

for (const [query, problem, pointer] of refused) {
  for (const path of ['/v1/ads/a', '/v1/ads?ad=a', '/v1/ads/a/sites', '/v1/ads/a/sites/s']) {
    test(`${path} with ${query} is a ${problem}, and nobody is asked`, async () => {
      const { service, answer, body } = await ask(
        `${path}${path.includes('?') ? '&' : '?'}${query}`,
      );
      expect(answer.status).toBe(400);
      expect(body.type).toBe(`/problems/${problem}`);
      expect(body.errors[0].pointer).toBe(pointer);
      expect(service.asked).toEqual([]);
    });
  }
}

for (const query of [
  'limit=0',
  'limit=1001',
  'limit=1e2',
  'limit=-1',
  'sort=ad',
  'sort=',
  'sort=+site',
]) {
  test(`a page with ${query} is refused`, async () => {
    expect((await ask(`/v1/ads/a/sites?${query}`)).answer.status).toBe(400);
  });
}

for (const path of [
  '/v1/ads/a%00b',
  '/v1/ads/%20',
  '/v1/ads/a/sites/a%20b',
  '/v1/ads/%FF',
  '/v1/ads/%',
]) {
  test(`${path} is 400: not an id`, async () => {
    const { service, answer } = await ask(path);
    expect(answer.status).toBe(400);
    expect(answer.body.type).toBe('/problems/parameter_invalid');
    expect(service.asked).toEqual([]);
  });
}

test('a path that is nearly one of ours is 404', async () => {
  for (const path of [
    '/v1/ads/',
    '/v1/ads/a/',
    '/v1/ads//sites',
    '/V1/ads/a',
    '/v1/notice',
    '/v1',
  ]) {
    const { answer, body } = await ask(path);
    expect(answer.status).toBe(404);
    expect(body.type).toBe('/problems/not_found');
  }
});

test('an unchanged answer is 304, whatever form the tag comes back in', async () => {
  const service = world();
  const { answer } = await ask('/v1/ads/a', service);
  const etag = answer.headers['etag'] ?? '';
  expect(etag).toMatch(/^"[\w-]{22}"$/);
  for (const tag of [etag, `W/${etag}`, `"x", ${etag}`, '*']) {
    const again = await request(service.server).get('/v1/ads/a').set('If-None-Match', tag);
    expect(again.status).toBe(304);
    expect(again.text).toBe('');
    expect(again.headers['etag']).toBe(etag);
    expect(again.headers['cache-control']).toBe('private, no-cache');
  }
  const other = await request(service.server).get('/v1/ads/b').set('If-None-Match', etag);
  expect(other.status).toBe(200);
});

async function getAccepting(accept: string) {
  return request(world().server).get('/v1/ads/a').set('Accept', accept);
}

test('an answer that Accept excludes is 406; what includes JSON is answered', async () => {
  for (const accept of ['text/html', 'text/csv', 'application/json;q=0', 'application/xml']) {
    expect((await getAccepting(accept)).status).toBe(406);
  }
  for (const accept of ['*/*', 'text/html, application/json;q=0.1', 'Application/*', '']) {
    expect((await getAccepting(accept)).status).toBe(200);
  }
});

const failures: readonly (readonly [string, number, string])[] = [
  ['STORE_UNAVAILABLE', 503, 'store_unavailable'],
  ['TOTAL_TOO_LARGE', 422, 'total_too_large'],
  ['RANGE_INVALID', 400, 'range_invalid'],
  ['CURSOR_INVALID', 400, 'cursor_invalid'],
];

for (const [code, status, problem] of failures) {
  test(`${code} is ${status} ${problem}, never a part of the numbers`, async () => {
    const service = world();
    service.failure = new CounterError(code, 'retry', { detail: 'host-17:16020 refused' });
    for (const path of ['/v1/ads/a', '/v1/ads?ad=a', '/v1/ads/a/sites', '/v1/ads/a/sites/s']) {
      const { answer, body } = await ask(path, service);
      expect(answer.status).toBe(status);
      expect(answer.type).toBe('application/problem+json');
      expect(body.type).toBe(`/problems/${problem}`);
      expect(answer.text).not.toMatch(/host-17|counted/);
      expect(answer.headers['retry-after']).toBe(status === 503 ? '1' : undefined);
      expect(answer.headers).not.toHaveProperty('etag');
    }
  });
}

test('a client that hangs up ends its question', async () => {
  const service = world();
  let asked: (() => void) | undefined;
  const begun = new Promise<void>((resolve) => {
    asked = resolve;
  });
  const ended = new Promise<void>((resolve) => {
    service.pause = async () => {
      service.asked.at(-1)?.options.signal?.addEventListener('abort', () => resolve());
      asked?.();
      await ended;
    };
  });
  const socket = await connected(service);
  socket.write('GET /v1/ads/a HTTP/1.1\r\nHost: localhost\r\n\r\n');
  await begun;
  socket.destroy();
  await ended;
  expect(service.asked[0]?.options.signal?.aborted).toBe(true);
  await service.drain();
  expect(service.metrics.requests).toEqual(['GET /v1/ads/{ad} 499']);
});
