// `adcounter recover`: puts what dead writers left in a data folder, wherever that folder is now.
// Tells of every journal what it held, what was put, and why it was left where it was left.
import type { Finding, Fate } from '../ingest/recovery-book.ts';
import { settledFates } from '../ingest/recovery-book.ts';
import { toError } from '../model/errors.ts';
import { exitCodes, type Command, type ExitCode, type Invocation } from './command.ts';
import { storeSettings, terminalLog } from './stores.ts';

export const recoverCommand: Command = {
  usage: 'recover',
  summary: 'Put what dead writers left in a data folder into the store',
  examples: [
    ['recover', 'the embedded store in ./adcounter-data, with the service stopped'],
    ['recover --data-dir /mnt/old --hbase-zookeeper zk-1:2181', 'a folder of another machine'],
    ['recover --data-dir /mnt/old --hbase-zookeeper zk-1:2181 --wait', 'and seal who is dead'],
  ],
  settings: [...storeSettings, 'HBASE_DURABILITY'],
  opensStore: () => true,
  options: (yargs) =>
    yargs.option('wait', {
      type: 'boolean',
      description: 'Look for 5 minutes whether the writers are silent, and seal those that are',
    }),
  run: recover,
};

const meanings: Readonly<Record<Fate, string>> = {
  sealed: 'all is in the store; sealed, and its files moved aside',
  over: 'was sealed before: all is in the store',
  empty: 'never wrote anything',
  in_use: 'left alone: a process holds its lock; it lives, or is being recovered already',
  unproven: 'all is in the store; not sealed, since nothing proves its death (see --wait)',
  unregistered: 'not put: it never reached the store, and nothing proves its death (see --wait)',
  gap: 'what can be read is in the store; left open, since something is missing (adcounter writers)',
  lost: 'it was called lost: what can be read is in the store, its files moved aside',
  no_record: 'put as far as its journal tells; its record cannot be read (adcounter writers)',
  unreadable: 'what can be read is in the store; left open, since the disk did not give the rest',
  other_store: 'left alone: this store does not know it, so it counted for another store',
  refused: 'put but for what the store refuses for good; left open, its files stay where they are',
  masked: 'put, and not shown by the store: see adcounter reassert; its files stay where they are',
  failed: 'not finished; the same command may be repeated',
};

async function recover(invocation: Invocation): Promise<ExitCode> {
  const { config, argv, json, quiet, terminal } = invocation;
  const { recoverDataDir } = await import('../recover-data-dir.ts');
  let findings: readonly Finding[];
  try {
    findings = await recoverDataDir({
      config,
      log: terminalLog(invocation),
      wait: argv['wait'] === true,
      onWait: (writers) => {
        if (quiet) return;
        terminal.err(`adcounter: looking on whether ${count(writers, 'writer')} is silent\n`);
      },
    });
  } catch (thrown) {
    const error = toError(thrown);
    terminal.err(`adcounter: ${error.message}${hintOf(error)}\n`);
    return exitCodes.not;
  }
  const settled = findings.every(({ fate }) => settledFates.has(fate));
  if (json) terminal.out(`${JSON.stringify({ settled, writers: findings })}\n`);
  else if (!quiet) for (const line of linesOf(findings, config.dataDir)) terminal.out(`${line}\n`);
  return settled ? exitCodes.fine : exitCodes.not;
}

function linesOf(findings: readonly Finding[], dataDir: string): string[] {
  if (findings.length === 0) return [`No writer left anything in ${dataDir}`];
  return findings.flatMap((finding) => {
    const { writer, fate, reason, frames, segments, problems } = finding;
    const held = `${count(frames, 'frame')} in ${count(segments, 'segment')}`;
    const put = `${finding.putCounts} of ${finding.foundCounts} counts put`;
    const why = reason === undefined ? '' : ` (${reason})`;
    return [
      `${writer}  ${fate.padEnd(12)}  ${held}, ${put}: ${meanings[fate]}${why}`,
      ...problems.map(({ kind, segment, detail }) => `  ${kind} ${segment} ${detail}`.trimEnd()),
    ];
  });
}

function count(n: number, what: string): string {
  return `${n} ${what}${n === 1 ? '' : 's'}`;
}

function hintOf(error: Error): string {
  if (!('code' in error) || error.code !== 'STORE_LOCKED') return '';
  return '; a running service recovers its own folder, so stop it only for another reason';
}
