#!/usr/bin/env node
// The adcounter command. Reads the command line, ends with its exit code; all else is in cli/.
import { runCli } from './cli/cli.ts';

const code = await runCli(process.argv.slice(2), {
  out: (text) => void process.stdout.write(text),
  err: (text) => void process.stderr.write(text),
});
// A kept-alive connection must not hold a command that is done.
process.stdout.write('', () => process.exit(code));
