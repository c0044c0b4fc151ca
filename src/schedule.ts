// Owns repeated work by the clock; the only home of node-cron.
// Promises that runs of one job never overlap, that a failed run does not end the schedule, and
// that a wall clock that leaps, also far back, does not hold it up.
// Never decides what is done, and never keeps the process alive after stop().
import { createTask, type Logger } from 'node-cron';
import { scheduleLeapMs, scheduleLookMs } from './limits.ts';
import { assert } from './model/assert.ts';
import type { Log } from './log.ts';

export interface Job {
  /** For the log: `flush`. */
  readonly name: string;
  /** Six fields, the first are seconds; UTC. */
  readonly cronExpression: string;
  readonly run: () => void | Promise<void>;
  /** It is time again, but the previous run goes on: this one is left out. */
  readonly onOverlap: () => void;
  readonly log: Log;
}

export interface Schedule {
  /** No run starts from here on; resolves when none is in flight. May be called again. */
  stop(): Promise<void>;
}

export function every(job: Job): Schedule {
  let running: Promise<void> = Promise.resolve();
  const run = async (): Promise<void> => {
    try {
      await job.run();
    } catch (err) {
      job.log.error('job.failed', `${job.name} failed; it runs again at its next time`, {
        job: job.name,
        err,
      });
    }
  };
  const task = createTask(
    job.cronExpression,
    () => {
      running = run();
      return running;
    },
    { name: job.name, noOverlap: true, timezone: 'UTC', logger: loggerOf(job) },
  );
  task.on('execution:overlap', () => job.onOverlap());
  void task.start();
  let stopped = false;
  // It waits for the moment that it had expected: by a clock set back, for as long as that was.
  const restart = async (): Promise<void> => {
    // Begun anew it knows of no run that goes on, nor of one that begins while we wait for that.
    let seen: unknown;
    do {
      seen = running;
      await seen;
    } while (seen !== running);
    if (stopped) return;
    await task.stop();
    await task.start();
  };
  const leaps = onLeap(() => void restart());

  return {
    stop: async () => {
      stopped = true;
      clearInterval(leaps);
      await task.destroy();
      await running;
    },
  };
}

/**
 * Every `seconds` from a second of its own: instances that were started together would
 * otherwise all reach the store at the same moment.
 */
export function flushCron(seconds: number, firstSecond: number): string {
  assert(Number.isInteger(seconds) && 60 % seconds === 0, 'flush seconds divide 60');
  assert(
    Number.isInteger(firstSecond) && firstSecond >= 0 && firstSecond < seconds,
    'the first second lies within one period',
  );
  const starts = Array.from({ length: 60 / seconds }, (_, index) => firstSecond + index * seconds);
  return `${starts.join(',')} * * * * *`;
}

/** Called when the wall clock has gone otherwise than time has. */
function onLeap(act: () => void): NodeJS.Timeout {
  let knownMs = wallBeyondTimeMs();
  const look = (): void => {
    const nowMs = wallBeyondTimeMs();
    if (Math.abs(nowMs - knownMs) < scheduleLeapMs) return;
    knownMs = nowMs;
    act();
  };
  return setInterval(look, scheduleLookMs).unref();
}

function wallBeyondTimeMs(): number {
  return Date.now() - performance.now();
}

/** node-cron says only what an operator should see: missed times and its own failures. */
function loggerOf(job: Job): Logger {
  const fields = { job: job.name };
  return {
    debug: () => undefined,
    info: () => undefined,
    warn: (message) => job.log.warn('job.late', message, fields),
    error: (message, err) => {
      const text = typeof message === 'string' ? message : message.message;
      job.log.error('job.failed', text, { ...fields, err: err ?? message });
    },
  };
}
