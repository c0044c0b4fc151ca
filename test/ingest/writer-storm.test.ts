// More than fifty writers within an hour: an alarm, and whoever has counted nothing leaves no
// record (verification: attack 55).
import { afterAll, expect, test } from '@jest/globals';
import { writersPerHourMax } from '../../src/limits.ts';
import type { WriterId } from '../../src/model/writer-id.ts';
import { RegistryChain, WriterRegistry } from '../../src/store/registry.ts';
import { CoreHarness, entriesIn, removeFolders, SteeredClock } from '../support/core-harness.ts';
import { MemoryRowStore } from '../support/memory-row-store.ts';

afterAll(removeFolders);

async function afterStarts(starts: number): Promise<{ rows: MemoryRowStore; clock: SteeredClock }> {
  const clock = new SteeredClock();
  const rows = new MemoryRowStore(clock.wallMs);
  await entriesIn(rows, 'a'); // creates the tables
  const atMs = clock.wallMs();
  const moments = { registeredMs: atMs, watermarkMs: atMs, startedMs: atMs };
  const place = { host: 'h', bootId: 'b', folder: { device: '1', inode: '2' } };
  const record = { state: 'sealed', sealedBy: 'itself', position: 1, trimmed: 2 } as const;
  for (let i = 1; i <= starts; i++) {
    const writer = (2 * i).toString(16).padStart(16, '0') as WriterId;
    const chain = new RegistryChain(new WriterRegistry(rows), writer);
    await chain.advance(() => ({ ...record, ...place, ...moments }));
  }
  return { rows, clock };
}

async function begun(harness: CoreHarness): Promise<number> {
  const { text } = await harness.metrics.scrape();
  return Number(/^adcounter_writers_begun_within_hour (\S+)$/m.exec(text)?.[1]);
}

function storms({ logged }: CoreHarness): number {
  return logged.filter(({ event }) => event === 'registry.storm').length;
}

test('as many as the bound are none: the next one registers at once', async () => {
  const harness = await CoreHarness.start(await afterStarts(writersPerHourMax));
  expect(harness.core.ingest.current?.registered).toBe(true);
  await harness.stop();
});

test('in a storm the idle leave no record; it is told once, and ends with its hour', async () => {
  const { rows, clock } = await afterStarts(writersPerHourMax + 1);
  const harness = await CoreHarness.start({ rows, clock });
  const run = harness.core.ingest.current;
  await harness.core.flush();
  await harness.core.flush();
  expect(run?.registered).toBe(false);
  expect(storms(harness)).toBe(1);
  expect(await begun(harness)).toBe(writersPerHourMax + 1);
  expect((await new WriterRegistry(rows).readAll()).entries).toHaveLength(writersPerHourMax + 1);
  // It crashes: nothing of it is ever registered.
  const dataDir = await harness.crashed();
  const next = await CoreHarness.start({ rows, clock, dataDir });
  await next.core.recover();
  expect((await new WriterRegistry(rows).readAll()).entries).toHaveLength(writersPerHourMax + 1);
  await next.stop();
  await harness.stop();
});

test('in a storm whoever counts, or lives for a minute, is registered all the same', async () => {
  const { rows, clock } = await afterStarts(writersPerHourMax + 1);
  const counting = await CoreHarness.start({ rows, clock });
  await counting.count('a', 5);
  await counting.core.flush();
  expect(counting.core.ingest.current?.registered).toBe(true);
  expect(await counting.stored('a')).toBe(5);
  const idle = await CoreHarness.start({ rows, clock });
  expect(idle.core.ingest.current?.registered).toBe(false);
  clock.pass(61_000);
  await idle.core.flush();
  expect(idle.core.ingest.current?.registered).toBe(true);
  clock.pass(3_600_000);
  await idle.core.flush();
  expect(await begun(idle)).toBe(0);
  await idle.stop();
  await counting.stop();
});
