#!/usr/bin/env node
// The adcounter command. Reads the command line, ends with its exit code; all else is in cli/.
import { createInterface } from 'node:readline/promises';
import { runCli } from './cli/cli.ts';

/** On stderr, so that a result can be piped; no answer where the terminal is closed. */
async function ask(question: string): Promise<string> {
  const lines = createInterface({ input: process.stdin, output: process.stderr });
  const closed = new Promise<string>((resolve) => {
    lines.once('close', () => resolve(''));
  });
  const answer = await Promise.race([lines.question(question), closed]);
  lines.close();
  return answer.trim();
}

/** Cut to the width of the terminal: a line that wraps could not be written over. */
function redraw(line: string): void {
  process.stderr.write(`\r${line.slice(0, process.stderr.columns - 1)}`);
}

const code = await runCli(process.argv.slice(2), {
  out: (text) => void process.stdout.write(text),
  err: (text) => void process.stderr.write(text),
  ...(process.stdin.isTTY ? { ask } : {}),
  ...(process.stderr.isTTY ? { redraw } : {}),
});
// A kept-alive connection must not hold a command that is done.
process.stdout.write('', () => process.exit(code));
