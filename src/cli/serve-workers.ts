// `adcounter serve` with several workers: this process starts them and speaks for all, or is one of
// them. A SIGHUP replaces them one by one, but from a terminal, where it says that the terminal is
// gone. The only home of node:cluster. Never loaded for one process alone.
import cluster from 'node:cluster';
import { isatty } from 'node:tty';
import { workerKillMs } from '../limits.ts';
import { withFields } from '../log.ts';
import { Metrics } from '../metrics.ts';
import { CounterError } from '../model/errors.ts';
import { version } from '../version.ts';
import { Primary } from '../workers/primary.ts';
import { Worker } from '../workers/worker.ts';
import type { Child } from '../workers/worker-process.ts';
import { exitCodes, type ExitCode, type Invocation } from './command.ts';
import { logOf, oneLine, serve, watch, type Host } from './serve.ts';

export function serveByWorkers(invocation: Invocation): Promise<ExitCode> {
  return cluster.isPrimary ? serveAsPrimary(invocation) : serveAsWorker(invocation);
}

async function serveAsPrimary(invocation: Invocation): Promise<ExitCode> {
  const { config, warnings, terminal } = invocation;
  const log = logOf(invocation);
  for (const warning of warnings) log.warn('config.unknown', warning);
  const primary = new Primary({
    workers: config.workers,
    graceMs: config.shutdownGraceMs,
    launch,
    metrics: new Metrics({ version }),
    monotonicMs: () => performance.now(),
    random: Math.random,
    log,
  });
  // The workers accept from one socket that the kernel keeps. Where the primary hands connections
  // over, those that are on their way to a worker that is killed are never closed: a sender would
  // wait for ever.
  cluster.schedulingPolicy = cluster.SCHED_NONE;
  const roll = (): void => void primary.crew.roll();
  const hasTerminal = [0, 1, 2].some((fd) => isatty(fd));
  const onHangUp = hasTerminal ? undefined : roll;
  // The workers keep the grace themselves; whoever does not is killed a little later.
  const ending = watch(process, log, config.shutdownGraceMs + 2 * workerKillMs, onHangUp);
  try {
    primary.watch();
    const started = primary.crew.start();
    const early = await Promise.race([started, ending.asked.then(() => 'asked')]);
    if (early === undefined) {
      log.info('workers.start', `${config.workers} workers count together`, {
        version,
        pid: process.pid,
      });
    }
    await ending.asked;
    started.catch(() => undefined);
    const isWell = await primary.stop();
    if (!isWell) log.error('workers.stop_late', 'Not every worker stopped in its own order');
    else log.info('workers.stopped', 'All workers have stopped: all that was counted is safe');
    return isWell ? exitCodes.fine : exitCodes.not;
  } catch (thrown) {
    // The worker has said why.
    const isTold = thrown instanceof CounterError && thrown.code === 'WORKER_START_FAILED';
    if (!isTold) terminal.err(`adcounter: ${oneLine(thrown)}\n`);
    await primary.stop();
    return exitCodes.not;
  } finally {
    ending.forget();
  }
}

/** The same program with the same command line; node tells it that it is a worker. */
function launch(): Child {
  const worker = cluster.fork();
  worker.on('error', () => undefined);
  return {
    id: worker.id,
    pid: worker.process.pid ?? 0,
    send: (message) => {
      if (worker.isConnected()) worker.send(message, () => undefined);
    },
    kill: (signal) => void worker.process.kill(signal),
    onMessage: (listener) => void worker.on('message', listener),
    onExit: (listener) => {
      worker.on('exit', (code: number | null, signal: string | null) => listener({ code, signal }));
    },
  };
}

async function serveAsWorker(invocation: Invocation): Promise<ExitCode> {
  const { startService } = await import('../service.ts');
  const worker = new Worker({
    send: (message) => void process.send?.(message, () => undefined),
    onMessage: (listener) => void process.on('message', listener),
  });
  const log = withFields(logOf(invocation), { worker: cluster.worker?.id });
  const start: Parameters<typeof serve>[1] = (options) => worker.start(startService, options);
  return serve(invocation, start, hostOf(worker), log);
}

/** Signals that a terminal sends to all its processes are for the primary to obey. */
function hostOf(worker: Worker): Host {
  const ignored = new Set(['SIGINT', 'SIGHUP']);
  return {
    on: (event, listener) => {
      if (ignored.has(event)) return process.on(event, () => undefined);
      if (event === 'SIGTERM') void worker.told.then(() => listener('the primary'));
      return process.on(event, listener);
    },
    off: (event, listener) => process.off(event, listener),
    exit: (code) => process.exit(code),
  };
}
