// The crew with fake children: who is started when, after whichever end. Nobody is forked here.
import { expect, test } from '@jest/globals';
import {
  workerCrashesMax,
  workerLookMs,
  workerRestartMsMax,
  workerSilenceLooksMax,
  workerSteadyMs,
} from '../../src/limits.ts';
import { CounterError } from '../../src/model/errors.ts';
import { Crew } from '../../src/workers/crew.ts';
import { RestartWaits, StartsOfHour } from '../../src/workers/restarts.ts';
import type { Child, Exit } from '../../src/workers/worker-process.ts';
import { until } from '../support/until.ts';

const waitMs = 5000;

class FakeChild {
  static count = 0;
  readonly id = ++FakeChild.count;
  readonly pid = 1000 + this.id;
  readonly got: string[] = [];
  ended = false;
  #message: (message: unknown) => void = () => undefined;
  #exit: (exit: Exit) => void = () => undefined;
  hangs = false;

  readonly child: Child = {
    id: this.id,
    pid: this.pid,
    send: (message) => {
      const { what, id } = message as { what?: string; id?: number };
      if (what === 'sign') {
        if (!this.hangs) queueMicrotask(() => this.#message({ adcounter: 'answer', id }));
        return;
      }
      if (what === undefined) return;
      this.got.push(what);
      if (what === 'stop') this.exit({ code: 0, signal: null });
    },
    kill: (signal) => this.exit({ code: null, signal }),
    onMessage: (listener) => {
      this.#message = listener;
    },
    onExit: (listener) => {
      this.#exit = listener;
    },
  };

  serve(): void {
    this.#message({ adcounter: 'ask', id: 1, what: 'started' });
  }

  exit(exit: Exit = { code: 1, signal: null }): void {
    if (this.ended) return;
    this.ended = true;
    this.#exit(exit);
  }
}

function crewOf(workers: number) {
  const children: FakeChild[] = [];
  const logged: string[] = [];
  const ends: boolean[] = [];
  const hangs: number[] = [];
  const clock = { nowMs: 0 };
  const log = (event: string): void => void logged.push(event);
  const crew = new Crew({
    workers,
    graceMs: 1000,
    launch: () => {
      const fake = new FakeChild();
      children.push(fake);
      return fake.child;
    },
    answers: () => ({}),
    onHang: () => void hangs.push(1),
    onEnd: (_worker, isCrash) => void ends.push(isCrash),
    monotonicMs: () => clock.nowMs,
    random: () => 0,
    log: { info: log, warn: log, error: log },
  });
  const living = (): FakeChild[] => children.filter(({ ended }) => !ended);
  return { crew, children, logged, ends, hangs, clock, living };
}

async function started(workers: number) {
  const world = crewOf(workers);
  const starting = world.crew.start();
  for (let i = 0; i < workers; i++) {
    await until(() => world.children.length > i, waitMs);
    world.children[i]?.serve();
  }
  await starting;
  return world;
}

test('the first worker starts alone: what it cannot do no other is tried for', async () => {
  const { crew, children } = crewOf(3);
  const starting = crew.start();
  expect(children).toHaveLength(1);
  children[0]?.exit();
  await expect(starting).rejects.toThrow(CounterError);
  await crew.stop();
});

test('one that ends is followed by another at once, and its end is told', async () => {
  const { crew, children, ends, living, logged } = await started(3);
  children[1]?.exit({ code: null, signal: 'SIGKILL' });
  await until(() => children.length === 4, waitMs);
  expect(living()).toHaveLength(3);
  expect(ends).toEqual([true]);
  expect(logged).toContain('worker.crashed');
  expect(await crew.stop()).toBe(true);
  expect(living()).toHaveLength(0);
  expect(children).toHaveLength(4);
});

test('one that ends again and again is an alarm, and waits longer each time', async () => {
  const { crew, children, logged, living } = await started(2);
  for (let crash = 1; crash <= workerCrashesMax; crash++) {
    const before = children.length;
    living().at(-1)?.exit();
    if (crash < workerCrashesMax) await until(() => children.length === before + 1, waitMs);
  }
  await until(() => crew.waiting === 1, waitMs);
  expect(crew.alarms).toEqual(['worker_crash_loop']);
  expect(logged).toContain('worker.crash_loop');
  await crew.stop();
  const total = children.length;
  await new Promise((resolve) => setTimeout(resolve, 1000));
  expect(children).toHaveLength(total);
});

test('a roll replaces one at a time: the new one serves before the old one is told', async () => {
  const { crew, children, living, logged } = await started(2);
  const [first, second] = children;
  const rolling = crew.roll();
  await until(() => children.length === 3, waitMs);
  expect(first?.got).toEqual([]);
  expect(living()).toHaveLength(3);
  children[2]?.serve();
  await until(() => children.length === 4, waitMs);
  expect(first?.ended).toBe(true);
  expect(second?.got).toEqual([]);
  children[3]?.serve();
  await rolling;
  expect(living().map(({ id }) => id)).toEqual([children[2]?.id, children[3]?.id]);
  expect(logged).toContain('workers.rolled');
  expect(logged).not.toContain('worker.crashed');
  await crew.stop();
});

test('a roll whose new worker cannot start leaves the old ones as they are', async () => {
  const { crew, children, living, logged } = await started(2);
  const rolling = crew.roll();
  await until(() => children.length === 3, waitMs);
  children[2]?.exit();
  await rolling;
  expect(logged).toContain('workers.roll_failed');
  expect(living().map(({ id }) => id)).toEqual([children[0]?.id, children[1]?.id]);
  await crew.stop();
});

test('an old worker that dies while its successor starts is not followed twice', async () => {
  const { crew, children, living } = await started(2);
  const rolling = crew.roll();
  await until(() => children.length === 3, waitMs);
  children[0]?.exit({ code: null, signal: 'SIGKILL' });
  children[2]?.serve();
  await until(() => children.length === 4, waitMs);
  children[3]?.serve();
  await rolling;
  expect(living()).toHaveLength(2);
  await crew.stop();
});

test('an old worker that dies while its successor fails is followed all the same', async () => {
  const { crew, children, living } = await started(2);
  const rolling = crew.roll();
  await until(() => children.length === 3, waitMs);
  children[0]?.exit({ code: null, signal: 'SIGKILL' });
  children[2]?.exit();
  await rolling;
  await until(() => living().length === 2, waitMs);
  expect(living().map(({ id }) => id)).toContain(children.at(-1)?.id);
  await crew.stop();
});

test('a stop in the midst of a start ends all, and starts none', async () => {
  const { crew, children, living } = crewOf(3);
  const starting = crew.start();
  expect(await crew.stop()).toBe(true);
  await starting;
  expect(children).toHaveLength(1);
  expect(living()).toHaveLength(0);
});

test('waits grow to their bound, and a steady life forgets them', () => {
  const waits = new RestartWaits(() => 1);
  const grown = Array.from({ length: 12 }, () => waits.waitMs(1000));
  expect(grown.slice(0, 4)).toEqual([0, 500, 1000, 2000]);
  expect(Math.max(...grown)).toBe(workerRestartMsMax);
  expect(waits.isLoop).toBe(true);
  expect(waits.waitMs(workerSteadyMs)).toBe(0);
  expect(waits.isLoop).toBe(false);
});

test('more than fifty starts an hour are a storm, until the hour is over', () => {
  const starts = new StartsOfHour();
  for (let i = 0; i < 50; i++) starts.add(i * 1000);
  expect(starts.isStorm(50_000)).toBe(false);
  starts.add(50_000);
  expect(starts.isStorm(51_000)).toBe(true);
  expect(starts.isStorm(3_600_000)).toBe(false);
});

type World = Awaited<ReturnType<typeof started>>;

async function look({ crew, clock }: World, afterMs = workerLookMs): Promise<void> {
  clock.nowMs += afterMs;
  crew.look();
  await new Promise(setImmediate);
}

test('one that answers nothing for a minute is ended and followed, the others are left', async () => {
  const world = await started(3);
  const { children, hangs, logged, ends, living } = world;
  for (let i = 0; i < 3; i++) await look(world);
  const hung = children[1];
  if (hung !== undefined) hung.hangs = true;
  for (let i = 0; i < workerSilenceLooksMax; i++) await look(world);
  expect(living()).toHaveLength(3);
  expect(hangs).toEqual([]);
  await look(world);
  expect(hung?.ended).toBe(true);
  await until(() => children.length === 4, waitMs);
  expect(hangs).toEqual([1]);
  expect(ends).toEqual([true]);
  expect(logged).toContain('worker.hung');
  for (let i = 0; i < 2 * workerSilenceLooksMax; i++) await look(world);
  expect(hangs).toEqual([1]);
  await world.crew.stop();
});

test('one that is late, but answers in between, is never ended', async () => {
  const world = await started(2);
  const [slow] = world.children;
  for (let i = 0; i < 4 * workerSilenceLooksMax; i++) {
    if (slow !== undefined) slow.hangs = i % workerSilenceLooksMax !== 0;
    await look(world);
  }
  expect(world.hangs).toEqual([]);
  await world.crew.stop();
});

test('time in which the primary stood still as well counts against nobody', async () => {
  const world = await started(3);
  for (const child of world.children) child.hangs = true;
  for (let i = 0; i < 4; i++) {
    for (let j = 0; j < workerSilenceLooksMax - 1; j++) await look(world);
    await look(world, 600_000);
  }
  // A machine too busy for either: every look is late.
  for (let i = 0; i < 3 * workerSilenceLooksMax; i++) await look(world, 11_000);
  expect(world.hangs).toEqual([]);
  expect(world.living()).toHaveLength(3);
  await world.crew.stop();
});

test('where all hang one is ended at a time, and the rest get another minute', async () => {
  const world = await started(3);
  for (const child of world.children) child.hangs = true;
  for (let i = 0; i <= workerSilenceLooksMax; i++) await look(world);
  expect(world.hangs).toHaveLength(1);
  for (let i = 0; i < workerSilenceLooksMax; i++) await look(world);
  expect(world.hangs).toHaveLength(1);
  await look(world);
  expect(world.hangs).toHaveLength(2);
  await world.crew.stop();
});
