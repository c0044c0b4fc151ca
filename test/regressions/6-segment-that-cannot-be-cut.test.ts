// A segment that is full is cut in its turn. When that fails while another is still moved aside,
// it is trouble that is told, and no rejection that nobody handles: Node ends the process for one.
import { execFileSync } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { expect, test } from '@jest/globals';

const program = fileURLToPath(new URL('../journal/uncut-segment-program.ts', import.meta.url));

test('a cut that fails while another segment is moved aside is told, and ends no process', () => {
  const run = ['--import', 'tsx', program];
  const told = execFileSync(process.execPath, run, { encoding: 'utf8', stdio: 'pipe' });
  expect(told).toBe('JOURNAL_TROUBLE\n');
}, 30_000);
