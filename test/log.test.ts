import { describe, expect, test } from '@jest/globals';
import { CounterError } from '../src/model/errors.ts';
import { createLog, type Log, type LogFields } from '../src/log.ts';
import type { LogLevel } from '../src/config.ts';

function logged(use: (log: Log) => void, level: LogLevel = 'info'): string[] {
  const lines: string[] = [];
  use(createLog(level, { write: (line: string) => void lines.push(line) }));
  return lines;
}

function logAtEachLevel(log: Log): void {
  log.info('a', 'a');
  log.warn('b', 'b');
  log.error('c', 'c');
}

function fieldsOf(fields: LogFields): Record<string, unknown> {
  const [line = ''] = logged((log) => log.info('test', 'test', fields));
  return JSON.parse(line) as Record<string, unknown>;
}

describe('a line', () => {
  test('has a time, a level as a word, a stable event and a text', () => {
    const [line = ''] = logged((log) =>
      log.warn('flush.late', 'flushed late', { duration_ms: 12 }),
    );
    const parsed = JSON.parse(line) as Record<string, unknown>;
    expect(parsed).toEqual({
      level: 'warn',
      time: expect.stringMatching(/^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z$/),
      event: 'flush.late',
      duration_ms: 12,
      msg: 'flushed late',
    });
  });

  test('is written from its level upwards', () => {
    expect(logged(logAtEachLevel, 'info')).toHaveLength(3);
    expect(logged(logAtEachLevel, 'warn')).toHaveLength(2);
    expect(logged(logAtEachLevel, 'error')).toHaveLength(1);
    expect(logged(logAtEachLevel, 'silent')).toHaveLength(0);
  });
});

describe('what comes from outside', () => {
  const hostile = 'x\r\n{"level":"error"}\u001b[2J\u009b31m\u2028\u007f';

  test('cannot begin a line of its own nor drive a terminal, wherever it stands', () => {
    const lines = logged((log) => {
      log.info('test', hostile, { ad: hostile, list: [hostile], deep: { [hostile]: hostile } });
      log.error('test', 'failed', { err: new CounterError('X', 'retry', { detail: hostile }) });
    });
    expect(lines).toHaveLength(2);
    for (const line of lines) {
      // oxlint-disable-next-line no-control-regex -- they are what must not be there
      expect(line.trimEnd()).not.toMatch(/[\u0000-\u001f\u007f-\u009f\u2028\u2029]/);
      const parsed = JSON.parse(line) as { msg: string };
      // Also once a reader has undone the JSON: a terminal shows that form.
      // oxlint-disable-next-line no-control-regex -- they are what must not be there
      expect(parsed.msg).not.toMatch(/[\u0000-\u001f\u007f-\u009f]/);
    }
  });

  test('is cut when it is long, and when it is deep', () => {
    expect(fieldsOf({ ad: 'a'.repeat(10_000) })['ad']).toHaveLength(2_001);
    const circle: Record<string, unknown> = {};
    circle['circle'] = circle;
    expect(JSON.stringify(fieldsOf({ circle }))).toContain('…');
  });

  test('is hidden where a field is named like a secret', () => {
    const fields = fieldsOf({ authorization: 'Bearer abc', nested: { token: 'abc', ad: 'a' } });
    expect(fields['authorization']).toBe('[removed]');
    expect(fields['nested']).toEqual({ token: '[removed]', ad: 'a' });
  });

  test('may be a bigint or nothing at all', () => {
    expect(fieldsOf({ position: 2n ** 60n, none: null })).toMatchObject({
      position: '1152921504606846976',
      none: null,
    });
  });
});

describe('an error', () => {
  test('is its type, stable code, message and cause, without a stack', () => {
    const cause = new Error('ECONNRESET');
    const err = new CounterError('STORE_GONE', 'retry', { cause, detail: 'the link broke' });
    expect(fieldsOf({ err })['err']).toEqual({
      type: 'CounterError',
      code: 'STORE_GONE',
      message: 'STORE_GONE: the link broke',
      cause: 'ECONNRESET',
    });
  });

  test('may be anything that was thrown', () => {
    expect(fieldsOf({ err: 'just text' })['err']).toEqual({ type: 'Error', message: 'just text' });
    expect(fieldsOf({ reason: new TypeError('no') })['reason']).toEqual({
      type: 'TypeError',
      message: 'no',
    });
  });
});
