// `adcounter healthcheck`: whether a service is alive, for a container's HEALTHCHECK.
import { cliHealthTimeoutMs } from '../limits.ts';
import { ask } from './ask.ts';
import { exitCodes, type Command, type ExitCode, type Invocation } from './command.ts';

export const healthcheckCommand: Command = {
  usage: 'healthcheck',
  summary: 'Exit code 0 if the service is alive',
  examples: [
    ['healthcheck --quiet', 'alive: a store that is down is no reason for a restart'],
    ['healthcheck --ready', 'whether it should be sent requests'],
  ],
  settings: ['URL'],
  opensStore: () => false,
  options: (yargs) =>
    yargs.option('ready', { type: 'boolean', description: 'Ask /readyz instead of /livez' }),
  run: healthcheck,
};

async function healthcheck(invocation: Invocation): Promise<ExitCode> {
  const { argv, json, quiet, terminal } = invocation;
  const answer = await ask(invocation, {
    method: 'GET',
    path: argv['ready'] === true ? '/readyz' : '/livez',
    keys: [],
    timeoutMs: cliHealthTimeoutMs,
  });
  if (typeof answer === 'number') return answer;

  if (json) terminal.out(`${JSON.stringify(answer.body)}\n`);
  else if (!quiet) terminal.out('fine\n');
  return exitCodes.fine;
}
