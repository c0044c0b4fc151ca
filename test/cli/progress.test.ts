import { describe, expect, test } from '@jest/globals';
import { counted, Progress } from '../../src/cli/progress.ts';
import { SteeredClock } from '../support/core-harness.ts';

/** What a progress writes: lines on a log, or what stands on a terminal, one after the other. */
function shown({ isTty, quiet = false }: { readonly isTty: boolean; readonly quiet?: boolean }) {
  const clock = new SteeredClock();
  const lines: string[] = [];
  const drawn: string[] = [];
  const terminal = {
    out: () => lines.push('on stdout'),
    err: (text: string) => lines.push(text),
    ...(isTty ? { redraw: (line: string) => drawn.push(line) } : {}),
  };
  return { clock, lines, drawn, progress: new Progress({ terminal, quiet, clock, unit: 'cells' }) };
}

describe('progress', () => {
  test('on a log is a plain line every ten seconds, with rate and time left', () => {
    const { clock, lines, progress } = shown({ isTty: false });
    for (let done = 0; done <= 25_000; done += 100) {
      progress.show('copied', done, 60_000);
      clock.pass(100);
    }
    progress.end();
    expect(lines).toEqual([
      'adcounter: copied 10,000 of 60,000 cells, 1,000/s, 50 s left\n',
      'adcounter: copied 20,000 of 60,000 cells, 1,000/s, 40 s left\n',
    ]);
  });

  test('on a terminal is one line that is drawn over, and that is empty in the end', () => {
    const { clock, lines, drawn, progress } = shown({ isTty: true });
    progress.show('looking at', 5, undefined);
    for (const done of [0, 50, 100]) {
      progress.show('copied', done, 200);
      clock.pass(100_000);
    }
    // Too soon after the last one.
    clock.pass(-100_000 + 10);
    progress.show('copied', 199, 200);
    progress.end();
    expect(lines).toEqual([]);
    expect(drawn.map((line) => line.trimEnd())).toEqual([
      'looking at 5 cells',
      '[..........]   0 % copied 0 of 200 cells',
      '[##........]  25 % copied 50 of 200 cells, 1/s, 5 min left',
      '[#####.....]  50 % copied 100 of 200 cells, 1/s, 4 min left',
      '',
      '',
    ]);
    // Each covers what the one before left standing.
    const widths = drawn.slice(0, -1).map((line) => line.length);
    expect(widths.at(-1)).toBe(drawn.at(-3)?.length);
  });

  test('is nothing where it is not wanted, and never on stdout', () => {
    for (const isTty of [true, false]) {
      const { clock, lines, drawn, progress } = shown({ isTty, quiet: true });
      progress.show('copied', 1, 2);
      clock.pass(60_000);
      progress.show('copied', 2, 2);
      progress.end();
      expect([...lines, ...drawn]).toEqual([]);
    }
  });

  test('counts in words', () => {
    const words = [counted(1_234_567), counted(1, 'row'), counted(0, 'row'), counted(2n, 'cell')];
    expect(words).toEqual(['1,234,567', '1 row', '0 rows', '2 cells']);
  });
});
