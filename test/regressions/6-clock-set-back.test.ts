// Found by chaos: node-cron waits for the moment that it had expected. A clock set back by twenty
// minutes stopped the flush for twenty minutes, also if it was set right again meanwhile.
import { afterEach, beforeEach, expect, jest, test } from '@jest/globals';
import { every, flushCron } from '../../src/schedule.ts';
import type { Schedule } from '../../src/schedule.ts';

const startMs = Date.UTC(2026, 0, 1, 12, 0, 0, 500);
const silent = { info: () => undefined, warn: () => undefined, error: () => undefined };
let schedule: Schedule | undefined;
let runs = 0;

beforeEach(() => {
  jest.useFakeTimers({ now: startMs });
  runs = 0;
});

afterEach(async () => {
  await schedule?.stop();
  jest.useRealTimers();
});

function start(run: () => void | Promise<void>): void {
  const cronExpression = flushCron(10, 3);
  schedule = every({ name: 'flush', cronExpression, run, onOverlap: () => undefined, log: silent });
}

test.each([-20, -2, 20])(
  'a wall clock that leaps by %i minutes holds up no round',
  async (minutes) => {
    start(() => void runs++);
    await jest.advanceTimersByTimeAsync(25_000);
    expect(runs).toBe(3);
    jest.setSystemTime(Date.now() + minutes * 60_000);
    await jest.advanceTimersByTimeAsync(60_000);
    expect(runs).toBeGreaterThanOrEqual(8);
    expect(runs).toBeLessThanOrEqual(10);
    jest.setSystemTime(Date.now() - minutes * 60_000);
    await jest.advanceTimersByTimeAsync(60_000);
    expect(runs).toBeGreaterThanOrEqual(13);
    expect(runs).toBeLessThanOrEqual(17);
  },
);

test('runs do not overlap over a leap, and none begins after a stop', async () => {
  let under = 0;
  let most = 0;
  start(async () => {
    runs++;
    most = Math.max(most, ++under);
    await new Promise((resolve) => setTimeout(resolve, 25_000));
    under--;
  });
  await jest.advanceTimersByTimeAsync(5_000);
  jest.setSystemTime(Date.now() - 600_000);
  await jest.advanceTimersByTimeAsync(100_000);
  expect(most).toBe(1);
  expect(runs).toBeGreaterThanOrEqual(3);
  jest.setSystemTime(Date.now() - 600_000);
  const stopped = schedule?.stop();
  await jest.advanceTimersByTimeAsync(60_000);
  await stopped;
  const then = runs;
  await jest.advanceTimersByTimeAsync(60_000);
  expect(runs).toBe(then);
});
