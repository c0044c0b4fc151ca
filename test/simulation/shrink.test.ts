// A plan that breaks a law is made as short as it can.
import { expect, test } from '@jest/globals';
import type { Law } from './law.ts';
import { drawPlan } from './plan.ts';
import type { Plan } from './plan.ts';
import { lineOf, shrink } from './shrink.ts';

/** Breaks where a kill follows a request to the same process. */
function lawOf({ steps }: Plan): Promise<Law | undefined> {
  const request = steps.findIndex(({ kind }) => kind === 'request');
  const isKilled = steps.some(
    ({ kind, slot }, i) => kind === 'kill' && i > request && slot === steps[request]?.slot,
  );
  return Promise.resolve(request >= 0 && isKilled ? 'I1' : undefined);
}

async function firstThatBreaks(): Promise<Plan> {
  for (let seed = 1; ; seed++) {
    const plan = drawPlan(seed);
    if ((await lawOf(plan)) !== undefined && plan.steps.length > 50) return plan;
  }
}

test('what is left of a plan is what breaks the law', async () => {
  const plan = await firstThatBreaks();
  const least = await shrink(plan, { run: lawOf, law: 'I1', isOver: () => false });
  expect(least.steps.map(({ kind }) => kind)).toEqual(['request', 'kill']);
  expect(least).toMatchObject({ seed: plan.seed, machineOf: plan.machineOf });
  expect(least.steps.map(lineOf).join('\n')).toMatch(/ s {2}slot \d: request, .*\n.* kill$/);
});

test('another law is another bug: it is not what is left', async () => {
  const plan = await firstThatBreaks();
  const run = async (candidate: Plan): Promise<Law | undefined> =>
    candidate.steps.length === plan.steps.length ? 'I1' : 'I6';
  const least = await shrink(plan, { run, law: 'I1', isOver: () => false });
  expect(least).toEqual(plan);
});

test('where there is no more time the plan stays as it is', async () => {
  const plan = await firstThatBreaks();
  expect(await shrink(plan, { run: lawOf, law: 'I1', isOver: () => true })).toEqual(plan);
});

test('a seed draws the same plan, another one another', () => {
  expect(drawPlan(7)).toEqual(drawPlan(7));
  expect(drawPlan(8).steps).not.toEqual(drawPlan(7).steps);
});
