// Is the simulation blind? Each planted bug, a patch on a copy of the product, is caught by a law
// of the system, from the seed on that caught it before. When a plan is drawn in another way
// `npm run planted -- --write` searches for new seeds.
import { afterAll, describe, expect, test } from '@jest/globals';
import { catchPlanted, knownSeeds, plantedNames } from './catch.ts';

const known = knownSeeds();
const secondsMax = 10;
const told: string[] = [];

afterAll(() => void process.stdout.write(`planted bugs caught: ${told.join(', ')}\n`));

test('every planted bug has been caught by some history', () => {
  expect(Object.keys(known).sort()).toEqual(plantedNames());
});

describe('a law of the system notices', () => {
  test.concurrent.each(plantedNames())(
    '%s',
    async (name) => {
      const from = { seed: known[name]?.seed ?? 1, seconds: secondsMax };
      const caught = await catchPlanted(name, from);
      expect(caught).toBeDefined();
      told.push(`${name} ${caught?.law}`);
    },
    120_000,
  );
});
