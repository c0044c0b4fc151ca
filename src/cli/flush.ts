// `adcounter flush`: makes a running service put everything that it counted, now.
import { cliFlushTimeoutMs } from '../limits.ts';
import { ask, textOf } from './ask.ts';
import { exitCodes, type Command, type ExitCode, type Invocation } from './command.ts';

export const flushCommand: Command = {
  usage: 'flush',
  summary: 'Flush a running service to its store, now',
  examples: [
    ['flush', 'exit code 0 once everything is confirmed'],
    ['flush --url http://10.0.0.7:8080 --admin-keys-file keys', 'one elsewhere, with a key'],
  ],
  settings: ['URL', 'ADMIN_KEYS', 'ADMIN_KEYS_FILE'],
  opensStore: () => false,
  run: flush,
};

async function flush(invocation: Invocation): Promise<ExitCode> {
  const { config, json, quiet, terminal } = invocation;
  const answer = await ask(invocation, {
    method: 'POST',
    path: '/v1/flush',
    keys: config.adminKeys,
    timeoutMs: cliFlushTimeoutMs,
  });
  if (typeof answer === 'number') return answer;

  const { outcome, cells, ms, completeThrough } = answer.body;
  if (json) {
    terminal.out(`${JSON.stringify(answer.body)}\n`);
  } else if (!quiet) {
    const done = `${textOf(outcome)}: ${textOf(cells)} cells in ${textOf(ms)} ms`;
    const through = completeThrough === null ? '' : `, complete through ${textOf(completeThrough)}`;
    terminal.out(`${done}${through}\n`);
  }
  return outcome === 'success' ? exitCodes.fine : exitCodes.not;
}
