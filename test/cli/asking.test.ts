import { afterEach, beforeEach, describe, expect, test } from '@jest/globals';
import { run } from './run.ts';
import { startStub, type StubService } from './stub-service.ts';

let stub: StubService;

beforeEach(async () => {
  stub = await startStub();
});

afterEach(async () => {
  await stub.close();
});

function ask(...args: string[]) {
  return run(...args, '--url', stub.url);
}

const total = {
  ad: 'spring sale/é',
  from: '2026-05-01T00:00:00.000Z',
  to: '2026-06-01T00:00:00.000Z',
  impressions: { counted: 1_234_567, filtered: {}, gross: 1_234_567 },
  clicks: { counted: 89, filtered: {}, gross: 89 },
  unflushed: { impressions: 5, clicks: 1 },
  completeThrough: '2026-05-07T10:00:00.000Z',
  known: true,
};

describe('total', () => {
  beforeEach(() => {
    stub.answer = { status: 200, body: total };
  });

  test('is told with what is unflushed beside it', async () => {
    expect(await ask('total', 'spring sale/é')).toEqual({
      code: 0,
      err: '',
      out: [
        'spring sale/é',
        '  impressions  1234567',
        '  clicks       89',
        '  unflushed    6 more, not yet in the store',
        '  range        2026-05-01T00:00:00.000Z to 2026-06-01T00:00:00.000Z',
        '  complete     through 2026-05-07T10:00:00.000Z',
        '',
      ].join('\n'),
    });
    expect(stub.asked).toEqual([
      { method: 'GET', path: '/v1/ads/spring%20sale%2F%C3%A9', authorization: undefined },
    ]);
  });

  test('of an ad that nobody knows says so', async () => {
    stub.answer.body = { ...total, known: false, completeThrough: null, unflushed: {} };
    const { out } = await ask('total', 'x');
    expect(out).toContain('x (nothing of it is stored)\n');
    expect(out).toContain('complete     nobody wrote yet\n');
    expect(out).not.toContain('unflushed');
  });

  test('--quiet is the number alone, --json the whole answer', async () => {
    expect((await ask('total', 'x', '--quiet')).out).toBe('1234567\n');
    expect(JSON.parse((await ask('total', 'x', '--json')).out)).toEqual(total);
  });

  test('passes the range, fresh and the first read key on; the key is never shown', async () => {
    const range = ['--from', '2026-05-01T00:00+02:00', '--to', '2026-06-01', '--fresh'];
    const { out, err } = await ask('total', 'x', ...range, '--read-keys', 'me:s3cr:et,other');
    expect(stub.asked).toEqual([
      {
        method: 'GET',
        path: '/v1/ads/x?from=2026-05-01T00%3A00%2B02%3A00&to=2026-06-01&fresh=true',
        authorization: 'Bearer s3cr:et',
      },
    ]);
    expect(out + err).not.toContain('s3cr');
  });
});

describe('flush', () => {
  test('ends with 0 once everything is confirmed', async () => {
    const body = { outcome: 'success', cells: 400, ms: 31, completeThrough: '2026-05-07T10:00Z' };
    stub.answer = { status: 200, body };
    expect(await ask('flush', '--admin-keys', 'k')).toEqual({
      code: 0,
      out: 'success: 400 cells in 31 ms, complete through 2026-05-07T10:00Z\n',
      err: '',
    });
    expect(stub.asked).toEqual([{ method: 'POST', path: '/v1/flush', authorization: 'Bearer k' }]);
    expect((await ask('flush', '--quiet')).out).toBe('');
    expect(JSON.parse((await ask('flush', '--json')).out)).toEqual(body);
  });

  test.each(['partial', 'error', 'skipped'])('%s ends with 1', async (outcome) => {
    stub.answer = { status: 200, body: { outcome, cells: 1, ms: 2, completeThrough: null } };
    expect(await ask('flush')).toEqual({
      code: 1,
      out: `${outcome}: 1 cells in 2 ms\n`,
      err: '',
    });
  });
});

describe('healthcheck', () => {
  test('asks whether the process is alive, or with --ready whether it is ready', async () => {
    stub.answer = { status: 200, body: { status: 'ok' } };
    expect(await ask('healthcheck')).toEqual({ code: 0, out: 'fine\n', err: '' });
    expect(await ask('healthcheck', '--ready', '--quiet')).toEqual({ code: 0, out: '', err: '' });
    expect(stub.asked.map(({ path }) => path)).toEqual(['/livez', '/readyz']);
  });

  test('ends with 1 when it is not', async () => {
    stub.answer = { status: 503, body: { title: 'Draining', status: 503 } };
    expect(await ask('healthcheck', '--ready')).toEqual({
      code: 1,
      out: '',
      err: 'adcounter: Draining (status 503)\n',
    });
  });
});

describe('what can go wrong', () => {
  test('a problem document is told in one line; wrong use is 2, all else 1', async () => {
    stub.answer = { status: 400, body: { title: 'Range invalid', detail: 'from is after to' } };
    expect(await ask('total', 'x')).toEqual({
      code: 2,
      out: '',
      err: 'adcounter: Range invalid: from is after to (status 400)\n',
    });
    stub.answer = { status: 401, body: { title: 'A key is needed' } };
    expect((await ask('total', 'x')).code).toBe(1);
    stub.answer = { status: 502, body: '<html>' };
    expect((await ask('total', 'x')).err).toBe('adcounter: refused (status 502)\n');
  });

  test('nobody listens, or somebody else does', async () => {
    stub.answer = { status: 200, body: 'hello' };
    expect((await ask('total', 'x')).err).toContain('that is no adcounter');
    await stub.close();
    const { code, err } = await ask('total', 'x');
    expect(code).toBe(1);
    expect(err).toBe(
      `adcounter: no answer from ${stub.url}: ECONNREFUSED; --url or ADCOUNTER_URL says where to ask\n`,
    );
    stub = await startStub();
  });
});
