import { expect, test } from '@jest/globals';
import { AcceptClock } from '../../src/ingest/accept-clock.ts';

const hourMs = 3_600_000;

class SteeredClock {
  wall = 1_800_000_000_000;
  monotonic = 1000;
  readonly wallMs = (): number => this.wall;
  readonly monotonicMs = (): number => this.monotonic;

  pass(ms: number): void {
    this.wall += ms;
    this.monotonic += ms;
  }
}

test('never goes back, whatever the wall clock does', () => {
  const steered = new SteeredClock();
  const clock = new AcceptClock(steered);
  const before = clock.nowMs();
  steered.wall -= 60_000;
  expect(clock.nowMs()).toBe(before);
  steered.pass(60_001);
  expect(clock.nowMs()).toBe(before + 1);
});

test('follows a wall clock that is set by less than five minutes', () => {
  const steered = new SteeredClock();
  const clock = new AcceptClock(steered);
  steered.wall += 240_000;
  expect(clock.nowMs()).toBe(steered.wall);
  expect(clock.degraded).toBe(false);
});

test.each([hourMs, -hourMs, 24 * hourMs])('does not follow a leap of %i ms', (leapMs) => {
  const steered = new SteeredClock();
  const clock = new AcceptClock(steered);
  const before = clock.nowMs();
  steered.wall += leapMs;
  steered.pass(1000);
  expect(clock.nowMs()).toBe(before + 1000);
  expect(clock.degraded).toBe(true);
});

test('is well again when the wall clock returns', () => {
  const steered = new SteeredClock();
  const clock = new AcceptClock(steered);
  steered.wall += hourMs;
  clock.nowMs();
  steered.wall -= hourMs;
  clock.nowMs();
  expect(clock.degraded).toBe(false);
  expect(clock.canBeReplaced(false)).toBe(false);
});

test('stays above the floor of the registration until the wall clock has passed it', () => {
  const steered = new SteeredClock();
  const clock = new AcceptClock(steered);
  const floor = clock.nowMs() + 5000;
  clock.liftTo(floor);
  expect(clock.nowMs()).toBe(floor);
  steered.pass(6000);
  expect(clock.nowMs()).toBe(floor + 1000);
});

test('after a leap that the store confirms, it can be replaced', () => {
  const steered = new SteeredClock();
  const clock = new AcceptClock(steered);
  clock.observeStore(steered.wall);
  steered.wall += hourMs;
  clock.nowMs();
  expect(clock.canBeReplaced(true)).toBe(false);
  clock.observeStore(steered.wall - hourMs);
  expect(clock.canBeReplaced(true)).toBe(false);
  clock.observeStore(steered.wall + 100);
  expect(clock.canBeReplaced(true)).toBe(true);
});

test('without a second opinion a leapt wall clock is believed after five steady minutes', () => {
  const steered = new SteeredClock();
  const clock = new AcceptClock(steered);
  steered.wall += hourMs;
  clock.nowMs();
  steered.pass(299_000);
  expect(clock.canBeReplaced(false)).toBe(false);
  steered.wall += hourMs;
  clock.nowMs();
  steered.pass(299_000);
  expect(clock.canBeReplaced(false)).toBe(false);
  steered.pass(2000);
  expect(clock.canBeReplaced(false)).toBe(true);
});

test('a wall clock far from the store is named', () => {
  const steered = new SteeredClock();
  const clock = new AcceptClock(steered);
  expect(clock.observeStore(steered.wall - hourMs)).toBe(hourMs);
  expect(clock.degraded).toBe(true);
  clock.observeStore(steered.wall);
  expect(clock.degraded).toBe(false);
});

test('a wall clock that drifts away from the store is followed for five minutes, not beyond', () => {
  const steered = new SteeredClock();
  const clock = new AcceptClock(steered);
  let storeMs = steered.wall;
  const drift = (byMs: number): void => {
    steered.wall += byMs;
    steered.pass(60_000);
    storeMs += 60_000;
    clock.observeStore(storeMs);
  };
  drift(240_000);
  expect(clock.nowMs()).toBe(steered.wall);
  drift(120_000);
  const before = clock.nowMs();
  expect(clock.degraded).toBe(true);
  drift(120_000);
  expect(clock.nowMs()).toBe(before + 60_000);
  // It is set right: it is followed again, and until then nothing goes back.
  drift(-480_000);
  expect(clock.nowMs()).toBe(before + 60_000);
  expect(clock.degraded).toBe(false);
  steered.pass(300_000);
  expect(clock.nowMs()).toBe(steered.wall);
});
