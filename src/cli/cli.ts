// Owns the command line: which commands there are and how a wrong use is told.
// Exit codes: 0 fine, 1 not, 2 wrong use. Never writes colours, so NO_COLOR has nothing to forbid.
import yargs, { type Argv } from 'yargs';
import { version } from '../version.ts';
import { addCommand, exitCodes, type Command, type ExitCode, type Terminal } from './command.ts';
import { copyCommand } from './copy.ts';
import { doctorCommand } from './doctor.ts';
import { flushCommand } from './flush.ts';
import { healthcheckCommand } from './healthcheck.ts';
import { reassertCommand } from './reassert.ts';
import { recoverCommand } from './recover.ts';
import { schemaCommand } from './schema.ts';
import { serveCommand } from './serve.ts';
import { totalCommand } from './total.ts';
import { writersCommand } from './writers.ts';

const commands: readonly Command[] = [
  serveCommand,
  totalCommand,
  flushCommand,
  schemaCommand,
  recoverCommand,
  reassertCommand,
  writersCommand,
  copyCommand,
  doctorCommand,
  healthcheckCommand,
];

export async function runCli(args: readonly string[], terminal: Terminal): Promise<ExitCode> {
  let code: ExitCode = exitCodes.fine;
  const parser = parserOf(terminal, (finished) => {
    code = finished;
  });
  try {
    await parser.parseAsync([...args], {}, (_error, _argv, output) => {
      if (output !== '') terminal.out(`${output}\n`);
    });
  } catch (thrown) {
    if (!(thrown instanceof WrongUse)) throw thrown;
    const help = `adcounter ${commandOf(args)}--help`;
    terminal.err(`adcounter: ${thrown.message} (${help} shows what there is)\n`);
    return exitCodes.wrongUse;
  }
  return code;
}

/** The command that was meant, and a blank; nothing where there is none. */
function commandOf([first]: readonly string[]): string {
  const names = commands.map(({ usage }) => [usage].flat()[0]?.split(' ')[0]);
  return first !== undefined && names.includes(first) ? `${first} ` : '';
}

class WrongUse extends Error {}

function parserOf(terminal: Terminal, finish: (code: ExitCode) => void): Argv {
  const parser = yargs()
    .scriptName('adcounter')
    .usage('$0 <command>\n\nCounts ad impressions and clicks exactly.')
    .parserConfiguration({ 'duplicate-arguments-array': false, 'camel-case-expansion': false })
    .option('json', { type: 'boolean', description: 'Answer in JSON', global: true })
    .option('quiet', { type: 'boolean', description: 'Say only what was asked for', global: true })
    .version(version)
    .help()
    .strict()
    .exitProcess(false)
    .wrap(100)
    .fail((message: string | null, error: Error | undefined) => {
      // The parser's own errors are the caller's mistakes; any other came out of a command.
      if (error !== undefined && error.name !== 'YError') throw error;
      throw new WrongUse(error?.message ?? message ?? 'that is not how it is used');
    });
  for (const command of commands) addCommand(parser, command, terminal, finish);
  return parser;
}
