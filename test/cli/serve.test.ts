import { EventEmitter } from 'node:events';
import { afterEach, beforeEach, describe, expect, jest, test } from '@jest/globals';
import { serve, type Host } from '../../src/cli/serve.ts';
import { loadConfig } from '../../src/config.ts';
import { CounterError } from '../../src/model/errors.ts';
import type { Service } from '../../src/service.ts';

class FakeHost extends EventEmitter implements Host {
  readonly exits: number[] = [];

  exit(code: number): void {
    this.exits.push(code);
  }
}

let host: FakeHost;
let err: string;

beforeEach(() => {
  host = new FakeHost();
  err = '';
  jest.useFakeTimers();
});

afterEach(() => {
  jest.useRealTimers();
});

function start(startService: () => Promise<Service>) {
  const loaded = loadConfig({
    env: {},
    flags: { 'log-level': 'silent', 'shutdown-grace-ms': '5000' },
    readFile: () => '',
    machineMemoryBytes: 2 ** 32,
  });
  if ('mistakes' in loaded) throw new Error(loaded.mistakes.join('\n'));
  const invocation = {
    ...loaded,
    argv: {},
    json: false,
    quiet: true,
    terminal: {
      out: () => undefined,
      err: (text: string) => {
        err += text;
      },
    },
  };
  return serve(invocation, startService, host);
}

function service(part: Partial<Service> = {}): Service {
  return {
    address: 'http://127.0.0.1:8080',
    stop: () => Promise.resolve(),
    failed: new Promise(() => undefined),
    ...part,
  };
}

function never(): Promise<never> {
  return new Promise(() => undefined);
}

/** Lets everything run that waits for no time to pass. */
function settle(): Promise<void> {
  return jest.advanceTimersByTimeAsync(0);
}

describe('a signal', () => {
  test.each(['SIGTERM', 'SIGINT', 'SIGHUP'])(
    '%s stops the service, and that is fine',
    async (signal) => {
      let stops = 0;
      const running = start(() =>
        Promise.resolve(
          service({
            stop: async () => {
              stops += 1;
            },
          }),
        ),
      );
      await settle();
      expect(stops).toBe(0);
      host.emit(signal, signal);
      expect(await running).toBe(0);
      expect([stops, host.exits]).toEqual([1, []]);
      expect(host.eventNames()).toEqual([]);
      expect(jest.getTimerCount()).toBe(0);
    },
  );

  test('that comes again ends the process at once', async () => {
    void start(() => Promise.resolve(service({ stop: never })));
    await settle();
    host.emit('SIGINT', 'SIGINT');
    await settle();
    expect(host.exits).toEqual([]);
    host.emit('SIGTERM', 'SIGTERM');
    expect(host.exits).toEqual([1]);
  });

  test('gives the stop its grace, and no more', async () => {
    void start(() => Promise.resolve(service({ stop: never })));
    await settle();
    host.emit('SIGTERM', 'SIGTERM');
    await jest.advanceTimersByTimeAsync(4_999);
    expect(host.exits).toEqual([]);
    await jest.advanceTimersByTimeAsync(1);
    expect(host.exits).toEqual([1]);
  });

  test('during the start stops the service as soon as it is there', async () => {
    let stops = 0;
    let started: ((value: Service) => void) | undefined;
    const running = start(
      () =>
        new Promise<Service>((resolve) => {
          started = resolve;
        }),
    );
    await settle();
    host.emit('SIGTERM', 'SIGTERM');
    await settle();
    started?.(
      service({
        stop: async () => {
          stops += 1;
        },
      }),
    );
    expect(await running).toBe(0);
    expect(stops).toBe(1);
  });
});

describe('what goes wrong', () => {
  test('a start that fails prints one clear line', async () => {
    const detail = 'data/store is held by process 7';
    const code = await start(() =>
      Promise.reject(new CounterError('STORE_LOCKED', 'give-up', { detail })),
    );
    expect(code).toBe(1);
    expect(err).toBe(
      'adcounter: STORE_LOCKED: data/store is held by process 7; ' +
        '--data-dir or ADCOUNTER_DATA_DIR names another folder\n',
    );
  });

  test('a failure of the operating system is one line too, a defect shows its stack', async () => {
    const busy = Object.assign(new Error('listen EADDRINUSE 127.0.0.1:8080'), {
      code: 'EADDRINUSE',
    });
    expect(await start(() => Promise.reject(busy))).toBe(1);
    expect(err).toBe(
      'adcounter: listen EADDRINUSE 127.0.0.1:8080; ' +
        '--http-port or ADCOUNTER_HTTP_PORT names another port\n',
    );
    err = '';
    await start(() => Promise.reject(new TypeError('undefined is no function')));
    expect(err).toContain('serve.test.ts');
  });

  test('a service that can go on no longer ends with 1, without a stop', async () => {
    const stop = jest.fn(() => Promise.resolve());
    const failed = Promise.resolve(new Error('broken'));
    expect(await start(() => Promise.resolve(service({ stop, failed })))).toBe(1);
    expect(stop).not.toHaveBeenCalled();
  });

  test('a stop that fails ends with 1', async () => {
    const running = start(() =>
      Promise.resolve(service({ stop: () => Promise.reject(new Error('disk')) })),
    );
    await settle();
    host.emit('SIGTERM', 'SIGTERM');
    expect(await running).toBe(1);
  });

  test.each(['uncaughtException', 'unhandledRejection'])('%s ends at once', async (event) => {
    void start(() => Promise.resolve(service()));
    await settle();
    host.emit(event, new Error('nobody expected it'));
    expect(host.exits).toEqual([1]);
  });
});
