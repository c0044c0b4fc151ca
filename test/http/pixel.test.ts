// The pixel: always 43 bytes of GIF, the verdict in a header, never cached, never a cookie.
import { expect, test } from '@jest/globals';
import request from 'supertest';
import { CounterError } from '../../src/model/errors.ts';
import { eventsIn, world } from './fakes.ts';
import type { World } from './fakes.ts';

async function pixel(query: string, service: World = world()) {
  const answer = await request(service.server).get(`/v1/pixel.gif${query}`);
  expect(answer.type).toBe('image/gif');
  expect(answer.body).toHaveLength(43);
  expect((answer.body as Buffer).toString('latin1', 0, 6)).toBe('GIF89a');
  expect(answer.headers['cache-control']).toBe('no-store, private, max-age=0');
  expect(answer.headers['access-control-allow-origin']).toBe('*');
  expect(answer.headers['cross-origin-resource-policy']).toBe('cross-origin');
  expect(answer.headers).not.toHaveProperty('set-cookie');
  expect(answer.headers).not.toHaveProperty('etag');
  return { service, answer, result: answer.headers['adcounter-result'] };
}

const counted: readonly (readonly [string, readonly object[]])[] = [
  ['?ad=a&site=s.example', [{ ad: 'a', site: 's.example' }]],
  ['?ad=a&site=S.Example.&n=7', [{ ad: 'a', site: 's.example', n: 7 }]],
  ['?ad=a+b&site=s&cb=1&rnd=2&ord=3&_=4', [{ ad: 'a b', site: 's' }]],
  ['?ad=a%2Bb&site=%F0%9F%98%80', [{ ad: 'a+b', site: '😀' }]],
  ['?ad=__proto__&site=constructor', [{ ad: '__proto__', site: 'constructor' }]],
  ['?e=a,s', [{ ad: 'a', site: 's' }]],
  [
    '?e=a%2Cb,s,3&e=c,t',
    [
      { ad: 'a,b', site: 's', n: 3 },
      { ad: 'c', site: 't' },
    ],
  ],
  [
    '?ad=a&site=s&n=2&e=c,t,1000000',
    [
      { ad: 'a', site: 's', n: 2 },
      { ad: 'c', site: 't', n: 1_000_000 },
    ],
  ],
  ['?ad=a&site=s&measure=click', [{ ad: 'a', site: 's', measure: 2 }]],
  ['?e=a,s&measure=clicks', [{ ad: 'a', site: 's', measure: 2 }]],
  ['?ad=a&site=s&measure=impression', [{ ad: 'a', site: 's' }]],
];

for (const [query, events] of counted) {
  test(`${query} counts`, async () => {
    const { service, answer, result } = await pixel(query);
    expect(answer.status).toBe(200);
    expect(result).toBe('counted');
    expect(eventsIn(service)).toEqual(events);
  });
}

const invalid: readonly (readonly [string, string])[] = [
  ['', 'rejected; reason=ad_missing'],
  ['?ad=a', 'rejected; reason=site_missing'],
  ['?ad=&site=s', 'rejected; reason=ad_invalid'],
  ['?ad=a&site=http://s', 'rejected; reason=site_invalid'],
  ['?ad=a&site=s&n=0', 'rejected; reason=n_invalid'],
  ['?ad=a&site=s&n=', 'rejected; reason=n_invalid'],
  ['?ad=a&site=s&n=1e3', 'rejected; reason=n_invalid'],
  ['?ad=a&site=s&n=1000001', 'rejected; reason=n_invalid'],
  ['?e=a', 'rejected; reason=site_missing'],
  ['?e=a%2Cs', 'rejected; reason=site_missing'],
  ['?e=', 'rejected; reason=ad_invalid'],
  ['?e=a,s,1,2', 'refused; reason=parameter_invalid'],
  ['?n=3&e=a', 'rejected; reason=ad_missing'],
  ['?ad=a&ad=b&site=s', 'refused; reason=parameter_invalid'],
  ['?ad=a&site=s&measure=view', 'refused; reason=parameter_invalid'],
  ['?ad=%FF&site=s', 'refused; reason=parameter_invalid'],
  ['?ad=%ED%A0%80&site=s', 'refused; reason=parameter_invalid'],
  ['?ad=a&site=s&ack=disk', 'refused; reason=parameter_invalid'],
  ['?ad=a&site=s&id=x', 'refused; reason=token_unsupported'],
  ['?ad=a&site=s&id', 'refused; reason=token_unsupported'],
];

