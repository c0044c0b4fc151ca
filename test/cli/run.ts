// Runs the command line inside the test, with what it wrote and its exit code as the answer.
import { runCli } from '../../src/cli/cli.ts';

export interface Ran {
  readonly code: number;
  readonly out: string;
  readonly err: string;
}

export async function run(...args: string[]): Promise<Ran> {
  const written = { out: '', err: '' };
  const code = await runCli(args, {
    out: (text) => {
      written.out += text;
    },
    err: (text) => {
      written.err += text;
    },
  });
  return { code, ...written };
}
