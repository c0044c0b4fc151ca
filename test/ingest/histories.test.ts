// Random histories of processes on one store, held against the laws after every step. The seed of
// one that fails is told; HISTORIES_SEED and HISTORIES repeat it or try others.
import { afterAll, expect, test } from '@jest/globals';
import { removeFolders } from '../support/core-harness.ts';
import { History } from './history/history.ts';

afterAll(removeFolders, 60_000);

const firstSeed = Number(process.env['HISTORIES_SEED'] ?? 1);
const count = Number(process.env['HISTORIES'] ?? 40);
const stepCount = 40;

test(
  `histories ${firstSeed} to ${firstSeed + count - 1}: nothing is lost, nothing counts twice`,
  async () => {
    let counted = 0;
    for (let seed = firstSeed; seed < firstSeed + count; seed++) {
      const history = new History(seed);
      try {
        counted += await history.run(stepCount);
      } catch (cause) {
        const told = `history ${seed}: ${String(cause)}\n${history.steps.join('\n')}`;
        throw new Error(told, { cause });
      }
    }
    expect(counted).toBeGreaterThan(count * 10);
  },
  1000 + count * 3000,
);
