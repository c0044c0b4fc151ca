// Makes a plan that breaks a law as short as it can: steps are left out, many at once at first and
// one by one in the end, while the same law still breaks. What is left is why.
import type { Law } from './law.ts';
import type { Plan, Step } from './plan.ts';

export interface ShrinkOptions {
  /** The law that the plan breaks; undefined: none. */
  readonly run: (plan: Plan) => Promise<Law | undefined>;
  readonly law: Law;
  /** Whether there is no time for more. */
  readonly isOver: () => boolean;
}

/** Answers the least plan found; its number tries is bounded by the time that is given. */
export async function shrink(plan: Plan, options: ShrinkOptions): Promise<Plan> {
  let least = plan;
  const breaks = async (steps: readonly Step[]): Promise<boolean> => {
    const candidate = { ...least, steps };
    if ((await options.run(candidate)) !== options.law) return false;
    least = candidate;
    return true;
  };
  for (let size = Math.ceil(plan.steps.length / 2); size >= 1; size = Math.floor(size / 2)) {
    // From the end: what comes late seldom matters to what came before it.
    let from = least.steps.length - size;
    while (from > -size && !options.isOver()) {
      const rest = least.steps.filter((_, i) => i < from || i >= from + size);
      if (rest.length < least.steps.length) await breaks(rest);
      from -= size;
    }
  }
  return least;
}

/** A step as a person reads it. */
export function lineOf({ atMs, slot, kind, ...rest }: Step): string {
  const seconds = (atMs / 1000).toFixed(3).padStart(9);
  const more = Object.entries(rest).map(([name, value]) => `${name} ${JSON.stringify(value)}`);
  return `${seconds} s  slot ${slot}: ${[kind, ...more].join(', ')}`;
}
