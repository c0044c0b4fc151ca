// `adcounter writers`: who writes into the store, how far each has come, who holds completeThrough
// back. `writers lost <id>` gives up one whose disk is gone, after saying what that may lose and
// asking once more.
import { deadAfterMs } from '../limits.ts';
import { toError } from '../model/errors.ts';
import { parseWriterId, processWriterOf } from '../model/writer-id.ts';
import type { WriterId } from '../model/writer-id.ts';
import { unknownPosition } from '../store/registry.ts';
import type {
  ListedUnreadable,
  ListedWriter,
  MarkOutcome,
  MarkQuestion,
  WriterList,
} from '../writer-marks.ts';
import { exitCodes, type Command, type ExitCode, type Invocation } from './command.ts';
import { storeSettings, terminalLog } from './stores.ts';

const actions = ['list', 'lost'] as const;

export const writersCommand: Command = {
  usage: 'writers [action] [writer]',
  summary: 'List who writes into the store; give up a writer whose disk is gone',
  examples: [
    ['writers --hbase-zookeeper zk-1:2181', 'state, watermark, position and last sign of each'],
    ['writers lost 8f1c22ab01d7e640', 'says what that may lose, and asks for the id once more'],
    ['writers lost 8f1c22ab01d7e640 --yes-lost 8f1c22ab01d7e640', 'the same for a script'],
  ],
  settings: [...storeSettings, 'HBASE_DURABILITY'],
  opensStore: () => true,
  options: (yargs) =>
    yargs
      .positional('action', { choices: actions, default: 'list', description: 'What to do' })
      .positional('writer', { type: 'string', description: 'The id of a writer' })
      .option('yes-lost', {
        type: 'string',
        requiresArg: true,
        description: 'The id once more: the second confirmation, where nobody can be asked',
      })
      .option('even-if-alive', {
        type: 'boolean',
        description: 'Also a writer that spoke within 5 minutes; it goes on under another id',
      }),
  run: writers,
};

async function writers(invocation: Invocation): Promise<ExitCode> {
  const { argv, terminal } = invocation;
  const isList = argv['action'] === 'list';
  const id = typeof argv['writer'] === 'string' ? parseWriterId(argv['writer']) : undefined;
  const isEven = id !== undefined && processWriterOf(id) === id;
  if (isList ? argv['writer'] !== undefined : !isEven) {
    const what = isList ? 'writers list takes no id' : 'writers lost needs the id of a writer';
    terminal.err(`adcounter: ${what}: 16 hex digits, as writers lists them\n`);
    return exitCodes.wrongUse;
  }
  try {
    return isList || id === undefined ? await list(invocation) : await lost(invocation, id);
  } catch (thrown) {
    terminal.err(`adcounter: ${toError(thrown).message}\n`);
    return exitCodes.not;
  }
}

async function list(invocation: Invocation): Promise<ExitCode> {
  const { config, json, quiet, terminal } = invocation;
  const { listWriters } = await import('../writer-marks.ts');
  const listed = await listWriters({ config, log: terminalLog(invocation) });
  if (json) {
    const { completeThroughMs, heldBackBy } = listed;
    const unreadable = listed.unreadableWriters.map((writer) => unreadableShapeOf(writer));
    const shown = [...listed.writers.map((writer) => shapeOf(writer)), ...unreadable];
    const completeThrough = textOf(completeThroughMs);
    terminal.out(`${JSON.stringify({ completeThrough, heldBackBy, writers: shown })}\n`);
  } else if (!quiet) for (const line of linesOf(listed)) terminal.out(`${line}\n`);
  return exitCodes.fine;
}

async function lost(invocation: Invocation, writer: WriterId): Promise<ExitCode> {
  const { config, argv, json, quiet, terminal } = invocation;
  const { markLost } = await import('../writer-marks.ts');
  const outcome = await markLost({
    config,
    log: terminalLog(invocation),
    writer,
    evenIfAlive: argv['even-if-alive'] === true,
    confirm: async (question) => {
      for (const line of warningOf(question)) terminal.err(`${line}\n`);
      const given = argv['yes-lost'] ?? (await terminal.ask?.(`Type ${writer} to give it up: `));
      return given === writer;
    },
  });
  const isDone = outcome === 'marked' || outcome === 'lost_before';
  if (json) terminal.out(`${JSON.stringify({ writer, outcome })}\n`);
  else if (!isDone) terminal.err(`adcounter: ${outcomes[outcome]}\n`);
  else if (!quiet) terminal.out(`${writer}: ${outcomes[outcome]}\n`);
  return isDone ? exitCodes.fine : exitCodes.not;
}

