// What is refused, and how it is told: by event with reason and place, or the request as a whole.
import { gzipSync } from 'node:zlib';
import { expect, test } from '@jest/globals';
import request from 'supertest';
import { CounterError } from '../../src/model/errors.ts';
import { eventsIn, nowMs, world } from './fakes.ts';
import type { World } from './fakes.ts';

const good = { ad: 'a', site: 's.example' };

function withField(name: string, value: unknown): unknown {
  return { ...good, [name]: value };
}

async function post(service: World, body: unknown, type = 'application/json') {
  const text = typeof body === 'string' ? body : JSON.stringify(body);
  return request(service.server).post('/v1/impressions').set('Content-Type', type).send(text);
}

const reasons: readonly (readonly [string, string, readonly unknown[]])[] = [
  ['ad_missing', '/ad', [{ site: 's' }, { ad: null, site: 's' }, {}]],
  [
    'ad_invalid',
    '/ad',
    [
      '',
      ' a',
      'a ',
      'a\u00a0',
      '\u0000',
      'a\nb',
      '\u007f',
      '\u0085',
      '.',
      '..',
      '\ud800',
      'a\udfff',
    ]
      .concat(['a'.repeat(129), 'é'.repeat(65), '😀'.repeat(33)])
      .map((ad): unknown => ({ ad, site: 's' }))
      .concat([1, true, [], {}, ['a']].map((ad) => ({ ad, site: 's' }))),
  ],
  ['site_missing', '/site', [{ ad: 'a' }, { ad: 'a', site: null }]],
  [
    'site_invalid',
    '/site',
    ['', ' s', 's ', '.', '..', 'a b', 'https://s.example', 's.example:80', 's.example/', 'a\\b']
      .concat(['mailto:x', 'a\u3000b', 'S.example?x=1', 's.Example#top', 's'.repeat(129), '\ud83d'])
      .map((site): unknown => ({ ad: 'a', site }))
      .concat([1, false, {}, []].map((site) => ({ ad: 'a', site }))),
  ],
  [
    'n_invalid',
    '/n',
    [0, -1, 1.5, 1_000_001, 1e300, '1', true, null, [], {}].map((n) => withField('n', n)),
  ],
  [
    'ts_invalid',
    '/ts',
    [null, true, {}, '', 'now', '2026-08-01', '2026-08-01T11:00:00', '20260801T110000Z', -0.5, -1]
      .concat(['2026-02-30T11:00:00Z', '2026-13-01T11:00:00Z', '2026-08-01T24:00:00Z'])
      .concat(['2026-08-01T11:60:00Z', '2026-08-01T11:00:60Z', `${nowMs}`, 1e17, '0'.repeat(9_99)])
      .map((ts) => withField('ts', ts)),
  ],
  ['stale', '/ts', [nowMs - 86_400_001, 0, 1.5, nowMs / 1_000].map((ts) => withField('ts', ts))],
  ['future', '/ts', [nowMs + 300_001, nowMs * 2].map((ts) => withField('ts', ts))],
  ['not_json', '', [1, 'x', null, true, [good], []]],
];

for (const [reason, field, events] of reasons) {
  test(`${reason} names its place, and the other events count`, async () => {
    const service = world();
    const answer = await post(service, { events: [good, ...events, good] });
    expect(answer.status).toBe(202);
    expect(answer.body).toMatchObject({ accepted: 2, counted: 2, rejectedTotal: events.length });
    const expected = events.map((_event, i) => {
      return { index: i + 1, reason, pointer: `/events/${i + 1}${field}` };
    });
    expect(answer.body.rejected).toEqual(expected);
    expect(eventsIn(service)).toEqual([good, good]);
    expect(service.metrics.counts.get(reason)).toBe(events.length);
    expect(service.metrics.counts.get('impressions rejected')).toBe(events.length);
    expect(service.metrics.counts.get('impressions counted')).toBe(2);
  });
}

