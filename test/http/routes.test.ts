// Walks the table of routes: every route keeps the promises that no handler can forget.
// A route that is added without a line in `calls` fails here.
import { createHash } from 'node:crypto';
import { expect, test } from '@jest/globals';
import request from 'supertest';
import { createRoutes } from '../../src/http/routes.ts';
import type { Scope } from '../../src/http/keys.ts';
import type { HttpOptions, Keys } from '../../src/http/ports.ts';
import { world } from './fakes.ts';
import type { World } from './fakes.ts';

const event = '{"ad":"a","site":"s"}';

/** How each route is called so that it answers well, and the scope that it must have. */
const calls: Readonly<Record<string, Readonly<{ url: string; scope: Scope; body?: string }>>> = {
  '/v1/impressions': { url: '/v1/impressions', scope: 'write', body: event },
  '/v1/clicks': { url: '/v1/clicks', scope: 'write', body: event },
  '/v1/pixel.gif': { url: '/v1/pixel.gif?ad=a&site=s', scope: 'write' },
  '/v1/ads': { url: '/v1/ads?ad=a', scope: 'read' },
  '/v1/ads/{ad}': { url: '/v1/ads/a', scope: 'read' },
  '/v1/ads/{ad}/sites': { url: '/v1/ads/a/sites', scope: 'read' },
  '/v1/ads/{ad}/sites/{site}': { url: '/v1/ads/a/sites/s', scope: 'read' },
  '/v1/status': { url: '/v1/status', scope: 'read' },
  '/v1/flush': { url: '/v1/flush', scope: 'admin' },
  '/livez': { url: '/livez', scope: 'open' },
  '/readyz': { url: '/readyz', scope: 'open' },
  '/metrics': { url: '/metrics', scope: 'open' },
  '/': { url: '/', scope: 'open' },
  '/page.css': { url: '/page.css', scope: 'open' },
  '/icon.svg': { url: '/icon.svg', scope: 'open' },
  '/problems/{name}': { url: '/problems/not_json', scope: 'open' },
};

const routes = createRoutes({ version: 'test' } as HttpOptions);

function callOf(path: string) {
  const known = calls[path];
  if (known === undefined) throw new Error(`no call for the route ${path}`);
  return known;
}

async function call(
  service: World,
  route: (typeof routes)[number],
  headers: Readonly<Record<string, string>> = {},
  method: string = route.method,
) {
  const { url, body } = callOf(route.path);
  const open = request(service.server);
  const sent =
    method === 'POST' ? open.post(url) : method === 'HEAD' ? open.head(url) : open.get(url);
  if (body !== undefined && method === 'POST') sent.type('application/json');
  return sent.set(headers).send(method === 'POST' ? body : undefined);
}

const noKeys: Keys = { write: [], read: [], admin: [] };
const allKeys: Keys = {
  write: ['w:write-secret', 'write-secret-2'],
  read: ['r:read:secret'],
  admin: ['admin-secret'],
};
const secrets = {
  write: ['write-secret', 'write-secret-2'],
  read: ['read:secret'],
  admin: ['admin-secret'],
} as const;

test('the table holds exactly the routes of the contract, each with its scope', () => {
  const scopes = Object.fromEntries(routes.map(({ path, scope }) => [path, scope]));
  const expected = Object.entries(calls).map(([path, { scope }]) => [path, scope]);
  expect(scopes).toEqual(Object.fromEntries(expected));
});

