// With the store away a round of a worker may outlast the wait for its answer. A flush of all
// workers then said "partial" though nobody had put anything, or, by a race of two deadlines, that
// the service accepted no events.
import { afterEach, expect, jest, test } from '@jest/globals';
import { workerFlushMs } from '../../src/limits.ts';
import { Metrics } from '../../src/metrics.ts';
import { Primary } from '../../src/workers/primary.ts';
import type { Child } from '../../src/workers/worker-process.ts';

interface Said {
  readonly adcounter: string;
  readonly id: number;
  readonly what?: string;
  readonly value?: unknown;
}

/** Serves at once; of flushes it answers with what it is given, or nothing. */
class SlowWorker {
  flushed: unknown;
  readonly said: Said[] = [];
  tell: (message: unknown) => void = () => undefined;
  readonly child: Child;

  constructor(id: number) {
    let exit: (how: { code: number | null; signal: NodeJS.Signals | null }) => void;
    this.child = {
      id,
      pid: 1_000 + id,
      send: (message) => {
        const said = message as Said;
        this.said.push(said);
        if (said.what === 'stop') exit({ code: 0, signal: null });
        if (said.what !== 'flush' || this.flushed === undefined) return;
        this.tell({ adcounter: 'answer', id: said.id, value: this.flushed });
      },
      kill: (signal) => exit({ code: null, signal }),
      onMessage: (listener) => {
        this.tell = listener;
        queueMicrotask(() => listener({ adcounter: 'ask', id: 1, what: 'started' }));
      },
      onExit: (listener) => {
        exit = listener;
      },
    };
  }
}

afterEach(() => {
  jest.useRealTimers();
});

test('a flush that no worker answered is an error, one that some did is partial', async () => {
  jest.useFakeTimers({ doNotFake: ['queueMicrotask', 'nextTick', 'setImmediate'] });
  const workers: SlowWorker[] = [];
  const primary = new Primary({
    workers: 2,
    graceMs: 1_000,
    launch: () => {
      const worker = new SlowWorker(workers.length + 1);
      workers.push(worker);
      return worker.child;
    },
    metrics: new Metrics({ version: 'test' }),
    monotonicMs: () => 0,
    random: () => 0,
    log: { info: () => undefined, warn: () => undefined, error: () => undefined },
  });
  await primary.crew.start();
  const [first, second] = workers;
  if (first === undefined || second === undefined) throw new Error('two workers were to start');
  const outcomeOfFlush = async (id: number): Promise<unknown> => {
    first.tell({ adcounter: 'ask', id, what: 'flush' });
    await jest.advanceTimersByTimeAsync(workerFlushMs + 1);
    return first.said.find((said) => said.adcounter === 'answer' && said.id === id)?.value;
  };
  expect(await outcomeOfFlush(10)).toMatchObject({ outcome: 'error', cells: 0 });
  second.flushed = { outcome: 'success', cells: 2, ms: 1, completeThroughMs: 5 };
  expect(await outcomeOfFlush(11)).toMatchObject({ outcome: 'partial', cells: 2 });
  await primary.stop();
});
