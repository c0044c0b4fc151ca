// Runs one plan: its steps, the audits between them, and the end in which all that was ever
// acknowledged must be in the store. The same plan runs the same way every time.
import { Chance } from './chance.ts';
import { take } from './deeds.ts';
import { end } from './ending.ts';
import { describeThrown, LawBroken } from './law.ts';
import type { Law } from './law.ts';
import type { Plan } from './plan.ts';
import { enter } from './take-over.ts';
import { World } from './world.ts';

export interface Outcome {
  readonly seed: number;
  /** Undefined: every law held. */
  readonly broken: { readonly law: Law; readonly what: string } | undefined;
  /** Equal runs have equal ones. */
  readonly hash: string;
  readonly events: number;
  readonly virtualMs: number;
  readonly requests: Readonly<Record<string, number>>;
  readonly hits: Readonly<Record<string, number>>;
  /** What happened last, for a person. */
  readonly lines: readonly string[];
}

const auditMs = 15_000;
const linesTold = 400;

export async function runHistory(plan: Plan): Promise<Outcome> {
  const world = new World(plan);
  const { time } = world;
  enter({ ...plan, time, chance: new Chance(plan.seed, 'product') });
  const onRejection = (thrown: unknown): void => {
    world.fail(new LawBroken('I8', `an unhandled rejection: ${describeThrown(thrown)}`));
  };
  process.on('unhandledRejection', onRejection);
  let isOver = false;
  const story = tell(world).then(() => (isOver = true));
  world.behind(story);
  try {
    await time.run(() => isOver || world.broken !== undefined);
  } catch (thrown) {
    world.fail(thrown);
  } finally {
    process.off('unhandledRejection', onRejection);
  }
  if (!isOver) world.fail(new LawBroken('I6', 'nothing happens any more, and it is not over'));
  return outcomeOf(world);
}

async function tell(world: World): Promise<void> {
  const { time, plan } = world;
  for (const step of plan.steps) time.after(step.atMs, undefined, () => take(world, step));
  auditNowAndThen(world);
  await time.sleep(plan.durationMs);
  await end(world);
}

function auditNowAndThen(world: World): void {
  world.time.after(auditMs, undefined, () => {
    auditNowAndThen(world);
    world.auditor.checkComplete();
    for (const living of world.living) {
      if (living === undefined || living.isFrozen || living.unaccounted === 0) continue;
      throw new LawBroken('I1', `${living.name}: unaccounted ${living.unaccounted}`);
    }
  });
}

function outcomeOf({ plan, broken, trace, time, auditor, hits }: World): Outcome {
  return {
    seed: plan.seed,
    broken: broken === undefined ? undefined : { law: broken.law, what: broken.message },
    hash: trace.hash,
    events: time.events,
    virtualMs: time.nowMs - plan.offsetMs,
    requests: auditor.ledger.counts,
    hits,
    lines: trace.lastLines(linesTold),
  };
}
