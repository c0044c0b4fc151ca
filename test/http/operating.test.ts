// Probes, status, scrape, and the pages for people; and the shape of every problem document.
import { expect, test } from '@jest/globals';
import request from 'supertest';
import { problemKinds } from '../../src/http/problems.ts';
import { CounterError } from '../../src/model/errors.ts';
import { world } from './fakes.ts';

test('livez is 200 whatever the state', async () => {
  for (const state of ['ready', 'degraded', 'starting', 'draining', 'failing'] as const) {
    const service = world();
    service.readiness = { state, reasons: ['x'] };
    const answer = await request(service.server).get('/livez');
    expect(answer.status).toBe(200);
    expect(answer.body).toEqual({ status: 'ok' });
  }
});

test('readyz is 200 when ready or degraded, with the reasons', async () => {
  const service = world();
  expect((await request(service.server).get('/readyz')).body).toEqual({
    status: 'ok',
    reasons: [],
  });
  service.readiness = { state: 'degraded', reasons: ['store_unreachable'] };
  const answer = await request(service.server).get('/readyz');
  expect(answer.status).toBe(200);
  expect(answer.body).toEqual({ status: 'degraded', reasons: ['store_unreachable'] });
  expect(answer.headers['cache-control']).toBe('no-store');
});

test('readyz is 503 while starting, draining or failing, and says why', async () => {
  for (const state of ['starting', 'draining', 'failing'] as const) {
    const service = world();
    service.readiness = { state, reasons: ['disk_full'] };
    const answer = await request(service.server).get('/readyz');
    expect(answer.status).toBe(503);
    expect(answer.type).toBe('application/problem+json');
    expect(answer.body).toMatchObject({
      type: '/problems/not_ready',
      status: 503,
      state,
      reasons: ['disk_full'],
    });
  }
});

test('status is the document of the service; metrics are the scrape as it is', async () => {
  const { server } = world();
  expect((await request(server).get('/v1/status')).body).toEqual({
    version: 'test',
    store: 'memory',
  });
  const scrape = await request(server).get('/metrics');
  expect(scrape.headers['content-type']).toBe('text/plain; version=0.0.4');
  expect(scrape.text).toBe('adcounter_build_info 1\n');
  expect((await request(server).get('/v1/status?verbose=1')).status).toBe(400);
});

test('a flush while the store is away is 503 store_unavailable', async () => {
  const service = world();
  service.failure = new CounterError('STORE_UNAVAILABLE', 'retry');
  const answer = await request(service.server).post('/v1/flush');
  expect(answer.status).toBe(503);
  expect(answer.body.type).toBe('/problems/store_unavailable');
});

test('the start page is plain HTML under a strict policy; its commands fit', async () => {
  const { server } = world();
  const answer = await request(server).get('/').set('Host', 'counter.example:81');
  expect(answer.type).toBe('text/html');
  expect(answer.headers['content-security-policy']).toContain("default-src 'self'");
  expect(answer.headers['content-security-policy']).not.toContain('unsafe');
  expect(answer.text).toContain('http://counter.example:81/v1/impressions');
  expect(answer.text).not.toMatch(/<script|<style|style=|\son\w+=/);
  for (const [, path = ''] of answer.text.matchAll(/(?:href|src)="([^"]*)"/g)) {
    expect(path).toMatch(/^\//);
    expect((await request(server).get(path)).status).toBe(200);
  }
});

test('a hostile Host is not shown on the page', async () => {
  for (const host of ['"><script>', 'evil host', 'x'.repeat(200)]) {
    const answer = await request(world().server).get('/').set('Host', host);
    expect(answer.text).not.toContain(host);
    expect(answer.text).toContain('http://127.0.0.1:8080');
  }
});

for (const name of Object.keys(problemKinds)) {
  test(`the page of the problem ${name} says what helps`, async () => {
    const answer = await request(world().server).get(`/problems/${name}`);
    expect(answer.status).toBe(200);
    expect(answer.type).toBe('text/html');
    expect(answer.text).toContain(name);
    expect(answer.headers['content-security-policy']).toContain("default-src 'self'");
  });
}

test('problems that do not exist have no page, prototype names included', async () => {
  for (const name of ['nothing', '__proto__', 'constructor', 'toString']) {
    expect((await request(world().server).get(`/problems/${name}`)).status).toBe(404);
  }
});

test('every problem document has all members, and a page behind its type', async () => {
  const service = world();
  const { server } = service;
  const answers = [
    await request(server).get('/nothing'),
    await request(server).put('/v1/ads/a'),
    await request(server).get('/v1/ads'),
    await request(server).get('/v1/ads/a?x=1'),
    await request(server).get('/v1/ads/a').set('Accept', 'text/csv'),
    await request(server).post('/v1/impressions').type('application/json').send('{'),
    await request(server).post('/v1/impressions').type('application/json').send('{}'),
    await request(server).post('/v1/impressions').type('text/html').send('x'),
    await request(server).get('/livez').set('x', 'y'.repeat(9_000)),
  ];
  for (const answer of answers) {
    expect(answer.type).toBe('application/problem+json');
    expect(answer.headers['cache-control']).toBe('no-store');
    expect(answer.body).toMatchObject({
      type: expect.stringMatching(/^\/problems\/[a-z_-]+$/),
      title: expect.any(String),
      status: answer.status,
      detail: expect.any(String),
      errors: expect.any(Array),
      requestId: answer.headers['x-request-id'],
    });
    for (const error of answer.body.errors) {
      expect(Object.keys(error)).toEqual(['pointer', 'detail']);
    }
    expect((await request(server).get(answer.body.type)).status).toBe(200);
  }
});
