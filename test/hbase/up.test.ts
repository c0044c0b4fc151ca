// The commands for a real HBase as a person uses them: help and wrong use, what is missing, a start
// that fails, an orphan, and that `down` leaves nothing.
import { execFile } from 'node:child_process';
import { mkdirSync, mkdtempSync, readdirSync, rmSync, symlinkSync } from 'node:fs';
import net from 'node:net';
import os from 'node:os';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { until } from '../support/until.ts';
import { allListeners, listenersOf } from './server/listeners.ts';
import { processesIn, signalProcess, stateOf } from './server/process.ts';
import { reasonIn } from './server/reason.ts';
import { bytesOf, textOf } from './server/region-commands.ts';
import { ownFolder } from './server/shared.ts';
import { startHBase } from './server/standalone.ts';
import { describeWithJava } from './with-hbase.ts';

const control = fileURLToPath(new URL('server/control.ts', import.meta.url));

interface Ended {
  readonly code: number | null;
  readonly out: string;
  readonly err: string;
}

/** `npm run hbase -- …`, without npm. */
function run(
  words: readonly string[],
  env: Record<string, string> = {},
  onPid: (pid: number) => void = () => undefined,
): Promise<Ended> {
  return new Promise((resolve) => {
    const child = execFile(
      process.execPath,
      ['--import', 'tsx', control, ...words],
      { env: { ...process.env, ...env } },
      (_, out, err) => resolve({ code: child.exitCode, out, err }),
    );
    if (child.pid !== undefined) onPid(child.pid);
  });
}

describe('the commands', () => {
  let empty = '';

  beforeAll(() => {
    empty = mkdtempSync(path.join(os.tmpdir(), 'adcounter-up-'));
  });

  afterAll(() => rmSync(empty, { recursive: true, force: true }));

  const nothingUp = (): Record<string, string> => ({ TEST_HBASE_FOLDER: path.join(empty, 'none') });

  test('help lists every command and ends with 0', async () => {
    const { code, out, err } = await run(['--help']);
    expect({ code, err }).toEqual({ code: 0, err: '' });
    const words = 'up down status kill pause resume restart regions move split merge flush compact';
    for (const word of words.split(' ')) expect(out).toContain(`\n  ${word} `.trimEnd());
  }, 30_000);

  test.each([
    ['no command', [], 'npm run hbase -- <command>'],
    ['an unknown one', ['stop'], 'There is no command "stop"'],
    [
      'an argument too few',
      ['move', 'table', 'row'],
      'npm run hbase -- move <table> <row> <server>',
    ],
    ['an argument too many', ['down', 'rs1'], 'npm run hbase -- down'],
    ['a flag of another command', ['down', '--major'], 'down has no --major'],
    ['an unknown flag', ['up', '--nothing'], "Unknown option '--nothing'"],
    [
      'a process that there is not',
      ['kill', 'rs3'],
      'zookeeper, namenode, datanode, master, rs1, rs2',
    ],
  ])(
    'wrong use, %s, ends with 2 and says what is right',
    async (_, words, says) => {
      const { code, out, err } = await run(words, nothingUp());
      expect(code).toBe(2);
      expect(out + err).toContain(says);
    },
    30_000,
  );

  test.each([
    ['kill', ['kill', 'rs1'], 'npm run hbase:up -- --cluster'],
    ['status', ['status'], 'npm run hbase:up'],
    ['regions', ['regions', 'table'], 'npm run hbase:up'],
  ])(
    'with no HBase up, %s ends with 1 and says how to start one',
    async (_, words, says) => {
      const { code, err } = await run(words, nothingUp());
      expect(code).toBe(1);
      expect(err).toContain(says);
    },
    30_000,
  );

  test('down with no HBase up is fine', async () => {
    expect(await run(['down'], nothingUp())).toEqual({
      code: 0,
      out: 'No HBase was up.\n',
      err: '',
    });
  }, 30_000);

  test('without Java, and without Maven, up says what is missing and how to get it', async () => {
    const noJars = { ...nothingUp(), TEST_HBASE_JARS: path.join(empty, 'no-jars') };
    const noJava = await run(['up'], { ...noJars, PATH: empty });
    expect(noJava.code).toBe(1);
    expect(noJava.err).toMatch(/^Java is missing: .*JDK 17.*apt-get install/);
    // Stands for a Java: the question is only whether it can be run.
    const bin = path.join(empty, 'bin');
    mkdirSync(bin);
    symlinkSync('/bin/true', path.join(bin, 'java'));
    const noMaven = await run(['up', '--cluster'], { ...noJars, PATH: bin });
    expect(noMaven.code).toBe(1);
    expect(noMaven.err).toMatch(/^Maven is missing: .*`mvn`.*apt-get install/);
  }, 30_000);

  test('a port that is none is refused by its name', async () => {
    const env = { ...nothingUp(), TEST_HBASE_MASTER_PORT: 'first' };
    const { code, err } = await run(['up'], env);
    expect({ code, err }).toEqual({
      code: 1,
      err: 'TEST_HBASE_MASTER_PORT must be a port, not "first".\n',
    });
  }, 30_000);
});

