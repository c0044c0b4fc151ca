// The chance of one history: what its seed repeats.
import { seededRandom } from '../../crash/random.ts';

export class Dice<Step extends string> {
  readonly next: () => number;
  readonly #taste: readonly { readonly step: Step; readonly weight: number }[];

  /** How often each step is taken, relative to the others; each history has a taste of its own. */
  constructor(seed: number, usually: Readonly<Record<Step, number>>) {
    this.next = seededRandom(seed);
    const steps = Object.keys(usually) as Step[];
    this.#taste = steps.map((step) => {
      return { step, weight: usually[step] * (this.one([0, 1, 1, 3]) ?? 1) };
    });
  }

  draw(): Step {
    let left = this.next() * this.#taste.reduce((sum, { weight }) => sum + weight, 0);
    const drawn = this.#taste.find(({ weight }) => (left -= weight) < 0) ?? this.#taste[0];
    if (drawn === undefined) throw new Error('there are no steps');
    return drawn.step;
  }

  chance(p: number): boolean {
    return this.next() < p;
  }

  below(end: number): number {
    return Math.floor(this.next() * end);
  }

  one<T>(from: readonly T[]): T | undefined {
    return from[this.below(from.length)];
  }
}
