// The commands for a real HBase on this machine: `npm run hbase -- --help` shows them.
// Exit codes: 0 done, 1 not, 2 wrong use. Results go to stdout, failures to stderr in one line.
import { parseArgs } from 'node:util';
import type { ClusterProcess } from './cluster.ts';
import { processNames } from './conf-cluster.ts';
import {
  listRegions,
  mergeRegions,
  moveRegion,
  splitRegion,
  tendRegions,
  WrongUse,
} from './region-commands.ts';
import type { Target } from './region-commands.ts';
import { smoke } from './smoke.ts';
import { address, down, status, up, upCluster } from './up.ts';

interface Flags {
  readonly cluster: boolean;
  readonly fresh: boolean;
  readonly major: boolean;
}

interface Command {
  /** `<needed>` and `[possible]` arguments, in order. */
  readonly usage: string;
  readonly flags?: readonly (keyof Flags | 'version')[];
  readonly says: string;
  readonly run: (args: readonly string[], flags: Flags) => Promise<void> | void;
}

const seeHelp = 'npm run hbase -- --help shows what there is';

const say = (line: string): void => {
  process.stdout.write(`${line}\n`);
};

const commands: Readonly<Record<string, Command>> = {
  up: {
    usage: '',
    flags: ['cluster', 'fresh', 'version'],
    says: 'starts HBase, ready when it returns: in one process, or --cluster of six; --fresh forgets its data',
    run: (_, flags) => up(flags, say),
  },
  down: { usage: '', says: 'ends whichever is up and leaves nothing', run: () => down(say) },
  status: { usage: '', says: 'shows the address and each process', run: () => status(say) },
  kill: {
    usage: '<process>',
    says: 'ends one process of the cluster at once, as in a crash',
    run: async ([name = '']) => await kill(processOf(name)),
  },
  pause: {
    usage: '<process>',
    says: 'stops one from running, as a long garbage collection does',
    run: ([name = '']) => processOf(name).pause(),
  },
  resume: {
    usage: '<process>',
    says: 'lets one that is paused go on',
    run: ([name = '']) => processOf(name).resume(),
  },
  restart: {
    usage: '<process>',
    says: 'starts one again on its data and port, ready when it returns',
    run: async ([name = '']) => await processOf(name).restart(),
  },
  regions: {
    usage: '<table>',
    says: 'lists the regions of a table and where they are',
    run: async ([table = '']) => await listRegions(target(), table),
  },
  move: {
    usage: '<table> <row> <server>',
    says: 'moves the region of a row to rs1, rs2 or host:port',
    run: async ([table = '', row = '', server = '']) =>
      await moveRegion(target(), { table, row, server }),
  },
  split: {
    usage: '<table> <row>',
    says: 'splits the region of a row at that row',
    run: async ([table = '', row = '']) => await splitRegion(target(), table, row),
  },
  merge: {
    usage: '<table> <row>',
    says: 'merges the region of a row with the one behind it',
    run: async ([table = '', row = '']) => await mergeRegions(target(), table, row),
  },
  flush: {
    usage: '<table> [row]',
    says: 'writes what regions hold in memory to files',
    run: async ([table = '', row]) => await tendRegions(target(), { table, row }, 'flush'),
  },
  compact: {
    usage: '<table> [row]',
    flags: ['major'],
    says: 'puts files of regions together, with --major all into one',
    run: async ([table = '', row], { major }) =>
      await tendRegions(target(), { table, row }, major ? 'major' : 'compact'),
  },
  smoke: {
    usage: '',
    flags: ['version'],
    says: 'adcounter on a fresh HBase of a version, region moves and a restart included',
    run: () => smoke(say),
  },
};

// Whoever reads only the first lines goes away before the last.
process.stdout.on('error', () => process.exit());

try {
  await runCommand(process.argv.slice(2));
} catch (error) {
  const message = error instanceof Error ? error.message : String(error);
  process.stderr.write(`${message}\n`);
  process.exitCode = error instanceof WrongUse ? 2 : 1;
}

async function runCommand(words: readonly string[]): Promise<void> {
  const { values, positionals } = parsed(words);
  const [name = '', ...args] = positionals;
  if (values.help === true || words.length === 0) {
    say(helpText());
    if (values.help !== true) process.exitCode = 2;
    return;
  }
  const command = commands[name];
  if (command === undefined) throw new WrongUse(`There is no command "${name}" (${seeHelp})`);
  const needed = command.usage.match(/</g)?.length ?? 0;
  const possible = command.usage.match(/[<[]/g)?.length ?? 0;
  if (args.length < needed || args.length > possible) {
    throw new WrongUse(`It is: npm run hbase -- ${name} ${command.usage}`.trimEnd());
  }
  const { help: _, ...given } = values;
  const wrong = Object.keys(given).find((flag) => !command.flags?.some((one) => one === flag));
  if (wrong !== undefined) throw new WrongUse(`${name} has no --${wrong} (${seeHelp})`);
  if (values.version !== undefined) process.env['TEST_HBASE_VERSION'] = values.version;
  const { cluster = false, fresh = false, major = false } = values;
  await command.run(args, { cluster, fresh, major });
}

function parsed(words: readonly string[]) {
  try {
    return parseArgs({
      args: [...words],
      allowPositionals: true,
      options: {
        cluster: { type: 'boolean' },
        fresh: { type: 'boolean' },
        major: { type: 'boolean' },
        version: { type: 'string' },
        help: { type: 'boolean' },
      },
    });
  } catch (error) {
    const [sentence] = (error as Error).message.split('. ', 1);
    throw new WrongUse(`${sentence} (${seeHelp})`);
  }
}

function helpText(): string {
  const lines = Object.entries(commands).map(([name, { usage, flags = [], says }]) => {
    const shown = flags.map((flag) => `[--${flag}${flag === 'version' ? ' <version>' : ''}]`);
    return `  ${[name, usage, ...shown].filter((part) => part !== '').join(' ')}\n      ${says}\n`;
  });
  return (
    `npm run hbase -- <command>\n\n${lines.join('')}\n` +
    `Processes of a cluster: ${processNames.join(', ')}.\n` +
    'Rows are text; any other byte is written \\x00.'
  );
}

function processOf(name: string): ClusterProcess {
  const known = processNames.find((one) => one === name);
  if (known === undefined) {
    throw new WrongUse(`"${name}" is no process; they are ${processNames.join(', ')}.`);
  }
  const cluster = upCluster();
  if (cluster !== null) return cluster.processes[known];
  throw new Error('No cluster is up: `npm run hbase:up -- --cluster` starts one.');
}

async function kill(one: ClusterProcess): Promise<void> {
  if (one.pid() === null) throw new Error(`${one.name} is not running.`);
  await one.kill9();
}

function target(): Target {
  return { zookeeper: address(), serverNames: upCluster()?.servers ?? {}, say };
}
