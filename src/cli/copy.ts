// `adcounter copy`: takes the counts of an embedded store into HBase, when one machine is no longer
// enough. May be repeated; ends with a comparison of both, and with 1 where they differ.
import type { CopyProgress } from '../copy/copy.ts';
import type { CopyStoreReport } from '../copy-store.ts';
import { systemClock } from '../model/clock.ts';
import { CounterError, toError } from '../model/errors.ts';
import { exitCodes, type Command, type ExitCode, type Invocation } from './command.ts';
import { complaintsOf, jsonOf, linesOf, outcomeOf } from './copy-report.ts';
import { Progress } from './progress.ts';
import { storeSettings, terminalLog } from './stores.ts';

export const copyCommand: Command = {
  usage: 'copy',
  summary: 'Copy what an embedded store has counted into HBase, with the service stopped',
  examples: [
    ['copy --hbase-zookeeper zk-1:2181 --dry-run', 'say what there is to copy'],
    ['copy --data-dir ./adcounter-data --hbase-zookeeper zk-1:2181', 'copy, and compare all ads'],
    ['copy --hbase-zookeeper zk-1:2181 --no-verify', 'without the comparison: half the reading'],
  ],
  settings: [...storeSettings.filter((name) => name !== 'STORE'), 'HBASE_DURABILITY'],
  // It opens two stores, so what STORE says of one is no mistake here.
  opensStore: () => false,
  options: (yargs) =>
    yargs
      .option('dry-run', { type: 'boolean', description: 'Only say what would be copied' })
      .option('verify', {
        type: 'boolean',
        default: true,
        description: 'Compare the totals of all ads in both stores afterwards',
      }),
  run: copy,
};

const steps: Readonly<Record<CopyProgress['step'], string>> = {
  look: 'looking at',
  copy: 'copied',
  compare: 'compared',
};

async function copy(invocation: Invocation): Promise<ExitCode> {
  const { config, argv, json, quiet, terminal } = invocation;
  if (config.hbaseZookeeper.length === 0) {
    terminal.err('adcounter: ADCOUNTER_HBASE_ZOOKEEPER is missing: copy goes into an HBase\n');
    return exitCodes.wrongUse;
  }
  const progress = new Progress({ terminal, quiet, clock: systemClock, unit: 'cells' });
  const { copyStore } = await import('../copy-store.ts');
  let report: CopyStoreReport;
  try {
    report = await copyStore({
      config,
      log: terminalLog(invocation),
      isDryRun: argv['dry-run'] === true,
      isCompared: argv['verify'] !== false,
      onProgress: ({ step, done, total }) => progress.show(steps[step], done, total),
    });
  } catch (thrown) {
    progress.end();
    const error = toError(thrown);
    terminal.err(`adcounter: ${error.message}${hintOf(error)}\n`);
    return exitCodes.not;
  }
  progress.end();
  const outcome = outcomeOf(report);
  if (json) terminal.out(`${jsonOf(report)}\n`);
  else {
    if (!quiet) for (const line of linesOf(report, config.retentionDays)) terminal.out(`${line}\n`);
    for (const line of complaintsOf(report)) terminal.err(`adcounter: ${line}\n`);
  }
  return outcome === 'done' || outcome === 'dry_run' ? exitCodes.fine : exitCodes.not;
}

function hintOf(error: Error): string {
  if (!(error instanceof CounterError)) return '';
  if (error.code === 'STORE_LOCKED') return '; stop the service on it first';
  if (error.code === 'SCHEMA_MISSING') return '; adcounter schema create makes those of HBase';
  if (error.remedy === 'retry') return '; the same command may be repeated';
  return '';
}