test('pointers fit the form: one event, an array, lines', async () => {
  const service = world();
  const bad = { ad: 'a' };
  const lines = `${JSON.stringify(bad)}\n\n{"ad":\n${JSON.stringify(good)}`;
  const pointers = [
    (await post(service, bad)).body.rejected[0].pointer,
    (await post(service, [good, bad])).body.rejected[0].pointer,
    (await post(service, { events: [bad] })).body.rejected[0].pointer,
  ];
  expect(pointers).toEqual(['/site', '/1/site', '/events/0/site']);
  expect((await post(service, lines, 'application/x-ndjson')).body.rejected).toEqual([
    { index: 0, reason: 'site_missing', pointer: '/0/site' },
    { index: 1, reason: 'not_json', pointer: '/1' },
  ]);
});

test('when every event is rejected it is 422, a problem with the same members', async () => {
  const service = world();
  const answer = await post(service, [{ ad: 'a' }, { site: 's' }]);
  expect(answer.status).toBe(422);
  expect(answer.type).toBe('application/problem+json');
  expect(answer.body).toMatchObject({
    type: '/problems/all_rejected',
    status: 422,
    accepted: 0,
    counted: 0,
    rejectedTotal: 2,
    errors: [{ pointer: '/0/site' }, { pointer: '/1/ad' }],
  });
  expect(service.accepted).toEqual([]);
});

test('of more than 100 rejected events the first 100 are listed, all are counted', async () => {
  const service = world();
  const answer = await post(service, [...Array.from({ length: 250 }, () => ({})), good]);
  expect(answer.body.rejected).toHaveLength(100);
  expect(answer.body.rejected[99].index).toBe(99);
  expect(answer.body).toMatchObject({ rejectedTotal: 250, accepted: 1 });
  expect(service.metrics.counts.get('ad_missing')).toBe(250);
});

test('what ingest refuses as cell_full is listed at the place where it was sent', async () => {
  const service = world();
  service.refused = [{ index: 1, reason: 'cell_full' }];
  const answer = await post(service, { events: [{ ad: 'a' }, good, good, good] });
  expect(answer.body).toMatchObject({ accepted: 2, counted: 2, rejectedTotal: 2 });
  expect(answer.body.rejected).toEqual([
    { index: 0, reason: 'site_missing', pointer: '/events/0/site' },
    { index: 2, reason: 'cell_full', pointer: '/events/2' },
  ]);
  expect(service.metrics.counts.get('cell_full')).toBe(1);
});

test('when ingest refuses every event the answer is 422', async () => {
  const service = world();
  service.refused = [{ index: 0, reason: 'cell_full' }];
  const answer = await post(service, good);
  expect(answer.status).toBe(422);
  expect(answer.body.rejected).toEqual([{ index: 0, reason: 'cell_full', pointer: '' }]);
});

const wholes: readonly (readonly [string, string | Buffer, number, string])[] = [
  ['an empty body', '', 400, 'body_empty'],
  ['a blank body', ' \n ', 400, 'body_empty'],
  ['broken JSON', '{"ad":"a","site":', 400, 'not_json'],
  ['two documents', '{"ad":"a","site":"s"}{"ad":"a","site":"s"}', 400, 'not_json'],
  ['a number', '5', 400, 'not_json'],
  ['null', 'null', 400, 'not_json'],
  ['a string', '"ad"', 400, 'not_json'],
  ['"events" that are no list', '{"events":{"ad":"a","site":"s"}}', 400, 'not_json'],
  ['an event that has "events"', '{"ad":"a","site":"s","events":[]}', 400, 'not_json'],
  ['invalid UTF-8', Buffer.from('7b226164223a22ff227d', 'hex'), 400, 'not_utf8'],
  ['a surrogate in UTF-8', Buffer.from('5b22eda080225d', 'hex'), 400, 'not_utf8'],
];

for (const [name, body, status, problem] of wholes) {
  test(`${name} is ${status} ${problem}, and nothing counts`, async () => {
    const service = world();
    const answer = await request(service.server)
      .post('/v1/impressions')
      .set('Content-Type', 'application/json')
      .serialize((bytes: unknown) => bytes as string)
      .send(body as unknown as object);
    expect(answer.status).toBe(status);
    expect(answer.body.type).toBe(`/problems/${problem}`);
    expect(service.accepted).toEqual([]);
    const rejected = problem === 'body_empty' ? undefined : 1;
    expect(service.metrics.counts.get('not_json')).toBe(rejected);
  });
}

