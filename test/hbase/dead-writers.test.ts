// Dead, stopped and copied writers on a real HBase: what the commands put, what they leave alone,
// and what a process learns that stood still while somebody took it for dead.
import { cp, mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { expect, test } from '@jest/globals';
import { runCli } from '../../src/cli/cli.ts';
import { configOfProcess } from '../../src/config.ts';
import type { Config } from '../../src/config.ts';
import { createLog } from '../../src/log.ts';
import { recoverDataDir } from '../../src/recover-data-dir.ts';
import { run } from '../cli/run.ts';
import { freshTables } from '../crash/hbase.ts';
import { freePort, ServiceProcess } from '../crash/service-process.ts';
import { SteeredClock } from '../support/core-harness.ts';
import { until } from '../support/until.ts';
import { describeOnHBase, startTimeoutMs } from './with-hbase.ts';

interface Scene {
  readonly service: ServiceProcess;
  readonly dataDir: string;
  /** The flags of a command on the same tables. */
  readonly flags: readonly string[];
  copy(): Promise<string>;
}

async function withService(
  env: Readonly<Record<string, string>>,
  act: (scene: Scene) => Promise<void>,
): Promise<void> {
  const home = await mkdtemp(path.join(tmpdir(), 'adcounter-dead-'));
  const dataDir = path.join(home, 'data');
  const port = await freePort();
  // Rounds come when the test asks for them.
  const service = new ServiceProcess({
    dataDir,
    port,
    env: { ADCOUNTER_FLUSH_SECONDS: '60', ...env },
  });
  const flags = Object.entries(env).flatMap(([name, value]) => {
    return [`--${name.replace('ADCOUNTER_', '').toLowerCase().replaceAll('_', '-')}`, value];
  });
  let copies = 0;
  const copy = async (): Promise<string> => {
    const place = path.join(home, `copy-${copies++}`);
    await cp(dataDir, place, { recursive: true });
    return place;
  };
  try {
    await service.logged('service.start', 30_000);
    await act({ service, dataDir, flags, copy });
  } finally {
    await service.kill9();
    await rm(home, { recursive: true });
  }
}

async function post({ service }: Scene, n: number): Promise<void> {
  const response = await fetch(`${service.address}/v1/impressions`, {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify({ ad: 'a', site: 's.example', n }),
  });
  expect(response.status).toBe(202);
}

async function json(scene: Scene, place: string, method = 'GET'): Promise<Record<string, unknown>> {
  const response = await fetch(scene.service.address + place, { method });
  return (await response.json()) as Record<string, unknown>;
}

async function total(scene: Scene): Promise<unknown> {
  const { impressions } = await json(scene, '/v1/ads/a');
  return (impressions as { counted: number }).counted;
}

async function writerOf(scene: Scene): Promise<string> {
  return String((await json(scene, '/v1/status'))['writer']);
}

async function recovered(scene: Scene, dataDir: string) {
  const ran = await run('recover', '--json', '--data-dir', dataDir, ...scene.flags);
  return { code: ran.code, ...(JSON.parse(ran.out) as { writers: Record<string, unknown>[] }) };
}

describeOnHBase('recover and writers', (on) => {
  const tables = (): Promise<Record<string, string>> => freshTables(on().shared.zookeeper);

  test(
    'a copy of a folder puts all and seals nobody, twice at once; the folder itself seals the dead',
    async () => {
      await withService(await tables(), async (scene) => {
        await post(scene, 42);
        const places = [await scene.copy(), await scene.copy()];
        const runs = await Promise.all(places.map((place) => recovered(scene, place)));
        for (const { code, writers } of runs) {
          expect(code).toBe(1);
          expect(writers).toMatchObject([{ fate: 'unproven', foundCounts: 42, putCounts: 42 }]);
        }
        expect(await total(scene)).toBe(42);
        // In its own folder the lock says that it lives.
        const beside = await recovered(scene, scene.dataDir);
        expect(beside).toMatchObject({ code: 0, writers: [{ fate: 'in_use' }] });
        await post(scene, 8);
        const writer = await writerOf(scene);
        await scene.service.kill9();
        // The copy's lock is as free as before, and proves as little.
        expect(await recovered(scene, places[0] ?? '')).toMatchObject({ code: 1 });
        const own = await recovered(scene, scene.dataDir);
        expect(own).toMatchObject({ code: 0, writers: [{ writer, fate: 'sealed' }] });
        expect(own.writers).toMatchObject([{ foundCounts: 50, putCounts: 50 }]);
        const late = await recovered(scene, places[1] ?? '');
        expect(late).toMatchObject({ code: 0, writers: [{ fate: 'over' }] });
        const list = await run('writers', '--json', ...scene.flags);
        const { writers } = JSON.parse(list.out) as { writers: Record<string, unknown>[] };
        const sealed = { writer, state: 'sealed', sealedBy: 'recoverer', position: 2 };
        expect(writers).toMatchObject([sealed]);
      });
    },
    startTimeoutMs,
  );

  test(
    'a living writer is not given up unless forced; then it learns it and loses nothing',
    async () => {
      await withService(await tables(), async (scene) => {
        await post(scene, 42);
        await json(scene, '/v1/flush', 'POST');
        const writer = await writerOf(scene);
        const giveUp = ['writers', 'lost', writer, '--yes-lost', writer, ...scene.flags];
        const refused = await run(...giveUp);
        expect(refused.code).toBe(1);
        expect(refused.err).toContain('so it lives');
        // It speaks while the operator thinks: what was shown is no longer what stands.
        const thinking = await runCli(
          ['writers', 'lost', writer, '--even-if-alive', ...scene.flags],
          {
            out: () => undefined,
            err: () => undefined,
            ask: async () => {
              await json(scene, '/v1/flush', 'POST');
              return writer;
            },
          },
        );
        expect(thinking).toBe(1);
        await post(scene, 8);
        expect(await run(...giveUp, '--even-if-alive')).toMatchObject({ code: 0 });
        const { lost, completeThrough } = await json(scene, '/v1/ads/a');
        expect(lost).toEqual([writer]);
        expect(completeThrough).not.toBeNull();
        await until(async () => {
          await json(scene, '/v1/flush', 'POST');
          return (await writerOf(scene)) !== writer;
        }, 20_000);
        expect(scene.service.countOf('writer.foreign_link')).toBe(1);
        await post(scene, 100);
        await until(async () => {
          await json(scene, '/v1/flush', 'POST');
          return (await total(scene)) === 150;
        }, 20_000);
      });
    },
    startTimeoutMs,
  );

  test(
    'a process that was stopped and sealed meanwhile acknowledges nothing more under that name',
    async () => {
      const env = await tables();
      await withService(env, async (scene) => {
        await post(scene, 42);
        await json(scene, '/v1/flush', 'POST');
        await post(scene, 8);
        const writer = await writerOf(scene);
        process.kill(scene.service.pid, 'SIGSTOP');
        const stoppedAt = performance.now();
        // Elsewhere, on a copy: minutes of silence pass by the recoverer's clock.
        const clock = new SteeredClock(Date.now());
        const findings = await recoverDataDir({
          config: configOf(await scene.copy(), env),
          log: createLog('silent'),
          wait: true,
          onWait: () => undefined,
          clock,
          waitFor: (ms) => Promise.resolve(clock.pass(ms)),
        });
        expect(findings).toMatchObject([{ writer, fate: 'sealed', putCounts: 50 }]);
        // The pause must be one: more than a minute.
        const leftMs = Math.max(0, 62_000 - (performance.now() - stoppedAt));
        await new Promise((resolve) => setTimeout(resolve, leftMs));
        process.kill(scene.service.pid, 'SIGCONT');
        await post(scene, 100);
        expect(await writerOf(scene)).not.toBe(writer);
        expect(scene.service.countOf('process.paused')).toBe(1);
        await json(scene, '/v1/flush', 'POST');
        await until(async () => (await total(scene)) === 150, 20_000);
        const list = await run('writers', '--json', ...scene.flags);
        const { writers } = JSON.parse(list.out) as { writers: Record<string, unknown>[] };
        const sealed = { state: 'sealed', sealedBy: 'recoverer', position: 2 };
        expect(writers.find((each) => each['writer'] === writer)).toMatchObject(sealed);
      });
    },
    startTimeoutMs,
  );
});

function configOf(dataDir: string, env: Readonly<Record<string, string>>): Config {
  const loaded = configOfProcess(
    {
      'data-dir': dataDir,
      'hbase-zookeeper': env['ADCOUNTER_HBASE_ZOOKEEPER'] ?? '',
      'hbase-table-prefix': env['ADCOUNTER_HBASE_TABLE_PREFIX'] ?? '',
    },
    true,
  );
  if ('mistakes' in loaded) throw new Error(loaded.mistakes.join());
  return loaded.config;
}
