// Random histories of processes on one store, held against the laws after every step. The seed of
// one that fails is told; HISTORIES_SEED and HISTORIES repeat it or try others. Without HISTORIES a
// machine that is busy with other suites runs fewer of them, and says how many.
import { afterAll, expect, test } from '@jest/globals';
import { removeFolders } from '../support/core-harness.ts';
import { History } from './history/history.ts';

afterAll(removeFolders, 60_000);

const firstSeed = Number(process.env['HISTORIES_SEED'] ?? 1);
const asked = process.env['HISTORIES'];
const count = Number(asked ?? 40);
const leastCount = 10;
const enoughMs = 60_000;
const stepCount = 40;

test(
  `histories from seed ${firstSeed} on: nothing is lost, nothing counts twice`,
  async () => {
    const startMs = performance.now();
    const isEnough = (ran: number): boolean =>
      ran >= count ||
      (asked === undefined && ran >= leastCount && performance.now() - startMs > enoughMs);
    let counted = 0;
    let seed = firstSeed;
    for (; !isEnough(seed - firstSeed); seed++) {
      const history = new History(seed);
      try {
        counted += await history.run(stepCount);
      } catch (cause) {
        const told = `history ${seed}: ${String(cause)}\n${history.steps.join('\n')}`;
        throw new Error(told, { cause });
      }
    }
    const ran = seed - firstSeed;
    process.stdout.write(`histories: ${ran}\n`);
    expect(counted).toBeGreaterThan(ran * 10);
  },
  120_000 + count * 3000,
);
