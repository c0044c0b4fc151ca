// What the primary says of all workers together, with fake ones. Nobody is forked here.
import { expect, test } from '@jest/globals';
import { Metrics } from '../../src/metrics.ts';
import { Primary } from '../../src/workers/primary.ts';
import type { Child, Exit } from '../../src/workers/worker-process.ts';
import { until } from '../support/until.ts';

const waitMs = 5_000;

interface Said {
  readonly adcounter: string;
  readonly id: number;
  readonly what?: string;
  readonly value?: unknown;
}

/** A worker that serves at once, and answers one question. */
class FakeWorker {
  answer: unknown = false;
  isSilent = false;
  readonly #answers = new Map<number, unknown>();
  #message: (message: unknown) => void = () => undefined;
  #exit: (exit: Exit) => void = () => undefined;
  #asked = 1;
  readonly child: Child;

  constructor(id: number) {
    this.child = {
      id,
      pid: 1_000 + id,
      send: (message) => this.#receive(message as Said),
      kill: (signal) => this.#exit({ code: null, signal }),
      onMessage: (listener) => {
        this.#message = listener;
        queueMicrotask(() => listener({ adcounter: 'ask', id: 1, what: 'started' }));
      },
      onExit: (listener) => {
        this.#exit = listener;
      },
    };
  }

  async ask(what: string, detail: unknown): Promise<unknown> {
    const id = ++this.#asked;
    this.#message({ adcounter: 'ask', id, what, detail });
    await until(() => this.#answers.has(id), 2 * waitMs);
    return this.#answers.get(id);
  }

  #receive({ adcounter, id, what, value }: Said): void {
    if (adcounter === 'answer') this.#answers.set(id, value);
    if (what === 'stop') this.#exit({ code: 0, signal: null });
    if (what === 'hasLostCounts' && !this.isSilent) {
      queueMicrotask(() => this.#message({ adcounter: 'answer', id, value: this.answer }));
    }
  }
}

test('counts are lost where one worker says so, or does not answer', async () => {
  const workers: FakeWorker[] = [];
  const primary = new Primary({
    workers: 2,
    graceMs: 1_000,
    launch: () => {
      const worker = new FakeWorker(workers.length + 1);
      workers.push(worker);
      return worker.child;
    },
    metrics: new Metrics({ version: 'test' }),
    monotonicMs: () => performance.now(),
    random: () => 0,
    log: { info: () => undefined, warn: () => undefined, error: () => undefined },
  });
  await primary.crew.start();
  const [first, second] = workers;
  if (first === undefined || second === undefined) throw new Error('two workers were to start');
  expect(await first.ask('hasLostCounts', 1)).toBe(false);
  second.answer = true;
  expect(await first.ask('hasLostCounts', 1)).toBe(true);
  second.answer = false;
  expect(await first.ask('hasLostCounts', 1)).toBe(false);
  second.isSilent = true;
  expect(await first.ask('hasLostCounts', 1)).toBe(true);
  await primary.stop();
}, 30_000);
