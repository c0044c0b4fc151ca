// Laws that hold for whatever is sent: documented statuses, nothing dropped, nothing counted that
// was not checked, the same verdict in every form.
import { afterAll, beforeAll, expect, test } from '@jest/globals';
import * as fc from 'fast-check';
import { createCounting } from '../../src/http/counting.ts';
import { Problem } from '../../src/http/problems.ts';
import type { AdEvent } from '../../src/model/event.ts';
import { MetricsFake, connected, nowMs, world } from './fakes.ts';

interface Answered {
  readonly status: number;
  readonly body: Readonly<Record<string, unknown>>;
  readonly events: readonly AdEvent[];
}

async function count(bytes: Buffer, type: string, query = ''): Promise<Answered> {
  const events: AdEvent[] = [];
  const counting = createCounting({
    accepting: {
      async accept(accepted, acknowledged) {
        events.push(...accepted);
        return { countedEvents: accepted.length, refused: [], acknowledged };
      },
    },
    metrics: new MetricsFake(),
    defaultAcknowledgement: 'journal',
    nowMs: () => nowMs,
  });
  const headers = { 'content-type': type };
  try {
    const answer = await counting('impressions', { bytes, headers, query });
    const body = JSON.parse(String(answer.body)) as Record<string, unknown>;
    return { status: answer.status, body, events };
  } catch (thrown) {
    if (!(thrown instanceof Problem)) throw thrown;
    return { status: thrown.status, body: thrown.options.members ?? {}, events };
  }
}

const text = fc.oneof(
  fc.constantFrom('a', 's.example', '', '.', ' a', 'Ex.COM', 'a:1', '__proto__'),
  fc.string({ unit: 'binary', maxLength: 12 }),
);
const field = fc.oneof({ weight: 3, arbitrary: text }, fc.jsonValue({ maxDepth: 1 }));
const moment = fc.oneof(
  fc.integer({ min: nowMs - 90_000_000, max: nowMs + 400_000 }),
  fc.date({ noInvalidDate: true }).map((date) => date.toISOString()),
  fc.jsonValue({ maxDepth: 0 }),
);
const event = fc.oneof(
  { weight: 4, arbitrary: fc.record({ ad: text, site: text }) },
  fc.record(
    {
      ad: field,
      site: field,
      n: fc.oneof(fc.integer(), fc.jsonValue({ maxDepth: 0 })),
      ts: moment,
      more: fc.jsonValue({ maxDepth: 1 }),
    },
    { requiredKeys: [] },
  ),
  fc.jsonValue({ maxDepth: 1 }).filter((value) => !hasId(value)),
);

function hasId(value: unknown): boolean {
  return typeof value === 'object' && value !== null && 'id' in value;
}

const json = (value: unknown) => Buffer.from(JSON.stringify(value));

test('accepted + rejected is what was sent, and exactly the accepted events count', async () => {
  await fc.assert(
    fc.asyncProperty(fc.array(event, { maxLength: 30 }), async (sent) => {
      const { status, body, events } = await count(json(sent), 'application/json');
      const accepted = Number(body['accepted']);
      expect(accepted + Number(body['rejectedTotal'])).toBe(sent.length);
      expect(body['counted']).toBe(accepted);
      expect(events).toHaveLength(accepted);
      expect(status).toBe(accepted === 0 && sent.length > 0 ? 422 : 202);
      for (const { ad, site, n, tsMs } of events) {
        expect(ad.isWellFormed() && site.isWellFormed()).toBe(true);
        expect(Number.isInteger(n) && n >= 1 && n <= 1_000_000).toBe(true);
        expect(tsMs ?? nowMs).toBeLessThanOrEqual(nowMs);
        expect(tsMs ?? nowMs).toBeGreaterThanOrEqual(nowMs - 86_400_000);
      }
    }),
  );
});

test('an array, "events", lines and a dry run give the same verdicts', async () => {
  await fc.assert(
    fc.asyncProperty(fc.array(event, { minLength: 1, maxLength: 10 }), async (sent) => {
      const array = await count(json(sent), 'application/json');
      const wrapped = await count(json({ events: sent }), 'text/plain');
      const lines = sent.map((value) => JSON.stringify(value)).join('\n');
      const ndjson = await count(Buffer.from(lines), 'application/x-ndjson');
      const dry = await count(json(sent), 'application/json', 'dryRun=true');
      const pointed = JSON.stringify(array.body).replaceAll('"pointer":"/', '"pointer":"/events/');
      expect(JSON.parse(pointed)).toEqual(wrapped.body);
      expect(ndjson.body).toEqual(array.body);
      expect(dry.body).toEqual(array.body);
      expect([wrapped.events, ndjson.events, dry.events]).toEqual([array.events, array.events, []]);
    }),
  );
});

test('a list of rejected events names each place once, in order', async () => {
  await fc.assert(
    fc.asyncProperty(fc.array(event, { maxLength: 30 }), async (sent) => {
      const { body } = await count(json(sent), 'application/json');
      const rejected = body['rejected'] as readonly { index: number; pointer: string }[];
      const places = rejected.map(({ index }) => index);
      expect(places).toEqual([...new Set(places)].sort((a, b) => a - b));
      for (const { index, pointer } of rejected) expect(pointer.startsWith(`/${index}`)).toBe(true);
    }),
  );
});

const documented = new Set([200, 202, 204, 400, 404, 405, 413, 415, 422]);

test('whatever the bytes, the outcome is documented; refused requests count nothing', async () => {
  const bytes = fc.oneof(
    fc.uint8Array({ maxLength: 200 }).map((array) => Buffer.from(array)),
    fc.json().map((value) => Buffer.from(value)),
    fc.array(event).map((events) => json(events).subarray(0, -1)),
  );
  const types = fc.constantFrom('application/json', 'application/x-ndjson', 'text/plain', 'a/b');
  await fc.assert(
    fc.asyncProperty(bytes, types, async (body, type) => {
      const { status, events } = await count(body, type);
      expect(documented).toContain(status);
      expect(status === 202 || events.length === 0).toBe(true);
    }),
  );
});

const service = world();
beforeAll(async () => (await connected(service)).destroy());
afterAll(async () => service.drain(0));

test('whatever the URL, the answer is documented, and a problem has no stack', async () => {
  const { port } = service.server.address() as { port: number };
  const part = fc.oneof(
    fc.constantFrom('v1', 'ads', 'sites', 'pixel.gif', 'a%2Fb', '..', '%', '%00', '__proto__'),
    fc.string({ maxLength: 8 }).map(encodeURIComponent),
  );
  const path = fc.array(part, { maxLength: 6 }).map((parts) => `/${parts.join('/')}`);
  const query = fc.oneof(fc.webQueryParameters(), fc.constantFrom('ad=a', 'e=a,s', 'from=x', '%'));
  const method = fc.constantFrom('GET', 'HEAD', 'POST', 'OPTIONS', 'DELETE');
  await fc.assert(
    fc.asyncProperty(path, query, method, async (where, asked, verb) => {
      const url = `http://127.0.0.1:${port}${where}?${asked}`;
      const answer = await fetch(url, { method: verb });
      expect(documented).toContain(answer.status);
      const type = answer.headers.get('content-type') ?? '';
      const told = /^(?:image\/gif$|application\/problem\+json)/.test(type);
      expect(answer.status < 400 || told).toBe(true);
      expect(await answer.text()).not.toMatch(/\bat .*:\d+:\d+|node_modules|\.ts\b/);
    }),
  );
});
