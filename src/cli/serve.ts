// `adcounter serve`: one service from start to end, told by signals.
// A signal stops it within the grace, a second one at once; a broken promise of our own ends the
// process as it stands (the journal makes a restart safe). Never builds a room; service.ts does.
import { createLog, type Log } from '../log.ts';
import { Metrics } from '../metrics.ts';
import { CounterError, toError } from '../model/errors.ts';
import type { Service, ServiceOptions } from '../service.ts';
import { version } from '../version.ts';
import { exitCodes, type Command, type ExitCode, type Invocation } from './command.ts';

export const serveCommand: Command = {
  usage: ['serve', '$0'],
  summary: 'Count: accept events over HTTP, flush them to the store, answer questions',
  examples: [
    ['serve', 'on http://127.0.0.1:8080, into the embedded store in ./adcounter-data'],
    ['serve --http-host 0.0.0.0 --flush-seconds 10', 'for all addresses, flushed more often'],
    ['serve --hbase-zookeeper zk-1:2181,zk-2:2181', 'into HBase (see: adcounter schema)'],
  ],
  settings: undefined,
  opensStore: () => true,
  run: async (invocation) => {
    if (invocation.config.workers > 1) {
      const { serveByWorkers } = await import('./serve-workers.ts');
      return serveByWorkers(invocation);
    }
    const { startService } = await import('../service.ts');
    return serve(invocation, startService, process);
  },
};

type StartService = (options: ServiceOptions) => Promise<Service>;

/** The part of `process` that serving needs. */
export interface Host {
  on(event: string, listener: (value: unknown) => void): unknown;
  off(event: string, listener: (value: unknown) => void): unknown;
  exit(code: number): void;
}

export async function serve(
  invocation: Invocation,
  startService: StartService,
  host: Host,
  log = logOf(invocation),
): Promise<ExitCode> {
  const { config, warnings, terminal } = invocation;
  for (const warning of warnings) log.warn('config.unknown', warning);
  const metrics = new Metrics({ version });
  metrics.observeProcess();

  const ending = watch(host, log, config.shutdownGraceMs);
  try {
    const service = await startService({ config, log, metrics });
    sayStarted(log, config, service.address);
    const failure = await Promise.race([ending.asked, service.failed]);
    if (failure instanceof Error) {
      log.error('service.failed', 'The service cannot go on; a restart recovers', { err: failure });
      return exitCodes.not;
    }
    await service.stop();
    log.info('service.stopped', 'Stopped: all that was counted is safe');
    return exitCodes.fine;
  } catch (thrown) {
    terminal.err(`adcounter: ${oneLine(thrown)}\n`);
    return exitCodes.not;
  } finally {
    ending.forget();
  }
}

/** Ends the process when it is told twice, takes too long, or breaks a promise of its own. */
export function watch(host: Host, log: Log, graceMs: number, onHangUp?: () => void) {
  let askedOnce = false;
  let ask: (() => void) | undefined;
  const asked = new Promise<undefined>((resolve) => {
    ask = () => resolve(undefined);
  });
  let grace: NodeJS.Timeout | undefined;
  const endLate = (): void => {
    log.error('service.stop_late', 'The stop took too long: ending as in a crash', {
      grace_ms: graceMs,
    });
    host.exit(exitCodes.not);
  };
  const onSignal = (signal: unknown): void => {
    if (askedOnce) return host.exit(exitCodes.not);
    askedOnce = true;
    log.info('service.stop', `${String(signal)}: stopping; once more ends at once`);
    grace = setTimeout(endLate, graceMs);
    ask?.();
  };
  const onBroken = (thrown: unknown): void => {
    log.error('process.broken', 'Ending as in a crash; a restart recovers', {
      err: thrown,
      stack: toError(thrown).stack,
    });
    host.exit(exitCodes.not);
  };
  const listeners = [
    ['SIGTERM', onSignal],
    ['SIGINT', onSignal],
    // A terminal that is closed, or a session that is left.
    ['SIGHUP', onHangUp ?? onSignal],
    ['uncaughtException', onBroken],
    ['unhandledRejection', onBroken],
  ] as const;
  for (const [event, listener] of listeners) host.on(event, listener);
  const forget = (): void => {
    clearTimeout(grace);
    for (const [event, listener] of listeners) host.off(event, listener);
  };
  return { asked, forget };
}

export function logOf({ config, json, quiet }: Invocation): Log {
  const level = quiet && config.logLevel === 'info' ? 'warn' : config.logLevel;
  return json ? createLog(level, process.stdout) : createLog(level);
}

function sayStarted(log: Log, config: Invocation['config'], address: string): void {
  const place =
    config.store === 'hbase'
      ? `${config.hbaseZookeeper.join(',')}${config.hbaseZnode} ${config.hbaseTablePrefix}*`
      : config.dataDir;
  log.info('service.start', `Counting on ${address} into the ${config.store} store at ${place}`, {
    version,
    address,
    store: config.store,
    place,
    data_dir: config.dataDir,
  });
}

export function oneLine(thrown: unknown): string {
  const error = toError(thrown);
  const { code, syscall } = error as NodeJS.ErrnoException;
  if (!(error instanceof CounterError) && code === undefined) return error.stack ?? error.message;
  const hint = code === undefined ? undefined : (hints[code] ?? hints[syscall ?? '']);
  return hint === undefined ? error.message : `${error.message}; ${hint}`;
}

const otherFolder = '--data-dir or ADCOUNTER_DATA_DIR names another folder';
const otherPort = '--http-port or ADCOUNTER_HTTP_PORT names another port';

/** What helps, by the code of a failed start, or else by what the system was asked to do. */
const hints: Readonly<Record<string, string | undefined>> = {
  STORE_LOCKED: otherFolder,
  STORE_UNOPENED: otherFolder,
  DATA_DIR_OF_OTHER_STORE: otherFolder,
  mkdir: otherFolder,
  EADDRINUSE: otherPort,
  EADDRNOTAVAIL: '--http-host or ADCOUNTER_HTTP_HOST names an address of this machine',
  getaddrinfo: '--http-host or ADCOUNTER_HTTP_HOST names an address of this machine',
  listen: otherPort,
};
