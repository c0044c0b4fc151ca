// Runs the simulation in a process of its own, since it takes Node's timers and clocks over.
import { execFileSync } from 'node:child_process';
import { expect, test } from '@jest/globals';

const seconds = 20;
const program = ['--import', 'tsx', 'test/simulation/simulate.ts'];

function simulate(...flags: readonly string[]): string {
  const run = [...program, ...flags];
  try {
    return execFileSync(process.execPath, run, { encoding: 'utf8', stdio: 'pipe' });
  } catch (thrown) {
    const { stdout } = thrown as { readonly stdout: string };
    throw new Error(stdout, { cause: thrown });
  }
}

test(`no law of the system is broken by what ${seconds} seconds of histories do`, () => {
  // Other seeds each day: what one run misses another may find, and its seed is told.
  const seed = Math.floor(Date.now() / 86_400_000) * 10_000;
  const told = simulate('--seed', String(seed), '--seconds', String(seconds));
  process.stdout.write(`simulation from seed ${seed}: ${told}`);
  expect(Number(/^(\d+) histories/m.exec(told)?.[1])).toBeGreaterThanOrEqual(10);
}, 120_000);

test('the same seed is the same history, event for event', () => {
  const once = simulate('--seed', '12', '--histories', '3', '--tells', 'hashes');
  expect(once).toMatch(/^12 [0-9a-f]{16} \d+ events/m);
  expect(simulate('--seed', '12', '--histories', '3', '--tells', 'hashes')).toBe(once);
}, 60_000);
