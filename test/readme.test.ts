// The README as a reader meets it: its tour is run command by command against the built service,
// and what can be looked up in the code (settings) is compared with it.
import { execFile, spawn, spawnSync } from 'node:child_process';
import type { ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { createInterface } from 'node:readline';
import { setTimeout as passes } from 'node:timers/promises';
import { promisify } from 'node:util';
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { settingSources } from '../src/settings.ts';
import { markedIn, patternOf, readmeText, tourIn, withoutBlanks } from './support/readme.ts';

const readme = readmeText();
const run = promisify(execFile);

const missing = ['bash', 'curl', 'gzip', 'grep'].filter(
  (tool) => spawnSync(tool, ['--version']).error !== undefined,
);
const skipped = missing.length > 0 && (process.env['CI'] ?? '') === '';
if (skipped) process.stderr.write(`SKIPPED: the README's tour needs ${missing.join(', ')}\n`);
// oxlint-disable-next-line jest/no-disabled-tests -- only where nobody relies on it
const describeTour = skipped ? describe.skip : describe;

describeTour('the tour with curl', () => {
  const steps = tourIn(readme, 'A tour with curl');
  let folder: string;
  let service: ChildProcess | undefined;
  let address = '';

  beforeAll(async () => {
    folder = await mkdtemp(path.join(tmpdir(), 'adcounter-readme-'));
  });

  afterAll(async () => {
    await kill();
    await rm(folder, { recursive: true });
  });

  async function start(): Promise<void> {
    service = spawn(process.execPath, [path.resolve('dist/src/main.js')], {
      cwd: folder,
      stdio: ['ignore', 'pipe', 'inherit'],
      env: { PATH: process.env['PATH'], ADCOUNTER_HTTP_PORT: '0' },
    });
    if (service.stdout === null) throw new Error('it has no output');
    for await (const line of createInterface({ input: service.stdout })) {
      const entry = JSON.parse(line) as { event: string; address?: string };
      if (entry.event !== 'service.start') continue;
      address = entry.address ?? '';
      break;
    }
    service.stdout.resume();
  }

  async function kill(): Promise<void> {
    if (service === undefined || service.exitCode !== null || service.signalCode !== null) return;
    const ended = once(service, 'exit');
    service.kill('SIGKILL');
    await ended;
  }

  async function answerTo(command: string): Promise<string> {
    const script = command.replaceAll('http://127.0.0.1:8080', address);
    const env = { PATH: process.env['PATH'] };
    const { stdout } = await run('bash', ['-c', script], { cwd: folder, env });
    return withoutBlanks(stdout);
  }

  test('has every form of counting, every question, and a kill', () => {
    const commands = steps.map(({ command }) => command ?? 'kill');
    const forms =
      '"events" x-ndjson text/plain gzip "n" "ts" /v1/clicks pixel.gif ack=memory dryRun ' +
      '/v1/flush /v1/ads/ ad= /sites? /sites/ /v1/status /metrics kill';
    const wanted = forms.split(' ');
    expect(wanted.filter((form) => !commands.some((command) => command.includes(form)))).toEqual(
      [],
    );
  });

  test('is answered as it says, also after kill -9 and a restart', async () => {
    await start();
    for (const { command, answer } of steps) {
      if (command === undefined) {
        await kill();
        await start();
        continue;
      }
      const pattern = patternOf(answer);
      let given = await answerTo(command);
      // After the restart the dead writer's journal is read behind the first answers.
      for (let wait = 0; wait < 50 && command.includes('/v1/ads') && !pattern.test(given); wait++) {
        await passes(100);
        given = await answerTo(command);
      }
      expect({ command, given }).toEqual({ command, given: expect.stringMatching(pattern) });
    }
  }, 60_000);
});

describe('the table of settings', () => {
  test('is that of the code', () => {
    const rows = settingSources().map(({ environment, ...source }) => [
      `\`${environment}\``,
      source.default === '' ? '' : `\`${source.default}\``,
      source.description.replaceAll('|', String.raw`\|`),
    ]);
    const table = [['setting', 'default', 'meaning'], ['---', '---', '---'], ...rows]
      .map((cells) => `| ${cells.join(' | ')} |\n`)
      .join('');
    expect(markedIn(readme, 'settings').trim()).toBe(table.trim());
  });
});