const outcomes: Readonly<Record<MarkOutcome, string>> = {
  marked: 'called lost; it holds completeThrough back no more',
  lost_before: 'was called lost before',
  unknown: 'the store knows no such writer; adcounter writers lists them',
  sealed: 'it is sealed: everything of it is in the store, nothing can be lost',
  alive: 'it spoke within the last 5 minutes, so it lives (--even-if-alive does it all the same)',
  declined: 'nothing was changed: the id was not given a second time (--yes-lost in a script)',
};

function warningOf({ entry, before, after }: MarkQuestion): string[] {
  const { writer, record } = entry;
  const complete = `${textOf(before) ?? 'unknown'} now, ${textOf(after) ?? 'unknown'} then`;
  if (record === undefined) return unreadableWarningOf(entry, complete);
  const since = textOf(record.watermarkMs);
  return [
    `Writer ${writer} on ${record.host}, started ${textOf(record.startedMs)}:`,
    `  last sign         ${ageOf(entry)}`,
    `  in the store      all that it accepted before ${since}`,
    `  may be lost       what it accepted from then on: its frames behind position ${record.position}`,
    `  its journal       from position ${record.trimmed} on, in a folder on ${record.host}`,
    `                    (device ${record.folder.device}, inode ${record.folder.inode})`,
    `  completeThrough   ${complete}`,
    'Answers that it touches will name it as lost. If its disk or a copy can still be read, do not',
    'give it up: adcounter recover --data-dir <folder> puts everything that is there.',
  ];
}

function unreadableWarningOf(entry: ListedUnreadable, complete: string): string[] {
  const { writer, reason } = entry;
  return [
    `Writer ${writer}, whose record cannot be read (${reason}):`,
    `  last sign         ${ageOf(entry)}`,
    '  may be lost       anything that it accepted and that is not in the store',
    `  completeThrough   ${complete}`,
    'Every answer up to now will name it as lost. If a newer release of adcounter runs on this store,',
    'its writers look like this: upgrade instead. If its journal can still be read, first put what is',
    'there: adcounter recover --data-dir <folder>.',
  ];
}

function linesOf({
  writers: listed,
  unreadableWriters,
  completeThroughMs,
  heldBackBy,
  isAlone,
}: WriterList): string[] {
  if (listed.length + unreadableWriters.length === 0) return ['Nobody wrote yet'];
  const ordered = [...listed].sort((a, b) => a.record.watermarkMs - b.record.watermarkMs);
  const rows = ordered.map((entry) => {
    const { writer, record } = entry;
    const isSilent = isAlone || (entry.silentMs ?? 0) >= deadAfterMs;
    const state = record.state === 'open' && isSilent ? 'open, dead' : record.state;
    const mark = writer === heldBackBy ? '  < holds completeThrough back' : '';
    return [
      writer,
      state.padEnd(10),
      `registered ${textOf(record.registeredMs) ?? 'not yet'}`,
      `watermark ${textOf(record.watermarkMs)}`,
      `position ${record.position === unknownPosition ? 'unknown' : record.position}`,
      `on ${record.host}`,
      `${ageOf(entry)}${mark}`,
    ].join('  ');
  });
  const unreadable = unreadableWriters.map((entry) => {
    const mark = '  < holds completeThrough back';
    return `${entry.writer}  unreadable  ${entry.reason}  ${ageOf(entry)}${mark}`;
  });
  return [...unreadable, ...rows, `completeThrough ${textOf(completeThroughMs) ?? 'unknown'}`];
}

function unreadableShapeOf(entry: ListedUnreadable): Record<string, unknown> {
  const { writer, reason, changedMs, silentMs } = entry;
  const silentSeconds = silentMs === undefined ? null : Math.round(silentMs / 1000);
  return { writer, state: 'unreadable', reason, changed: textOf(changedMs), silentSeconds };
}

function shapeOf({ writer, record, changedMs, silentMs }: ListedWriter): Record<string, unknown> {
  return {
    writer,
    state: record.state,
    sealedBy: record.sealedBy,
    registered: textOf(record.registeredMs),
    watermark: textOf(record.watermarkMs),
    position: record.position === unknownPosition ? null : record.position,
    trimmed: record.trimmed,
    host: record.host,
    started: textOf(record.startedMs),
    changed: textOf(changedMs ?? null),
    silentSeconds: silentMs === undefined ? null : Math.round(silentMs / 1000),
    lost: textOf(record.lostMs ?? null),
  };
}

function ageOf({ silentMs }: Pick<ListedWriter, 'silentMs'>): string {
  return silentMs === undefined ? 'at an unknown time' : `${Math.round(silentMs / 1000)} s ago`;
}

function textOf(ms: number | null): string | null {
  return ms === null ? null : new Date(ms).toISOString();
}
