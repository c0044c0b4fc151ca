// `adcounter doctor`: goes the way from here to every server and table, and says what is wrong,
// why, and what helps. Needs no running service, and writes nothing into a store.
import { systemClock } from '../model/clock.ts';
import { exitCodes, type Command, type ExitCode, type Invocation } from './command.ts';
import { storeSettings } from './stores.ts';

export const doctorCommand: Command = {
  usage: 'doctor',
  summary: 'Check the way to the store, step by step, with causes and fixes',
  examples: [
    ['doctor --hbase-zookeeper zk-1:2181', 'exit code 1 if anything fails, and what helps'],
    ['doctor --json | jq \'.checks[]|select(.outcome=="fail")\'', 'the same for a program'],
    ['doctor --quiet', 'only what is wrong'],
  ],
  settings: storeSettings,
  opensStore: () => true,
  run: doctor,
};

async function doctor(invocation: Invocation): Promise<ExitCode> {
  const { config, warnings, json, quiet, terminal } = invocation;
  // What speaks to HBase is loaded by those who need it.
  const { examine } = await import('../doctor/doctor.ts');
  const { Printer, reportOf, summaryOf } = await import('../doctor/report.ts');
  const printer = new Printer({ quiet });
  const checks = await examine({
    config,
    warnings,
    clock: systemClock,
    onStep: (what) => {
      if (!quiet) terminal.err(`Looking at ${what} ...\n`);
    },
    onChecks: (found) => {
      if (!json) terminal.out(printer.print(found));
    },
  });
  const report = reportOf(config.store, checks);
  if (json) terminal.out(`${JSON.stringify(report)}\n`);
  else if (!quiet) terminal.out(`${summaryOf(report)}\n`);
  return report.outcome === 'ok' ? exitCodes.fine : exitCodes.not;
}
