import { afterEach, beforeEach, describe, expect, jest, test } from '@jest/globals';
import type { Log, LogFields } from '../src/log.ts';
import { every, flushCron, type Schedule } from '../src/schedule.ts';

const lines: { level: string; event: string; fields: LogFields | undefined }[] = [];
const log: Log = {
  info: (event, _msg, fields) => void lines.push({ level: 'info', event, fields }),
  warn: (event, _msg, fields) => void lines.push({ level: 'warn', event, fields }),
  error: (event, _msg, fields) => void lines.push({ level: 'error', event, fields }),
};
let schedule: Schedule | undefined;

beforeEach(() => {
  lines.length = 0;
  jest.useFakeTimers({ now: Date.UTC(2026, 0, 1, 0, 0, 0, 500) });
});

afterEach(async () => {
  await schedule?.stop();
  jest.useRealTimers();
});

function start(job: { run: () => void | Promise<void>; onOverlap?: () => void; cron?: string }) {
  schedule = every({
    name: 'flush',
    cronExpression: job.cron ?? flushCron(30, 7),
    run: job.run,
    onOverlap: job.onOverlap ?? (() => undefined),
    log,
  });
  return schedule;
}

describe('every', () => {
  test('runs at each second of the expression, and only then', async () => {
    const startedAt: string[] = [];
    start({ run: () => void startedAt.push(new Date().toISOString().slice(14, 19)) });
    await jest.advanceTimersByTimeAsync(120_000);
    expect(startedAt).toEqual(['00:07', '00:37', '01:07', '01:37']);
  });

  test('a run that takes too long is never joined by a second one, and each is told', async () => {
    let running = 0;
    let most = 0;
    let overlaps = 0;
    let finished = 0;
    start({
      cron: flushCron(10, 0),
      run: async () => {
        running += 1;
        most = Math.max(most, running);
        await new Promise((resolve) => setTimeout(resolve, 25_000));
        running -= 1;
        finished += 1;
      },
      onOverlap: () => {
        overlaps += 1;
      },
    });
    await jest.advanceTimersByTimeAsync(70_000);
    expect(most).toBe(1);
    expect(finished).toBe(2);
    expect(overlaps).toBe(4);
    const late = lines.filter(({ level, event }) => level === 'warn' && event === 'job.late');
    expect(late).toHaveLength(4);
    const stopped = schedule?.stop();
    await jest.advanceTimersByTimeAsync(25_000);
    await stopped;
  });

  test('a failed run is logged with its job, and the next one comes', async () => {
    let runs = 0;
    start({
      run: async () => {
        runs += 1;
        await Promise.resolve();
        if (runs === 1) throw new Error('the disk');
      },
    });
    await jest.advanceTimersByTimeAsync(60_000);
    expect(runs).toBe(2);
    expect(lines).toEqual([
      { level: 'error', event: 'job.failed', fields: { job: 'flush', err: new Error('the disk') } },
    ]);
  });

  test('stop waits for the run in flight, and starts none after it', async () => {
    let runs = 0;
    let finished = 0;
    const stopping = start({
      run: async () => {
        runs += 1;
        await new Promise((resolve) => setTimeout(resolve, 5_000));
        finished += 1;
      },
    });
    await jest.advanceTimersByTimeAsync(8_000);
    expect([runs, finished]).toEqual([1, 0]);
    const stopped = stopping.stop();
    await jest.advanceTimersByTimeAsync(5_000);
    await stopped;
    expect(finished).toBe(1);
    await stopping.stop();
    await jest.advanceTimersByTimeAsync(120_000);
    expect(runs).toBe(1);
    expect(jest.getTimerCount()).toBe(0);
  });
});

describe('flushCron', () => {
  test('names every second of the minute that is due', () => {
    expect(flushCron(30, 0)).toBe('0,30 * * * * *');
    expect(flushCron(30, 29)).toBe('29,59 * * * * *');
    expect(flushCron(60, 41)).toBe('41 * * * * *');
    expect(flushCron(15, 3)).toBe('3,18,33,48 * * * * *');
    expect(flushCron(1, 0).split(' ')[0]?.split(',')).toHaveLength(60);
  });

  test('refuses what is no divisor of a minute, or a start outside the period', () => {
    expect(() => flushCron(45, 0)).toThrow('divide 60');
    expect(() => flushCron(30, 30)).toThrow('one period');
    expect(() => flushCron(30, -1)).toThrow('one period');
  });

  test('every divisor of 60 with every start gives an even rhythm', async () => {
    for (const seconds of [1, 2, 3, 4, 5, 6, 10, 12, 15, 20, 30, 60]) {
      let runs = 0;
      start({ cron: flushCron(seconds, seconds - 1), run: () => void (runs += 1) });
      await jest.advanceTimersByTimeAsync(60_000);
      expect({ seconds, runs }).toEqual({ seconds, runs: 60 / seconds });
      await schedule?.stop();
    }
  });
});