describe('rows on the command line', () => {
  test('text stands for itself, other bytes as HBase prints them, there and back', () => {
    expect(bytesOf('a\\x00ü\\xFF')).toEqual(
      Buffer.concat([Buffer.from('a\0ü'), Buffer.from([255])]),
    );
    const all = Buffer.from(Array.from({ length: 256 }, (_, i) => i));
    expect(bytesOf(textOf(all))).toEqual(all);
    expect(textOf(Buffer.from('a b\\'))).toBe('a\\x20b\\x5c');
  });
});

describe('the reason in a log', () => {
  test('is the deepest cause of the first failure', () => {
    const log = [
      '2026-01-01 00:00:00,000 INFO  [main] a.B: fine',
      '2026-01-01 00:00:01,000 ERROR [main] a.B: it failed',
      'java.lang.RuntimeException: outer',
      '\tat a.B.c(B.java:1)',
      'Caused by: java.net.BindException: Problem binding to localhost/127.0.0.1:1',
      '\t... 3 more',
      '2026-01-01 00:00:02,000 ERROR [main] a.B: a later one',
      'java.lang.IllegalStateException: that is no cause',
    ].join('\n');
    expect(reasonIn(log)).toBe('java.net.BindException: Problem binding to localhost/127.0.0.1:1');
  });

  test('is the failure itself where no exception follows, and the last line where nothing failed', () => {
    expect(reasonIn('2026-01-01 00:00:01,000 FATAL [main] a.B: no room\n')).toBe(
      '[main] a.B: no room',
    );
    expect(
      reasonIn('Unrecognized VM option\nError: Could not create the Java Virtual Machine.'),
    ).toBe('Error: Could not create the Java Virtual Machine.');
    expect(reasonIn('one\ntwo\n\n')).toBe('two');
    expect(reasonIn('')).toBe('it said nothing');
  });
});

describeWithJava('HBase, up and down', () => {
  const folder = ownFolder('up');
  const env = { TEST_HBASE_FOLDER: folder };

  afterAll(() => run(['down'], env), 60_000);

  test('a start on a port in use names the process and the port, and leaves nothing', async () => {
    const server = net.createServer();
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    try {
      const { port } = server.address() as net.AddressInfo;
      const { code, err } = await run(['up'], { ...env, TEST_HBASE_MASTER_PORT: String(port) });
      expect(code).toBe(1);
      expect(err).toBe(`hbase cannot start: port ${port} on 127.0.0.1 is in use.\n`);
      expect(processesIn(folder).size).toBe(0);
    } finally {
      server.close();
    }
  }, 60_000);

  test('a start that fails later names the process and the reason in its log', async () => {
    const failing = ownFolder('failing');
    const site = { 'hbase.rootdir': 'nowhere://localhost/hbase' };
    const start = startHBase({ folder: failing, fresh: true, site });
    await expect(start).rejects.toThrow(
      /^hbase ended while it started: .*No FileSystem for scheme "nowhere".*hbase\.log/,
    );
    expect(processesIn(failing).size).toBe(0);
  }, 120_000);

  test('an orphan of a killed start is ended; up is ready; down leaves nothing, even paused', async () => {
    const killed = run(['up'], env, (pid) => {
      void until(() => processesIn(folder).size > 0, 60_000).then(() =>
        process.kill(pid, 'SIGKILL'),
      );
    });
    expect((await killed).code).not.toBe(0);
    const orphan = processesIn(folder).get('hbase');
    expect(orphan).toBeGreaterThan(1);

    const up = await run(['up'], env);
    expect({ code: up.code, err: up.err }).toEqual({ code: 0, err: '' });
    const address = /^ADCOUNTER_HBASE_ZOOKEEPER=127\.0\.0\.1:(\d+)$/m.exec(up.out)?.[1];
    const pid = processesIn(folder).get('hbase') ?? 0;
    expect(stateOf(folder, 'hbase')).toBe('running');
    expect(pid).not.toBe(orphan);
    expect(readdirSync('/proc')).not.toContain(String(orphan));
    const listeners = listenersOf(pid);
    expect(listeners.map(({ port }) => String(port))).toContain(address);
    expect(new Set(listeners.map((one) => one.address))).toEqual(new Set(['127.0.0.1']));

    expect((await run(['up'], env)).out).toContain('HBase was up already');
    expect((await run(['up', '--cluster'], env)).err).toContain('A standalone HBase is up');
    expect((await run(['status'], env)).out).toContain(`hbase running pid ${pid}`);

    signalProcess(folder, 'hbase', 'SIGSTOP');
    expect(await run(['down'], env)).toEqual({ code: 0, out: 'HBase is down.\n', err: '' });
    expect(processesIn(folder).size).toBe(0);
    const ports = new Set(listeners.map(({ port }) => port));
    await until(() => !allListeners().some(({ port }) => ports.has(port)), 10_000);
  }, 240_000);
});
