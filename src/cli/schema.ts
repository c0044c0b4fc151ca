// `adcounter schema print|create|verify`: the tables of a store, without a running service.
// create leaves tables that exist alone; nothing here ever deletes.
import { cliSchemaTimeoutMs, cliSchemaVerifyTimeoutMs } from '../limits.ts';
import { createLog } from '../log.ts';
import { Metrics } from '../metrics.ts';
import { CounterError, toError } from '../model/errors.ts';
import { guardLayout, saltsDefault, writeLayout } from '../store/layout.ts';
import type { RowStore } from '../store/row-store.ts';
import { printSchema, tableSchemas } from '../store/schema.ts';
import { version } from '../version.ts';
import { exitCodes, type Command, type ExitCode, type Invocation } from './command.ts';
import { storeSettings } from './stores.ts';

const actions = ['print', 'create', 'verify'] as const;
type Action = (typeof actions)[number];

const callOptions = { timeoutMs: cliSchemaTimeoutMs };

export const schemaCommand: Command = {
  usage: 'schema <action>',
  summary: 'Print, create or verify the tables of the store',
  examples: [
    ['schema print | hbase shell', 'let an administrator create the tables'],
    ['schema create --hbase-zookeeper zk-1:2181', 'create what is missing'],
    ['schema verify --hbase-zookeeper zk-1:2181', 'exit code 1 and each difference, if any'],
  ],
  settings: storeSettings,
  opensStore: (argv) => argv['action'] !== 'print',
  options: (yargs) =>
    yargs.positional('action', { choices: actions, demandOption: true, description: 'What to do' }),
  run: schema,
};

const actionsByName: Record<Action, (invocation: Invocation) => Promise<ExitCode>> = {
  print: printTables,
  create: (invocation) => withStore(invocation, createTables),
  verify: (invocation) => withStore(invocation, verifyTables),
};

function schema(invocation: Invocation): Promise<ExitCode> {
  return actionsByName[invocation.argv['action'] as Action](invocation);
}

async function printTables({ config, json, terminal }: Invocation): Promise<ExitCode> {
  const options = {
    tablePrefix: config.hbaseTablePrefix,
    salts: config.hbaseSalts ?? saltsDefault,
    retentionDays: config.retentionDays,
  };
  const tables = tableSchemas(options).map((table) => ({
    name: table.fullName,
    family: table.family,
    attributes: Object.fromEntries(table.attributes),
    splitKeysHex: table.splitKeys.map((key) => key.toString('hex')),
  }));
  terminal.out(json ? `${JSON.stringify(tables)}\n` : printSchema(options));
  return exitCodes.fine;
}

async function createTables(rows: RowStore, invocation: Invocation): Promise<ExitCode> {
  // First, since without a master it fails, and making tables would be tried for much longer.
  const createdMs = await rows.nowMs({ timeoutMs: cliSchemaVerifyTimeoutMs });
  const created = await rows.createTables(callOptions);
  const fresh = { salts: invocation.config.hbaseSalts ?? saltsDefault, createdMs };
  const { salts } = await writeLayout(rows, fresh, callOptions);
  const { hbaseTablePrefix: prefix, store } = invocation.config;
  const names = created.map((name) => (store === 'hbase' ? prefix + name : name));
  const what = created.length === 0 ? 'Nothing was missing' : `Created ${names.join(', ')}`;
  say(invocation, { created, salts }, `${what}; ${salts} salts, at ${rows.place}`);
  return exitCodes.fine;
}

async function verifyTables(rows: RowStore, invocation: Invocation): Promise<ExitCode> {
  const guard = { createIfMissing: false, salts: invocation.config.hbaseSalts };
  try {
    const { salts } = await guardLayout(rows, guard, { timeoutMs: cliSchemaVerifyTimeoutMs });
    const fine = `All is as it should be: ${salts} salts, at ${rows.place}`;
    say(invocation, { differences: [], salts }, fine);
    return exitCodes.fine;
  } catch (thrown) {
    if (!(thrown instanceof CounterError) || !thrown.code.startsWith('SCHEMA_')) throw thrown;
    const differences = thrown.message.replace(`${thrown.code}: `, '').split('; ');
    say(invocation, { differences }, ...differences);
    return exitCodes.not;
  }
}

/** Opens the store for one action; what fails is told in one line. */
async function withStore(
  invocation: Invocation,
  act: (rows: RowStore, invocation: Invocation) => Promise<ExitCode>,
): Promise<ExitCode> {
  const { config, terminal } = invocation;
  let rows: RowStore | undefined;
  try {
    const { openRowStore } = await import('../open-row-store.ts');
    rows = await openRowStore(config, createLog('silent'), new Metrics({ version }));
    return await act(rows, invocation);
  } catch (thrown) {
    terminal.err(`adcounter: ${toError(thrown).message}\n`);
    return exitCodes.not;
  } finally {
    await rows?.close();
  }
}

function say(invocation: Invocation, facts: object, ...lines: string[]): void {
  const { json, quiet, terminal } = invocation;
  if (json) terminal.out(`${JSON.stringify(facts)}\n`);
  else if (!quiet) for (const line of lines) terminal.out(`${line}\n`);
}
