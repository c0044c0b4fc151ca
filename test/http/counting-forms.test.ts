// Every form in which events may be sent counts the same events and is answered the same way.
import { gzipSync } from 'node:zlib';
import { expect, test } from '@jest/globals';
import request from 'supertest';
import { eventsIn, nowMs, world } from './fakes.ts';

const one = { ad: 'spring', site: 'news.example' };
const two = { ad: 'spring', site: 'blog.example', n: 3 };
const json = 'application/json';
const ndjson = 'application/x-ndjson';

const forms: readonly (readonly [string, string, string, readonly object[]])[] = [
  ['one JSON event', json, JSON.stringify(one), [one]],
  ['an array', json, JSON.stringify([one, two]), [one, two]],
  ['a list of "events"', json, JSON.stringify({ events: [one, two] }), [one, two]],
  ['NDJSON', ndjson, `${JSON.stringify(one)}\n${JSON.stringify(two)}\n`, [one, two]],
  ['NDJSON of Windows', ndjson, `${JSON.stringify(one)}\r\n\r\n${JSON.stringify(two)}`, [one, two]],
  ['text/plain of a beacon', 'text/plain;charset=UTF-8', JSON.stringify([one, two]), [one, two]],
  ['one event as text/plain', 'text/plain', JSON.stringify(one), [one]],
  ['a quoted charset', 'application/json; charset="utf-8"', JSON.stringify(one), [one]],
  ['a byte order mark', json, `\ufeff${JSON.stringify(one)}`, [one]],
  ['an empty list', json, '[]', []],
  ['an empty list of "events"', json, '{"events":[]}', []],
];

for (const [name, type, body, events] of forms) {
  for (const path of ['impressions', 'clicks']) {
    test(`${name} counts as ${path}`, async () => {
      const service = world();
      const answer = await request(service.server)
        .post(`/v1/${path}`)
        .set('Content-Type', type)
        .send(body);
      expect(answer.status).toBe(202);
      expect(answer.type).toBe('application/json');
      expect(answer.text).toBe(
        `{"accepted":${events.length},"counted":${events.length},"filtered":{},"duplicates":0,` +
          '"pending":0,"rejected":[],"rejectedTotal":0,"ack":"journal"}',
      );
      const measured =
        path === 'clicks' ? events.map((event) => ({ ...event, measure: 2 })) : events;
      expect(eventsIn(service)).toEqual(measured);
    });
  }

  test(`${name} counts when it comes as gzip`, async () => {
    const service = world();
    const answer = await request(service.server)
      .post('/v1/impressions')
      .set('Content-Type', type)
      .set('Content-Encoding', 'gzip')
      .serialize((bytes: unknown) => bytes as string)
      .send(gzipSync(body));
    expect(answer.status).toBe(202);
    expect(eventsIn(service)).toEqual(events);
  });
}

async function countOne(query: string, event: object = one) {
  const service = world();
  const answer = await request(service.server).post(`/v1/impressions${query}`).send(event);
  return { service, answer };
}

test('ack=memory and ack=journal are passed on and echoed; journal is the default', async () => {
  for (const [query, ack] of [
    ['?ack=memory', 'memory'],
    ['?ack=journal', 'journal'],
    ['', 'journal'],
  ] as const) {
    const { service, answer } = await countOne(query);
    expect(answer.body.ack).toBe(ack);
    expect(service.accepted.map(({ acknowledgement }) => acknowledgement)).toEqual([ack]);
  }
});

test('the default acknowledgement follows the setting', async () => {
  const service = world({ defaultAcknowledgement: 'memory' });
  const answer = await request(service.server).post('/v1/impressions').send(one);
  expect(answer.body.ack).toBe('memory');
});

test('ack=store is 200 once the store has confirmed', async () => {
  const { service, answer } = await countOne('?ack=store');
  expect(answer.status).toBe(200);
  expect(answer.body).toMatchObject({ counted: 1, ack: 'store' });
  expect(service.accepted[0]?.acknowledgement).toBe('store');
});

test('ack=store that the store did not confirm in time is 202 and says what holds', async () => {
  const service = world();
  service.acknowledged = 'journal';
  const answer = await request(service.server).post('/v1/impressions?ack=store').send(one);
  expect(answer.status).toBe(202);
  expect(answer.body).toMatchObject({ accepted: 1, counted: 1, ack: 'journal' });
});

for (const query of ['?ack=', '?ack=disk', '?ack=journal&ack=memory', '?dryRun=1', '?dryRun']) {
  test(`${query} is a parameter_invalid, and nothing counts`, async () => {
    const { service, answer } = await countOne(query);
    expect(answer.status).toBe(400);
    expect(answer.body.type).toBe('/problems/parameter_invalid');
    expect(service.accepted).toEqual([]);
  });
}

