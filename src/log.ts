// Owns the log: one JSON line per thing that happened, on stdout; the only home of pino.
// Promises that no text from outside can end a line, drive a terminal or carry a secret.
// Never one line per event that is counted, and never an address, a user agent or a key.
import { pino, stdTimeFunctions, type DestinationStream, type Logger } from 'pino';
import { PinoPretty } from 'pino-pretty';
import type { LogLevel } from './config.ts';
import { toError } from './model/errors.ts';

/** Snake case; `err` takes anything that was thrown; `duration_ms`, `writer_id`, `request_id`. */
export type LogFields = Readonly<Record<string, unknown>>;

/** All that a room needs. `event` is stable, for machines (`flush.done`); `msg` for people. */
export interface Log {
  info(event: string, msg: string, fields?: LogFields): void;
  warn(event: string, msg: string, fields?: LogFields): void;
  error(event: string, msg: string, fields?: LogFields): void;
}

/** The same log, each of its lines with these fields. */
export function withFields(log: Log, always: LogFields): Log {
  return {
    info: (event, msg, fields) => log.info(event, msg, { ...always, ...fields }),
    warn: (event, msg, fields) => log.warn(event, msg, { ...always, ...fields }),
    error: (event, msg, fields) => log.error(event, msg, { ...always, ...fields }),
  };
}

/** Pretty on a terminal; NO_COLOR is heeded there. Tests bring a destination of their own. */
export function createLog(level: LogLevel, destination?: DestinationStream): Log {
  const logger = pino(
    {
      level,
      base: null,
      timestamp: stdTimeFunctions.isoTime,
      formatters: { level: (label) => ({ level: label }) },
      // Ours, below: pino's own would add stacks.
      serializers: { err: (err: unknown) => err },
    },
    destination ?? standardOutput(),
  );
  return {
    info: (event, msg, fields) => write(logger, 'info', event, msg, fields),
    warn: (event, msg, fields) => write(logger, 'warn', event, msg, fields),
    error: (event, msg, fields) => write(logger, 'error', event, msg, fields),
  };
}

/** Synchronous: what was logged is out when the process ends, however it ends. */
function standardOutput(): DestinationStream {
  if (!process.stdout.isTTY) return pino.destination({ fd: 1, sync: true });
  return PinoPretty({ destination: 1, sync: true, messageKey: 'msg', timestampKey: 'time' });
}

function write(
  logger: Logger,
  level: Exclude<LogLevel, 'silent'>,
  event: string,
  msg: string,
  fields: LogFields = {},
): void {
  if (!logger.isLevelEnabled(level)) return;
  logger[level]({ event, ...(clean(fields, 0) as Record<string, unknown>) }, cleanText(msg));
}

const secretFields = new Set([
  'admin_keys',
  'authorization',
  'cookie',
  'idempotency_key',
  'key',
  'keys',
  'password',
  'query_string',
  'read_keys',
  'secret',
  'token',
  'write_keys',
]);
const depthMax = 5;
const textCharactersMax = 2_000;

/** The value as it may be logged. Rooms log numbers and short texts; this is the safety net. */
function clean(value: unknown, depth: number): unknown {
  if (typeof value === 'string') return cleanText(value);
  if (typeof value === 'bigint') return value.toString();
  if (typeof value !== 'object' || value === null) return value;
  if (value instanceof Error) return cleanError(value);
  if (depth === depthMax) return '…';
  if (Array.isArray(value)) return value.map((item) => clean(item, depth + 1));
  return Object.fromEntries(
    Object.entries(value).map(([name, item]) => {
      if (secretFields.has(name)) return [name, '[removed]'];
      return [cleanText(name), name === 'err' ? cleanError(item) : clean(item, depth + 1)];
    }),
  );
}

/** What happened, without stacks: `type`, the stable `code` where there is one, `message`. */
function cleanError(thrown: unknown): Record<string, unknown> {
  const error = toError(thrown) as Error & { readonly code?: unknown };
  const code = typeof error.code === 'string' ? { code: cleanText(error.code) } : {};
  const cause = error.cause === undefined ? {} : { cause: cleanText(toError(error.cause).message) };
  return { type: error.name, ...code, message: cleanText(error.message), ...cause };
}

// JSON escapes the first 32 control characters only, and the pretty print none of them.
// oxlint-disable-next-line no-control-regex -- they are what it looks for
const controlCharacters = /[\u0000-\u001f\u007f-\u009f\u2028\u2029]/g;

function cleanText(text: string): string {
  const short = text.length > textCharactersMax ? `${text.slice(0, textCharactersMax)}…` : text;
  return short.replace(
    controlCharacters,
    (character) => `\\u${character.charCodeAt(0).toString(16).padStart(4, '0')}`,
  );
}
