// Chance that a seed repeats. Each part of the world draws from a stream of its own, so that a
// step left out of a plan changes as little as possible of what the others meet.
import { seededRandom } from '../crash/random.ts';

export class Chance {
  readonly #next: () => number;

  /** The name tells streams of one seed apart. */
  constructor(seed: number, name: string) {
    let mixed = seed >>> 0;
    for (let i = 0; i < name.length; i++) mixed = Math.imul(mixed ^ name.charCodeAt(i), 0x01000193);
    this.#next = seededRandom(mixed);
    this.#next();
  }

  /** 0 to 1. */
  share(): number {
    return this.#next();
  }

  is(p: number): boolean {
    return this.#next() < p;
  }

  below(end: number): number {
    return Math.floor(this.#next() * end);
  }

  between(from: number, to: number): number {
    return from + this.#next() * (to - from);
  }

  /** Mostly small, now and then ten times as much. */
  around(mean: number): number {
    return -Math.log(1 - this.#next()) * mean;
  }

  one<const T>(from: readonly [T, ...T[]]): T {
    return from[this.below(from.length)] ?? from[0];
  }

  bytes(count: number): Buffer {
    return Buffer.from(Array.from({ length: count }, () => this.below(256)));
  }
}
