// What every command is given and gives back: its options, where it writes, its exit code.
// Results go to `out`, everything else to `err`, so that a result can be piped.
// Never ends the process; main.ts does.
import type { Argv } from 'yargs';
import { configOfProcess, type Config } from '../config.ts';
import { settingSources } from '../settings.ts';

export const exitCodes = { fine: 0, not: 1, wrongUse: 2 } as const;
export type ExitCode = (typeof exitCodes)[keyof typeof exitCodes];

export interface Terminal {
  readonly out: (text: string) => void;
  readonly err: (text: string) => void;
  /** Asks a person and answers the line that was typed; absent where nobody sits there. */
  readonly ask?: (question: string) => Promise<string>;
  /** Writes the line on `err` that stands there anew; absent where `err` is no terminal. */
  readonly redraw?: (line: string) => void;
}

export interface Invocation {
  readonly config: Config;
  /** Settings that do nothing; a command may tell. */
  readonly warnings: readonly string[];
  /** Values of the command line that are no settings. */
  readonly argv: Readonly<Record<string, unknown>>;
  readonly json: boolean;
  readonly quiet: boolean;
  readonly terminal: Terminal;
}

export interface Command {
  /** As yargs reads it: `total <ad>`. */
  readonly usage: string | readonly string[];
  readonly summary: string;
  readonly examples: readonly (readonly [line: string, meaning: string])[];
  /** Names of the settings that it heeds; undefined: all. */
  readonly settings: readonly string[] | undefined;
  /** Whether STORE and its settings must make sense together. */
  readonly opensStore: (argv: Invocation['argv']) => boolean;
  readonly options?: (yargs: Argv) => Argv;
  readonly run: (invocation: Invocation) => Promise<ExitCode>;
}

/** Adds a command to the parser; `finish` learns how it went. */
export function addCommand(
  yargs: Argv,
  command: Command,
  terminal: Terminal,
  finish: (code: ExitCode) => void,
): Argv {
  const build = (sub: Argv): Argv => {
    withSettings(sub, command);
    command.options?.(sub);
    for (const [line, meaning] of command.examples) sub.example(`adcounter ${line}`, meaning);
    return sub;
  };
  return yargs.command(command.usage, command.summary, build, async (argv) => {
    finish(await runCommand(command, argv, terminal));
  });
}

async function runCommand(
  command: Command,
  argv: Invocation['argv'],
  terminal: Terminal,
): Promise<ExitCode> {
  const loaded = configOfProcess(flagsOf(argv), command.opensStore(argv));
  if ('mistakes' in loaded) {
    for (const mistake of loaded.mistakes) terminal.err(`adcounter: ${mistake}\n`);
    return exitCodes.wrongUse;
  }
  const [json, quiet] = [argv['json'] === true, argv['quiet'] === true];
  return command.run({ ...loaded, argv, json, quiet, terminal });
}

/** A flag for each setting that the command heeds; config.ts checks the values. */
function withSettings(yargs: Argv, command: Command): void {
  for (const source of settingSources()) {
    const heeded = command.settings === undefined || command.settings.includes(source.name);
    if (!heeded) continue;
    const standard = source.default === '' ? '' : ` [default: ${source.default}]`;
    yargs.option(source.flag, {
      type: 'string',
      requiresArg: true,
      group: 'Settings (a flag, or its environment variable ADCOUNTER_…):',
      description: source.description + standard,
    });
  }
}

function flagsOf(argv: Invocation['argv']): Record<string, string> {
  return Object.fromEntries(
    settingSources().flatMap(({ flag }) => {
      const value = argv[flag];
      return typeof value === 'string' ? [[flag, value]] : [];
    }),
  );
}