for (const route of routes) {
  const name = `${route.method} ${route.path}`;
  const scope = route.scope;

  test(`${name} answers with request id and nosniff, and is measured by template`, async () => {
    const service = world();
    const answer = await call(service, route);
    expect([200, 202]).toContain(answer.status);
    expect(answer.headers['x-content-type-options']).toBe('nosniff');
    expect(answer.headers['x-request-id']).toMatch(/^[\w.-]+$/);
    expect(answer.headers).not.toHaveProperty('set-cookie');
    expect(answer.headers).not.toHaveProperty('x-powered-by');
    expect(service.metrics.requests).toEqual([`${name} ${answer.status}`]);
    const named = await call(service, route, { 'X-Request-Id': 'lb-7.a_B' });
    expect(named.headers['x-request-id']).toBe('lb-7.a_B');
    const strange = await call(service, route, { 'X-Request-Id': '<script>' });
    expect(strange.headers['x-request-id']).not.toContain('<');
  });

  test(`${name} takes a ${scope} key, and no other`, async () => {
    const service = world({ keys: allKeys });
    expect((await call(service, route)).status).toBe(scope === 'open' ? 200 : 401);
    const unknown = await call(service, route, { Authorization: 'Bearer nobody' });
    expect(unknown.status).toBe(scope === 'open' ? 200 : 401);
    for (const key of ['write', 'read', 'admin'] as const) {
      for (const secret of secrets[key]) {
        const answer = await call(service, route, { Authorization: `Bearer ${secret}` });
        const allowed = scope === 'open' || scope === key;
        expect(answer.status).toBe(allowed ? answer.ok && answer.status : 403);
        expect(answer.text ?? '').not.toContain(secret);
      }
    }
  });

  test(`${name} tells a caller without a key how to bring one`, async () => {
    if (scope === 'open') return;
    const service = world({ keys: allKeys });
    for (const headers of [{}, { Authorization: 'Basic dzp3' }, { Authorization: 'Bearer ' }]) {
      const answer = await call(service, route, headers);
      expect(answer.status).toBe(401);
      expect(answer.headers['www-authenticate']).toBe('Bearer');
    }
    expect(service.accepted).toEqual([]);
    expect(service.flushes).toBe(0);
  });

  test(`${name} does not take the name or the hash of a key for the key`, async () => {
    if (scope === 'open') return;
    const service = world({ keys: allKeys });
    const secret = secrets[scope][0];
    const hash = createHash('sha256').update(secret).digest('hex');
    for (const wrong of ['w', 'r', `w:${secret}`, hash, hash.slice(0, 8), `${secret}x`]) {
      const answer = await call(service, route, { Authorization: `Bearer ${wrong}` });
      expect(answer.status).toBe(401);
    }
  });

  test(`${name} is open while only other scopes have keys`, async () => {
    const service = world({ keys: { ...allKeys, ...(scope === 'open' ? {} : { [scope]: [] }) } });
    expect([200, 202]).toContain((await call(service, route)).status);
  });

  test(`${name} refuses every other method with Allow, and does nothing`, async () => {
    const service = world();
    const allowed = route.method === 'GET' ? ['GET', 'HEAD', 'OPTIONS'] : ['POST', 'OPTIONS'];
    const { url } = callOf(route.path);
    for (const method of ['get', 'post', 'put', 'patch', 'delete'] as const) {
      if (allowed.includes(method.toUpperCase())) continue;
      const answer = await request(service.server)[method](url);
      expect(answer.status).toBe(405);
      expect(answer.headers['allow']).toBe(allowed.join(', '));
      expect(answer.body).toMatchObject({ type: '/problems/method_not_allowed', status: 405 });
    }
    expect(service.accepted).toEqual([]);
    expect(service.asked).toEqual([]);
    expect(service.flushes).toBe(0);
  });

  test(`${name}: HEAD never counts and has no body`, async () => {
    const service = world();
    const answer = await call(service, route, {}, 'HEAD');
    expect(answer.status).toBe(route.method === 'GET' ? 200 : 405);
    expect(answer.text ?? '').toBe('');
    expect(service.accepted).toEqual([]);
    expect(service.flushes).toBe(0);
  });

  test(`${name}: a preflight is 204 without a key; any page may write, none may read`, async () => {
    const service = world({ keys: allKeys });
    const answer = await request(service.server)
      .options(callOf(route.path).url)
      .set({ Origin: 'https://shop.example', 'Access-Control-Request-Method': route.method });
    expect(answer.status).toBe(204);
    expect(answer.text).toBe('');
    const origin = answer.headers['access-control-allow-origin'];
    expect(origin).toBe(scope === 'write' ? '*' : undefined);
    expect(answer.headers['access-control-allow-methods']).toBe(
      scope === 'write' ? route.method : undefined,
    );
    expect(answer.headers).not.toHaveProperty('access-control-allow-credentials');
    expect(service.accepted).toEqual([]);
  });

  test(`${name}: answers and problems carry the same CORS as the preflight`, async () => {
    const service = world({ keys: allKeys, corsOrigins: ['https://board.example'] });
    for (const origin of ['https://board.example', 'https://evil.example']) {
      const answer = await call(service, route, { Origin: origin });
      const reader = scope === 'read' && origin === 'https://board.example' ? origin : undefined;
      expect(answer.headers['access-control-allow-origin']).toBe(scope === 'write' ? '*' : reader);
      expect(answer.headers['vary']).toBe(scope === 'read' ? 'Origin' : undefined);
    }
  });
}

const flush = routes.find(({ path }) => path === '/v1/flush');

test('without an admin key an admin call works from the machine itself', async () => {
  if (flush === undefined) throw new Error('no flush');
  const service = world({ keys: noKeys });
  const answer = await call(service, flush);
  expect(answer.body).toEqual({
    outcome: 'success',
    cells: 3,
    ms: 4,
    completeThrough: '2026-08-01T12:00:00.000Z',
  });
  expect(service.flushes).toBe(1);
});

for (const headers of [
  { 'X-Forwarded-For': '127.0.0.1' },
  { Forwarded: 'for=127.0.0.1' },
  { Via: '1.1 proxy' },
  { 'X-Real-IP': '127.0.0.1' },
  { Origin: 'https://evil.example' },
  { Origin: 'null' },
  { Host: 'evil.example' },
  { Host: '127.0.0.1.evil.example' },
]) {
  test(`without an admin key ${JSON.stringify(headers)} is not the machine itself`, async () => {
    if (flush === undefined) throw new Error('no flush');
    const service = world({ keys: noKeys });
    const answer = await call(service, flush, headers);
    expect(answer.status).toBe(403);
    expect(answer.body.type).toBe('/problems/forbidden');
    expect(service.flushes).toBe(0);
  });
}

test('with an admin key set, being on the machine is not enough', async () => {
  if (flush === undefined) throw new Error('no flush');
  const service = world({ keys: { ...noKeys, admin: ['s'] } });
  expect((await call(service, flush)).status).toBe(401);
  const proxied = { Authorization: 'bearer s', 'X-Forwarded-For': '203.0.113.7' };
  expect((await call(service, flush, proxied)).status).toBe(200);
});

test('a key in the query is taken on the pixel alone', async () => {
  const service = world({ keys: { ...noKeys, write: ['s'], read: ['s'] } });
  const post = await request(service.server).post('/v1/impressions?key=s').send({ ad: 'a' });
  expect(post.status).toBe(401);
  expect((await request(service.server).get('/v1/ads/a?key=s')).status).toBe(401);
  expect(service.accepted).toEqual([]);
});

test('cors * lets every page read', async () => {
  const service = world({ corsOrigins: ['*'] });
  const answer = await request(service.server).get('/v1/ads/a').set('Origin', 'https://x.example');
  expect(answer.headers['access-control-allow-origin']).toBe('*');
});