for (const type of [
  'application/x-www-form-urlencoded',
  'application/jsonx',
  'text/html',
  'application/json; charset=latin1',
  'constructor',
  '',
]) {
  test(`Content-Type ${JSON.stringify(type)} is 415 and says what is taken`, async () => {
    const service = world();
    const answer = await request(service.server)
      .post('/v1/impressions')
      .set('Content-Type', type)
      .send(JSON.stringify(good));
    expect(answer.status).toBe(415);
    expect(answer.headers['accept-post']).toContain('application/x-ndjson');
    expect(service.accepted).toEqual([]);
  });
}

test('another Content-Encoding is 415 and names gzip', async () => {
  const answer = await request(world().server)
    .post('/v1/impressions')
    .set('Content-Type', 'application/json')
    .set('Content-Encoding', 'br')
    .send(JSON.stringify(good));
  expect(answer.status).toBe(415);
  expect(answer.headers['accept-encoding']).toBe('gzip');
});

const squeezed = gzipSync(JSON.stringify(good));
for (const [name, bytes] of [
  ['not gzip at all', Buffer.from(JSON.stringify(good))],
  ['cut off', squeezed.subarray(0, -5)],
  ['followed by other bytes', Buffer.concat([squeezed, Buffer.from('xx')])],
] as const) {
  test(`a gzip body that is ${name} is 400 not_gzip, and nothing counts`, async () => {
    const service = world();
    const answer = await request(service.server)
      .post('/v1/impressions')
      .set('Content-Type', 'application/json')
      .set('Content-Encoding', 'gzip')
      .serialize((body: unknown) => body as string)
      .send(bytes);
    expect(answer.status).toBe(400);
    expect(answer.body.type).toBe('/problems/not_gzip');
    expect(service.accepted).toEqual([]);
  });
}

for (const id of ['t-1', '', null, 5]) {
  test(`an event with the id ${JSON.stringify(id)} refuses the request`, async () => {
    const service = world();
    const answer = await post(service, { events: [good, { ...good, id }] });
    expect(answer.status).toBe(400);
    expect(answer.body.type).toBe('/problems/token_unsupported');
    expect(answer.body.errors[0].pointer).toBe('/events/1/id');
    expect(service.accepted).toEqual([]);
  });
}

test('an Idempotency-Key refuses the request, never ignored', async () => {
  const service = world();
  const answer = await request(service.server)
    .post('/v1/clicks')
    .set('Idempotency-Key', 'abcdefghijklmnop')
    .send(good);
  expect(answer.status).toBe(400);
  expect(answer.body.type).toBe('/problems/token_unsupported');
  expect(service.accepted).toEqual([]);
});

test('a refusal of ingest is 503 with Retry-After: nothing of the request counted', async () => {
  const service = world();
  service.failure = new CounterError('INGEST_REFUSED', 'throttle', { detail: '/data is full' });
  const answer = await post(service, good);
  expect(answer.status).toBe(503);
  expect(answer.headers['retry-after']).toBe('1');
  expect(answer.body.type).toBe('/problems/overloaded');
  expect(answer.text).not.toContain('/data');
  expect(service.metrics.counts.size).toBe(0);
});

test('a journal that failed under the request is 503 outcome-unknown', async () => {
  const service = world();
  service.failure = new CounterError('OUTCOME_UNKNOWN', 'retry');
  const answer = await post(service, good);
  expect(answer.status).toBe(503);
  expect(answer.body.type).toBe('/problems/outcome-unknown');
});

test('a failure that no one expected is a bare 500; the log has the rest', async () => {
  const service = world();
  service.failure = new TypeError('secret of the house');
  const answer = await post(service, good);
  expect(answer.status).toBe(500);
  expect(answer.text).not.toMatch(/secret|TypeError|\bat /);
  expect(service.logged[0]).toContain(`"request_id":"${answer.headers['x-request-id']}"`);
});
