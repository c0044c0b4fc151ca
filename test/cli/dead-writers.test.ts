// What a killed service leaves behind, settled by commands: recover puts it, writers lists it and
// gives it up. The built service on the embedded store, killed with counts that were not flushed.
import { cp, mkdir, mkdtemp, readdir, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from '@jest/globals';
import type { AdId } from '../../src/model/cell.ts';
import type { WriterId } from '../../src/model/writer-id.ts';
import { CounterStore } from '../../src/store/counter-store.ts';
import { EmbeddedRowStore } from '../../src/store/embedded/embedded-row-store.ts';
import { WriterRegistry } from '../../src/store/registry.ts';
import { freePort, ServiceProcess } from '../crash/service-process.ts';
import { runCli } from '../../src/cli/cli.ts';
import { run } from './run.ts';

let home: string;
let dataDir: string;
let writer: string;

beforeEach(async () => {
  home = await mkdtemp(path.join(tmpdir(), 'adcounter-dead-'));
  dataDir = path.join(home, 'data');
  await killedService();
  [writer = ''] = await readdir(path.join(dataDir, 'journal'));
}, 60_000);

afterEach(async () => {
  await rm(home, { recursive: true });
});

async function killedService(): Promise<void> {
  const service = new ServiceProcess({ dataDir, port: await freePort(), env: {} });
  await service.logged('service.start', 30_000);
  const response = await fetch(`${service.address}/v1/impressions`, {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify([
      { ad: 'a', site: 's.example', n: 40 },
      { ad: 'a', site: 't.example', n: 2 },
    ]),
  });
  expect(response.status).toBe(202);
  await service.kill9();
}

async function storedIn(folder: string): Promise<number> {
  const rows = await EmbeddedRowStore.open({ dataDir: folder });
  try {
    const inTime = { timeoutMs: 5_000 };
    const store = await CounterStore.open(rows, { createIfMissing: false }, inTime);
    let sum = 0;
    const everything = { first: 0, end: 65_536 * 96 };
    await store.readAd('a' as AdId, everything, ({ counts }) => (sum += counts[1] ?? 0), inTime);
    return sum;
  } finally {
    await rows.close();
  }
}

async function listed(): Promise<Record<string, unknown>> {
  const { out } = await run('writers', '--data-dir', dataDir, '--json');
  return JSON.parse(out) as Record<string, unknown>;
}

describe('recover', () => {
  test('puts what was not flushed, once, however often it is called', async () => {
    const first = await run('recover', '--data-dir', dataDir);
    expect(first).toMatchObject({ code: 0, err: '' });
    expect(first.out).toContain(`${writer}  sealed`);
    expect(first.out).toContain('1 frame in 1 segment, 42 of 42 counts put');
    expect(await storedIn(dataDir)).toBe(42);

    const again = await run('recover', '--data-dir', dataDir, '--json');
    expect(again.code).toBe(0);
    expect(JSON.parse(again.out)).toMatchObject({ settled: true, writers: [{ fate: 'over' }] });
    expect(await run('recover', '--data-dir', dataDir, '--quiet')).toMatchObject({ out: '' });
    expect(await storedIn(dataDir)).toBe(42);
  }, 60_000);

  test('a copy of the whole folder is as good as the folder', async () => {
    const copy = path.join(home, 'copy');
    await cp(dataDir, copy, { recursive: true });
    expect((await run('recover', '--data-dir', copy)).code).toBe(0);
    expect(await storedIn(copy)).toBe(42);
    expect(await storedIn(dataDir)).toBe(0);
  }, 60_000);

  test('names the service that runs on the store, and changes nothing', async () => {
    const service = new ServiceProcess({ dataDir, port: await freePort(), env: {} });
    try {
      await service.logged('service.start', 30_000);
      const { code, out, err } = await run('recover', '--data-dir', dataDir);
      expect({ code, out }).toEqual({ code: 1, out: '' });
      expect(err).toContain(`STORE_LOCKED`);
      expect(err).toContain(`process ${service.pid}`);
      expect(err).toContain('recovers its own folder');
    } finally {
      await service.stop();
    }
  }, 60_000);

  test('a folder that is none is refused, and left as it was', async () => {
    const wrong = path.join(home, 'wrong');
    const { code, err } = await run('recover', '--data-dir', wrong);
    expect(code).toBe(1);
    expect(err).toMatch(/^adcounter: NO_JOURNAL: .*wrong\/journal is not there\n$/);
    await mkdir(path.join(wrong, 'journal'), { recursive: true });
    expect((await run('recover', '--data-dir', wrong)).err).toContain('NO_STORE');
    expect(await readdir(wrong)).toEqual(['journal']);
  });
});

describe('writers', () => {
  test('lists them, and who holds completeThrough back', async () => {
    const { code, out, err } = await run('writers', '--data-dir', dataDir);
    expect({ code, err }).toEqual({ code: 0, err: '' });
    expect(out).toMatch(new RegExp(`^${writer}  open, dead  registered 20.*< holds complete`));
    expect(await listed()).toMatchObject({
      heldBackBy: writer,
      writers: [{ writer, state: 'open' }],
    });
  });

  test('lost says what it may lose, and does nothing without the second confirmation', async () => {
    const { code, err } = await run('writers', 'lost', writer, '--data-dir', dataDir);
    expect(code).toBe(1);
    expect(err).toContain('may be lost       what it accepted from then on: its frames behind');
    expect(err).toContain('nothing was changed');
    const other = ['--yes-lost', writer.replace(/^./, (digit) => (digit === '0' ? '1' : '0'))];
    expect((await run('writers', 'lost', writer, '--data-dir', dataDir, ...other)).code).toBe(1);
    expect(await listed()).toMatchObject({ writers: [{ state: 'open' }] });
  });

  test('lost, confirmed, is lost; and what turns up after all is put and ends that', async () => {
    const yes = ['writers', 'lost', writer, '--data-dir', dataDir, '--yes-lost', writer];
    expect(await run(...yes)).toMatchObject({ code: 0 });
    expect(await run(...yes)).toMatchObject({
      code: 0,
      err: '',
      out: `${writer}: was called lost before\n`,
    });
    expect(await listed()).toMatchObject({ heldBackBy: null, writers: [{ state: 'lost' }] });
    const recovered = await run('recover', '--data-dir', dataDir);
    expect(recovered.code).toBe(0);
    expect(recovered.err).toContain('what was complete was not');
    expect(await storedIn(dataDir)).toBe(42);
    expect(await listed()).toMatchObject({ writers: [{ state: 'sealed', sealedBy: 'recoverer' }] });
    expect((await run(...yes)).err).toContain('it is sealed');
  }, 60_000);

  test('a person is asked for the id, and another answer changes nothing', async () => {
    const asked: string[] = [];
    const answering = (answer: string): Promise<number> =>
      runCli(['writers', 'lost', writer, '--data-dir', dataDir, '--quiet'], {
        out: () => undefined,
        err: () => undefined,
        ask: (question) => {
          asked.push(question);
          return Promise.resolve(answer);
        },
      });
    expect(await answering('yes')).toBe(1);
    expect(await listed()).toMatchObject({ writers: [{ state: 'open' }] });
    expect(await answering(writer)).toBe(0);
    expect(await listed()).toMatchObject({ writers: [{ state: 'lost' }] });
    expect(asked).toEqual(Array.from({ length: 2 }, () => `Type ${writer} to give it up: `));
  });

  test('one whose record cannot be read is listed, and given up like any other', async () => {
    const rows = await EmbeddedRowStore.open({ dataDir });
    const row = Buffer.concat([Buffer.from('w'), Buffer.from(writer, 'hex')]);
    const found = await new WriterRegistry(rows).read(writer as WriterId);
    const check = { row, qualifier: Buffer.from([1]), expected: found?.bytes ?? null };
    const value = Buffer.from('\u0002newer');
    expect(await rows.checkAndPut('meta', { ...check, value }, { timeoutMs: 5_000 })).toBe(true);
    await rows.close();

    const shown = await run('writers', '--data-dir', dataDir);
    expect(shown).toMatchObject({ code: 0, err: '' });
    expect(shown.out).toMatch(new RegExp(`^${writer}  unreadable  RECORD_INVALID.*holds complete`));
    expect(shown.out).toContain('completeThrough unknown');
    expect(await listed()).toMatchObject({ completeThrough: null, heldBackBy: writer });
    const recovered = await run('recover', '--data-dir', dataDir);
    expect(recovered).toMatchObject({ code: 1 });
    expect(recovered.out).toContain(`${writer}  no_record     1 frame`);

    const given = ['writers', 'lost', writer, '--data-dir', dataDir];
    expect((await run(...given)).err).toContain('anything that it accepted and that is not in');
    expect(await run(...given, '--yes-lost', writer)).toMatchObject({ code: 0 });
    expect(await listed()).toMatchObject({ writers: [{ state: 'lost', position: null }] });
    // Its frames are put now, and never taken for all that there was.
    expect((await run('recover', '--data-dir', dataDir)).out).toContain('42 of 42 counts put');
    expect(await storedIn(dataDir)).toBe(42);
    expect(await listed()).toMatchObject({ writers: [{ state: 'lost' }] });
  }, 60_000);

  test('a writer that nobody knows is named so', async () => {
    const { code, err } = await run('writers', 'lost', 'a'.repeat(16), '--data-dir', dataDir);
    expect(code).toBe(1);
    expect(err).toContain('the store knows no such writer');
  });
});
