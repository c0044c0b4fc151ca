// `adcounter reassert`: puts again what the journals of a data folder still hold, after the store
// lost counts or was restored. Looks first, says what is missing and asks; then puts, looks again
// and says what was healed and what stays hidden, and why.
import { userInfo } from 'node:os';
import type { Config } from '../config.ts';
import { dateOf, instantOf } from '../http/instants.ts';
import { reassertProgressMs } from '../limits.ts';
import type { ReassertFate, ReassertFinding, ReassertProgress } from '../ingest/reassertion.ts';
import { toError } from '../model/errors.ts';
import { quarterStartMs } from '../model/quarter.ts';
import type { ReassertReport } from '../reassert-data-dir.ts';
import { exitCodes, type Command, type ExitCode, type Invocation } from './command.ts';
import { storeSettings, terminalLog } from './stores.ts';

export const reassertCommand: Command = {
  usage: 'reassert',
  summary: 'Put again what the journals of a data folder hold, to heal a store that lost it',
  examples: [
    ['reassert --dry-run', 'only looks, in the embedded store, with the service stopped'],
    ['reassert --hbase-zookeeper zk-1:2181 --data-dir /data', 'looks, asks, then heals'],
    ['reassert --from 2026-11-24T06:00Z --yes', 'what was accepted since then; for a script'],
  ],
  settings: [...storeSettings, 'HBASE_DURABILITY'],
  opensStore: () => true,
  options: (yargs) =>
    yargs
      .option('from', {
        type: 'string',
        requiresArg: true,
        description: 'Only what was accepted from this moment on (ISO 8601, or a UTC date)',
      })
      .option('to', {
        type: 'string',
        requiresArg: true,
        description: 'Only what was accepted before this moment',
      })
      .option('dry-run', { type: 'boolean', description: 'Only look; put nothing' })
      .option('yes', { type: 'boolean', description: 'Put without asking, for a script' })
      .option('even-unknown', {
        type: 'boolean',
        description: 'Also writers that the store does not know: its table meta was restored too',
      })
      .option('even-if-masked', {
        type: 'boolean',
        description: 'Go on where the first check finds that what is put is not shown',
      }),
  run: reassert,
};

async function reassert(invocation: Invocation): Promise<ExitCode> {
  const { argv, terminal } = invocation;
  const [fromMs, toMs] = ['from', 'to'].map((name) => momentOf(argv[name]));
  if (Number.isNaN(fromMs) || Number.isNaN(toMs) || (fromMs ?? 0) >= (toMs ?? Infinity)) {
    const what = '--from and --to are moments like 2026-11-24T06:00Z, --from the earlier one';
    terminal.err(`adcounter: ${what}\n`);
    return exitCodes.wrongUse;
  }
  try {
    return await lookThenPut(invocation, { fromMs, toMs });
  } catch (thrown) {
    const error = toError(thrown);
    const isLocked = 'code' in error && error.code === 'STORE_LOCKED';
    terminal.err(`adcounter: ${error.message}${isLocked ? '; stop the service first' : ''}\n`);
    return exitCodes.not;
  }
}

interface Range {
  readonly fromMs: number | undefined;
  readonly toMs: number | undefined;
}

async function lookThenPut(invocation: Invocation, range: Range): Promise<ExitCode> {
  const { argv, json, quiet, terminal } = invocation;
  const isDry = argv['dry-run'] === true;
  if (isDry || argv['yes'] !== true) {
    const looked = await run(invocation, range, true);
    const { missing } = totalOf(looked.findings);
    const isOver = isDry || missing === 0;
    if (isOver || !quiet) tell(invocation, looked, { isDry: true });
    if (isOver) return isFine(looked) && missing === 0 ? exitCodes.fine : exitCodes.not;
    const answer = await terminal.ask?.(`Type yes to put ${count(missing, 'cell')} again: `);
    if (answer !== 'yes') {
      terminal.err('adcounter: nothing was put (--yes in a script)\n');
      return exitCodes.not;
    }
  }
  const { config } = invocation;
  const time = new Date().toISOString();
  const place = `${config.store}, table ${tableOf(config)}`;
  const who = `by ${userInfo().username}, process ${process.pid}, at ${time}`;
  terminal.err(`adcounter: audit: reassert of ${config.dataDir} into ${place}, ${who}\n`);
  const report = await run(invocation, range, false);
  if (json || !quiet) tell(invocation, report, { isDry: false });
  const isHealed = isFine(report) && totalOf(report.findings).masked === 0;
  if (!isHealed && !json) for (const line of remedyOf(report, config)) terminal.err(`${line}\n`);
  return isHealed ? exitCodes.fine : exitCodes.not;
}

async function run(invocation: Invocation, range: Range, isDry: boolean): Promise<ReassertReport> {
  const { config, argv, quiet, terminal } = invocation;
  const { reassertDataDir } = await import('../reassert-data-dir.ts');
  let saidAt = performance.now();
  const onProgress = ({ writer, quarter, quarters, cells }: ReassertProgress): void => {
    if (quiet || performance.now() - saidAt < reassertProgressMs) return;
    saidAt = performance.now();
    const where = `writer ${writer}, quarter ${quarter} of ${quarters}`;
    terminal.err(`adcounter: ${where}, ${count(cells, 'cell')} so far\n`);
  };
  return reassertDataDir({
    config,
    log: terminalLog(invocation),
    ...range,
    isDry,
    evenUnknown: argv['even-unknown'] === true,
    evenIfMasked: argv['even-if-masked'] === true,
    onProgress,
  });
}