for (const [query, expected] of invalid) {
  test(`${query === '' ? 'no parameter' : query} is 400 with the picture`, async () => {
    const { service, answer, result } = await pixel(query);
    expect(answer.status).toBe(400);
    expect(result).toBe(expected);
    expect(service.accepted).toEqual([]);
  });
}

test('a pixel with ack=store says when the store did not confirm in time', async () => {
  expect((await pixel('?ad=a&site=s&ack=store')).result).toBe('counted');
  const service = world();
  service.acknowledged = 'journal';
  const answer = await request(service.server).get('/v1/pixel.gif?ad=a&site=s&ack=store');
  expect(answer.status).toBe(200);
  expect(answer.headers['adcounter-result']).toBe('counted; ack=journal');
});

test('of repeated events the valid ones count and the header tells of the others', async () => {
  const { service, answer, result } = await pixel('?e=a,s&e=b&e=c,t');
  expect(answer.status).toBe(200);
  expect(result).toBe('counted; rejected=1');
  expect(eventsIn(service).map(({ ad }) => ad)).toEqual(['a', 'c']);
});

test('unknown parameters are ignored and counted, cache busters are not', async () => {
  const { service } = await pixel('?ad=a&site=s&gdpr=1&__proto__=2&cb=3');
  expect(service.metrics.counts.get('unknown fields')).toBe(2);
});

test('ack is passed on; dryRun counts nothing and says so', async () => {
  const { service } = await pixel('?ad=a&site=s&ack=memory');
  expect(service.accepted[0]?.acknowledgement).toBe('memory');
  const dry = await pixel('?ad=a&site=s&dryRun=true');
  expect(dry.result).toBe('valid; reason=dry_run');
  expect(dry.service.accepted).toEqual([]);
});

test('HEAD gets the headers and counts nothing', async () => {
  const service = world();
  const answer = await request(service.server).head('/v1/pixel.gif?ad=a&site=s');
  expect(answer.status).toBe(200);
  expect(answer.headers['content-length']).toBe('43');
  expect(answer.headers).not.toHaveProperty('adcounter-result');
  expect(service.accepted).toEqual([]);
});

test('overload and an unknown outcome come with the picture too', async () => {
  for (const [code, reason] of [
    ['INGEST_REFUSED', 'overloaded'],
    ['OUTCOME_UNKNOWN', 'outcome-unknown'],
  ] as const) {
    const service = world();
    service.failure = new CounterError(code, 'throttle');
    const { answer, result } = await pixel('?ad=a&site=s', service);
    expect(answer.status).toBe(503);
    expect(result).toBe(`refused; reason=${reason}`);
    expect(answer.headers['retry-after']).toBe(reason === 'overloaded' ? '1' : undefined);
  }
});

function keyed(): World {
  return world({ keys: { write: ['cdn:s3cret'], read: [], admin: [] } });
}

test('a key may stand in the query; without it the picture comes with 401', async () => {
  const without = await pixel('?ad=a&site=s', keyed());
  expect(without.answer.status).toBe(401);
  expect(without.result).toBe('refused; reason=key_missing');
  const wrong = await pixel('?ad=a&site=s&key=other', keyed());
  expect(wrong.answer.status).toBe(401);
  const right = await pixel('?ad=a&site=s&key=s3cret', keyed());
  expect(right.result).toBe('counted');
  expect(right.service.metrics.counts.has('unknown fields')).toBe(false);
});

test('the same pixel a hundred times counts a hundred times: no cache, no token', async () => {
  const service = world();
  for (let i = 0; i < 100; i++) await request(service.server).get('/v1/pixel.gif?ad=a&site=s');
  expect(service.accepted).toHaveLength(100);
});
