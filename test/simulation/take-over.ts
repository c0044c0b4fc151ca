// Puts a simulation's time and chance in the place of Node's, in this process and for good:
// timers, immediates, clocks and random numbers of the product are then the world's. What the
// product asks the operating system for beyond that are ports (disk, machine, store).
import crypto from 'node:crypto';
import { syncBuiltinESMExports } from 'node:module';
import timersPromises from 'node:timers/promises';
import { Slice } from '../../src/model/slice.ts';
import type { Chance } from './chance.ts';
import type { Owner, Timer, VirtualTime } from './virtual-time.ts';

export interface Environment {
  readonly time: VirtualTime;
  /** Of the product's own draws: ids, nonces. */
  readonly chance: Chance;
  /** A busy event loop: what is to be done each second is done so much less often. */
  readonly intervalStretch: number;
}

/** Wall clock of who has none: the world's. */
export const epochMs = Date.UTC(2027, 0, 15, 8, 0, 0);
const sliceOverShare = 0.2;

let world: Environment | undefined;

/** From here on it is this world's turn. */
export function enter(next: Environment): void {
  world ??= takeOver(next);
  world = next;
}

function now(): Environment {
  if (world === undefined) throw new Error('no world was entered');
  return world;
}

/** What a timer of Node answers: it can be cancelled, and keeps nobody alive. */
class Handle {
  timer: Timer | undefined;
  unref(): this {
    return this;
  }
  ref(): this {
    return this;
  }
}

function after(ms: number, run: () => void): Timer {
  const { time } = now();
  return time.after(ms, time.owner, run);
}

function clear(handle: Handle | undefined): void {
  if (handle?.timer !== undefined) now().time.cancel(handle.timer);
}

function once(run: () => void, ms = 0): Handle {
  const handle = new Handle();
  handle.timer = after(Math.max(1, ms), run);
  return handle;
}

function repeatedly(run: () => void, ms = 0): Handle {
  const handle = new Handle();
  const again = (): void => {
    handle.timer = after(ms * now().intervalStretch, () => {
      again();
      run();
    });
  };
  again();
  return handle;
}

function immediate(run: () => void): Handle {
  const handle = new Handle();
  handle.timer = after(0, run);
  return handle;
}

function takeOver(first: Environment): Environment {
  Object.assign(globalThis, {
    setTimeout: once,
    setInterval: repeatedly,
    setImmediate: immediate,
    clearTimeout: clear,
    clearInterval: clear,
    clearImmediate: clear,
  });
  Object.assign(timersPromises, {
    setTimeout: (ms: number, value: unknown) =>
      new Promise((resolve) => void after(Math.max(1, ms), () => resolve(value))),
    setImmediate: (value: unknown) => new Promise((resolve) => void after(0, () => resolve(value))),
  });
  performance.now = () => now().time.owner?.monotonicMs() ?? now().time.nowMs;
  Date.now = () => now().time.owner?.wallMs() ?? Math.floor(epochMs + now().time.nowMs);
  Math.random = () => now().chance.share();
  Object.assign(crypto, { randomBytes: (bytes: number) => now().chance.bytes(bytes) });
  syncBuiltinESMExports();
  // A note's length must not depend on who runs the simulation.
  Object.defineProperty(process, 'pid', { value: 4242 });
  ownSlices();
  return first;
}

/** The line of long work is one process': here each simulated one has a line of its own. */
function ownSlices(): void {
  Slice.prototype.next = () =>
    new Promise<void>((resolve) => {
      const { time } = now();
      time.after(0, time.owner, resolve);
    });
  Object.defineProperty(Slice.prototype, 'isOver', {
    get: () => now().chance.is(sliceOverShare),
  });
}

/** Runs it in an event of the owner, and answers in one of the world. Never, if the owner dies. */
export function inside<T>(time: VirtualTime, owner: Owner, work: () => Promise<T>): Promise<T> {
  return new Promise((resolve, reject) => {
    time.after(0, owner, () => {
      work().then(
        (answer) => void time.after(0, undefined, () => resolve(answer)),
        (thrown: unknown) => void time.after(0, undefined, () => reject(thrown)),
      );
    });
  });
}
