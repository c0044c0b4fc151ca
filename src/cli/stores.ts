// What the commands share that open a store themselves: their settings, and a log for a terminal.
import type { Log, LogFields } from '../log.ts';
import { toError } from '../model/errors.ts';
import type { Invocation } from './command.ts';

/** Settings that say which store, and where. */
export const storeSettings: readonly string[] = [
  'STORE',
  'DATA_DIR',
  'HBASE_ZOOKEEPER',
  'HBASE_ZNODE',
  'HBASE_TABLE_PREFIX',
  'HBASE_HOST_MAP',
  'HBASE_SALTS',
  'HBASE_USER',
  'HBASE_RPC_TIMEOUT_MS',
  'RETENTION_DAYS',
];

/** Warnings and alarms on stderr, a line each; the rest is what the command itself tells. */
export function terminalLog({ terminal, quiet }: Invocation): Log {
  const say = (event: string, msg: string, fields: LogFields = {}): void => {
    // What ends the command is told by the command itself.
    if (quiet || event === 'store.schema_refused') return;
    const { writer_id: writer, err } = fields;
    const who = typeof writer === 'string' ? ` (writer ${writer})` : '';
    const why = err === undefined ? '' : `: ${toError(err).message}`;
    terminal.err(`adcounter: ${msg}${who}${why}\n`);
  };
  return { info: () => undefined, warn: say, error: say };
}
