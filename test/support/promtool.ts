// Runs Prometheus' own checker. Where it is missing a test skips loudly, and fails in CI.
import { test } from '@jest/globals';
import { spawnSync } from 'node:child_process';

const missing = spawnSync('promtool', ['--version']).error !== undefined;
const skipped = missing && (process.env['CI'] ?? '') === '';
if (skipped) {
  process.stderr.write('SKIPPED: promtool is missing (Debian package prometheus)\n');
}

// oxlint-disable-next-line jest/no-disabled-tests -- only where nobody relies on it
export const testWithPromtool = skipped ? test.skip : test;

/** Throws with what it had to say unless it found nothing at all to remark. */
export function passPromtool(args: string[], input = ''): void {
  const done = spawnSync('promtool', args, { input, encoding: 'utf8' });
  if (done.status === 0) return;
  const said = done.error?.message ?? done.stdout + done.stderr;
  throw new Error(`promtool ${args.join(' ')}: ${said}`);
}