const meanings: Readonly<Record<ReassertFate, string>> = {
  done: '',
  nothing: 'its journal holds nothing of that time',
  unregistered: 'it never reached a store, which can have lost nothing of it (adcounter recover)',
  unknown:
    'left alone: the store does not know it. Was meta restored too: --even-unknown; does it run ' +
    'still: once more in a minute',
  damaged: 'something of its journal could not be read, the rest was',
  stopped: 'stopped at the first check: what was put is not shown',
  failed: 'not finished; the same command may be repeated',
};

const fine: ReadonlySet<ReassertFate> = new Set<ReassertFate>(['done', 'nothing', 'unregistered']);

function isFine({ findings }: ReassertReport): boolean {
  return findings.every(({ fate }) => fine.has(fate));
}

function tell(
  { config, json, terminal }: Invocation,
  report: ReassertReport,
  { isDry }: { readonly isDry: boolean },
): void {
  const { findings } = report;
  const sum = totalOf(findings);
  if (json) {
    const tables = [{ table: tableOf(config), ...sum }];
    const masked = report.maskedExamples.map(({ ad, site, eventQuarter }) => {
      return { ad, site, quarter: new Date(quarterStartMs(eventQuarter)).toISOString() };
    });
    const outcome = outcomeOf(report, isDry);
    const document = { outcome, dryRun: isDry, tables, masked, writers: findings };
    terminal.out(`${JSON.stringify(document)}\n`);
    return;
  }
  if (findings.length === 0) terminal.out(`No writer left anything in ${config.dataDir}\n`);
  for (const finding of findings) terminal.out(`${lineOf(finding, isDry)}\n`);
  const verb = isDry ? 'looked at' : 'put';
  terminal.out(`${tableOf(config)}: ${count(sum.cells, 'cell')} ${verb}: ${sumOf(sum, isDry)}\n`);
}

type Sum = ReturnType<typeof totalOf>;

function totalOf(findings: readonly ReassertFinding[]) {
  const sum = { cells: 0, intact: 0, missing: 0, healed: 0, masked: 0, tooOld: 0 };
  for (const finding of findings) {
    for (const name of Object.keys(sum) as (keyof typeof sum)[]) sum[name] += finding[name];
  }
  return sum;
}

function outcomeOf(report: ReassertReport, isDry: boolean): string {
  const { missing, masked } = totalOf(report.findings);
  if (masked > 0) return 'masked';
  if (!isFine(report)) return 'failed';
  if (missing === 0) return 'intact';
  return isDry ? 'missing' : 'healed';
}

function lineOf(finding: ReassertFinding, isDry: boolean): string {
  const { writer, fate, reason, quarters, cells } = finding;
  const why = reason === undefined ? '' : ` (${reason})`;
  const meaning = meanings[fate] === '' ? '' : `; ${meanings[fate]}${why}`;
  if (cells === 0 && meaning !== '') return `${writer}  ${meanings[fate]}${why}`;
  const held = `${count(cells, 'cell')} of ${count(quarters, 'quarter')}`;
  return `${writer}  ${held}: ${sumOf(finding, isDry)}${meaning}`;
}

function sumOf({ intact, missing, healed, masked, tooOld }: Sum, isDry: boolean): string {
  const parts = isDry
    ? [`${intact} intact`, `${missing} missing`]
    : [`${intact} intact`, `${healed} healed`, `${masked} masked`];
  if (tooOld > 0) parts.push(`${tooOld} older than ADCOUNTER_RETENTION_DAYS, left out`);
  return parts.join(', ');
}

/** What an operator does next. */
function remedyOf(report: ReassertReport, config: Config): string[] {
  if (totalOf(report.findings).masked === 0) return [];
  const table = tableOf(config);
  const rows = report.maskedExamples.slice(0, 3).map(({ ad, site }) => `${ad} on ${site}`);
  return [
    `adcounter: what was put is confirmed and yet not shown, for example ${rows.join(', ')}.`,
    '  Somebody deleted these rows (deleteall), and in HBase a delete hides what is put later with',
    '  an older version, until a major compaction. In the hbase shell:',
    `    flush '${table}'`,
    `    major_compact '${table}'`,
    `  When compaction_state '${table}' says NONE, run adcounter reassert once more.`,
  ];
}

function tableOf({ store, hbaseTablePrefix }: Config): string {
  return store === 'hbase' ? `${hbaseTablePrefix}counts` : 'counts';
}

function momentOf(text: unknown): number | undefined {
  if (typeof text !== 'string') return undefined;
  return instantOf(text) ?? dateOf(text) ?? Number.NaN;
}

function count(n: number, what: string): string {
  return `${n} ${what}${n === 1 ? '' : 's'}`;
}
