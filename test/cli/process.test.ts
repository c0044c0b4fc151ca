// The built command as a process of its own; `npm test` builds it first.
import { spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, readFileSync } from 'node:fs';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { createInterface } from 'node:readline';
import { afterEach, beforeEach, describe, expect, test } from '@jest/globals';

const main = 'dist/src/main.js';
const started: ChildProcess[] = [];
let folder: string;

beforeEach(async () => {
  folder = await mkdtemp(path.join(tmpdir(), 'adcounter-process-'));
});

afterEach(async () => {
  for (const child of started.splice(0)) child.kill('SIGKILL');
  await rm(folder, { recursive: true });
});

function launch(...args: string[]): ChildProcess {
  const child = spawn(process.execPath, [main, ...args], {
    stdio: ['ignore', 'pipe', 'pipe'],
    env: { PATH: process.env['PATH'], ADCOUNTER_DATA_DIR: folder, ADCOUNTER_HTTP_PORT: '0' },
  });
  started.push(child);
  return child;
}

/** The line of the log that says the event; fails if the process ends before. */
async function lineOf(child: ChildProcess, event: string): Promise<Record<string, unknown>> {
  if (child.stdout === null) throw new Error('it has no output');
  for await (const line of createInterface({ input: child.stdout })) {
    const entry = JSON.parse(line) as Record<string, unknown>;
    if (entry['event'] === event) return entry;
  }
  throw new Error(`it ended without ${event}`);
}

async function endOf(child: ChildProcess): Promise<{ code: unknown; err: string }> {
  let err = '';
  child.stderr?.on('data', (chunk: Buffer) => {
    err += chunk.toString();
  });
  child.stdout?.resume();
  const [code] = (await once(child, 'close')) as [number | null];
  return { code, err };
}

describe('the built command', () => {
  test('is there, and begins with its interpreter', () => {
    expect(existsSync(main)).toBe(true);
    expect(readFileSync(main, 'utf8')).toMatch(/^#!\/usr\/bin\/env node\n/);
  });

  test('serves by default, says where and into what, and stops well on SIGTERM', async () => {
    const child = launch();
    const line = await lineOf(child, 'service.start');
    expect(line).toMatchObject({ level: 'info', store: 'embedded', place: folder });
    const { address } = line as { address: string };
    expect((await fetch(`${address}/livez`)).status).toBe(200);

    const health = await endOf(launch('healthcheck', '--url', address));
    expect(health).toEqual({ code: 0, err: '' });

    const end = endOf(child);
    child.kill('SIGTERM');
    expect(await end).toEqual({ code: 0, err: '' });
  }, 30_000);

  test('refuses a store that another process holds: one line, exit code 1', async () => {
    const first = launch();
    await lineOf(first, 'service.start');
    const { code, err } = await endOf(launch());
    expect(code).toBe(1);
    expect(err).toMatch(/^adcounter: STORE_LOCKED: .*\n$/);
  }, 30_000);

  test('refuses settings that cannot be, with exit code 2, before it touches anything', async () => {
    const { code, err } = await endOf(launch('serve', '--ack', 'disk', '--http-port', '-1'));
    expect(code).toBe(2);
    expect(err.split('\n')).toHaveLength(3);
  }, 30_000);

  test('warns of a variable that nobody knows', async () => {
    const child = spawn(process.execPath, [main], {
      stdio: ['ignore', 'pipe', 'pipe'],
      env: { ADCOUNTER_DATA_DIR: folder, ADCOUNTER_HTTP_PORT: '0', ADCOUNTER_FLUSHSECONDS: '5' },
    });
    started.push(child);
    const { msg } = await lineOf(child, 'config.unknown');
    expect(msg).toContain('ADCOUNTER_FLUSHSECONDS');
  }, 30_000);
});