test('a mistyped parameter is refused: ?dryrun=true must not count', async () => {
  const { service, answer } = await countOne('?dryrun=true');
  expect(answer.status).toBe(400);
  expect(answer.body.type).toBe('/problems/parameter_unknown');
  expect(answer.body.errors[0].pointer).toBe('/query/dryrun');
  expect(service.accepted).toEqual([]);
});

test('cache busters are ignored', async () => {
  const { answer } = await countOne('?cb=1&rnd=2&ord=3&_=4');
  expect(answer.status).toBe(202);
});

test('dryRun=true gives the verdicts with 200 and counts nothing', async () => {
  const { service, answer } = await countOne('?dryRun=true', [one, { ad: 'a' }]);
  expect(answer.status).toBe(200);
  expect(answer.body).toMatchObject({ accepted: 1, counted: 1, rejectedTotal: 1 });
  expect(service.accepted).toEqual([]);
  expect(service.metrics.counts.size).toBe(0);
});

test('dryRun=false counts', async () => {
  const { service, answer } = await countOne('?dryRun=false');
  expect(answer.status).toBe(202);
  expect(service.accepted).toHaveLength(1);
});

test('ts as ISO 8601 with any zone and as epoch ms is the same moment', async () => {
  const moment = nowMs - 3_600_000;
  const texts = [
    moment,
    new Date(moment).toISOString(),
    '2026-08-01T11:00Z',
    '2026-08-01T11:00:00z',
    '2026-08-01T13:00:00+02:00',
    '2026-08-01T05:30:00.000-0530',
    '2026-08-01T11:00:00,000000+00',
  ];
  const { service } = await countOne(
    '',
    texts.map((ts) => ({ ...one, ts })),
  );
  expect(eventsIn(service).map(({ tsMs }) => tsMs)).toEqual(texts.map(() => moment));
});

test('a ts exactly 24 h old counts then; one up to 5 minutes ahead counts now', async () => {
  const { service, answer } = await countOne('', [
    { ...one, ts: nowMs - 24 * 3_600_000 },
    { ...one, ts: nowMs },
    { ...one, ts: nowMs + 1 },
    { ...one, ts: nowMs + 300_000 },
  ]);
  expect(answer.body.accepted).toBe(4);
  const times = service.accepted[0]?.events.map(({ tsMs }) => tsMs);
  expect(times).toEqual([nowMs - 24 * 3_600_000, nowMs, undefined, undefined]);
});

test('a ts with a fraction of a millisecond, as many clocks tell it, counts then', async () => {
  const { service, answer } = await countOne('', [{ ...one, ts: nowMs - 0.25 }]);
  expect(answer.body.accepted).toBe(1);
  expect(service.accepted[0]?.events.map(({ tsMs }) => tsMs)).toEqual([nowMs - 1]);
});

test('n may be 1 to 1,000,000', async () => {
  const { service } = await countOne('', [
    { ...one, n: 1 },
    { ...one, n: 1_000_000 },
  ]);
  expect(service.accepted[0]?.events.map(({ n }) => n)).toEqual([1, 1_000_000]);
});

test('the last of duplicate keys holds, as everywhere in JSON', async () => {
  const service = world();
  const answer = await request(service.server)
    .post('/v1/impressions')
    .type('application/json')
    .send('{"ad":"first","ad":"last","site":"s.example"}');
  expect(answer.status).toBe(202);
  expect(eventsIn(service)).toEqual([{ ad: 'last', site: 's.example' }]);
});

test('unknown fields are ignored and counted, in events and beside them', async () => {
  const service = world();
  await request(service.server)
    .post('/v1/impressions')
    .type('application/json')
    .send(
      '{"sdk":"1.2","events":[{"ad":"a","site":"s","x":1,"__proto__":{"n":9},' +
        '"constructor":{}},{"ad":"a","site":"s"}]}',
    );
  expect(eventsIn(service)).toEqual([
    { ad: 'a', site: 's' },
    { ad: 'a', site: 's' },
  ]);
  expect(service.metrics.counts.get('unknown fields')).toBe(4);
});

test('names of prototypes, emoji and slashes are ads like any other', async () => {
  const ads = ['__proto__', 'constructor', 'toString', '👩‍🚀', 'a/b', 'a%2Fb', 'a b'].concat(
    'e\u0301',
  );
  const { service, answer } = await countOne(
    '',
    ads.map((ad) => ({ ad, site: 'constructor' })),
  );
  expect(answer.body.accepted).toBe(ads.length);
  expect(eventsIn(service).map(({ ad }) => ad)).toEqual(ads);
});

test('a thousand events are one call to accept, in their order', async () => {
  const events = Array.from({ length: 1_000 }, (_, i) => ({ ad: `a${i}`, site: 's', n: i + 2 }));
  const { service } = await countOne('', events);
  expect(service.accepted).toHaveLength(1);
  expect(eventsIn(service)).toEqual(events);
  expect(service.metrics.counts.get('impressions counted')).toBe(1_000);
});
