// A full disk: the ballast gives a new identity its place and the flush what it needs; requests are
// refused until there is room, and then counting goes on by itself.
import { readFile, stat } from 'node:fs/promises';
import path from 'node:path';
import { deflateRawSync } from 'node:zlib';
import { afterAll, expect, jest, test } from '@jest/globals';
import { ballastAgainMs, ballastBytesMin, diskSampleMs } from '../../src/limits.ts';
import { readinessOf } from '../../src/status.ts';
import { CoreHarness, removeFolders } from '../support/core-harness.ts';
import type { HarnessOptions } from '../support/core-harness.ts';
import { FaultyDisk } from '../support/faulty-disk.ts';
import { until } from '../support/until.ts';

jest.setTimeout(20_000);
afterAll(removeFolders);

const bytes = 2 * ballastBytesMin;

async function withBallast(more: HarnessOptions = {}): Promise<{
  readonly harness: CoreHarness;
  readonly file: string;
  readonly sizeOf: () => Promise<number>;
}> {
  const harness = await CoreHarness.start({ ballastBytesMax: bytes, ...more });
  const file = path.join(harness.dataDir, 'ballast');
  const sizeOf = (): Promise<number> =>
    stat(file)
      .then(({ size }) => size)
      .catch(() => 0);
  await until(() => harness.core.folder.ballastBytes === bytes, 5_000);
  return { harness, file, sizeOf };
}

test('it lies ready soon after the start, really written', async () => {
  const { harness, file } = await withBallast();
  const written = await readFile(file);
  expect(written.length).toBe(bytes);
  const chunk = written.subarray(0, 100_000);
  expect(deflateRawSync(chunk).length).toBeGreaterThan(99_000);
  const { blocks } = await stat(file);
  expect(blocks * 512).toBeGreaterThanOrEqual(bytes);
  await harness.stop();
  const { rows, clock, dataDir } = harness;
  const next = await CoreHarness.start({ rows, clock, dataDir, ballastBytesMax: bytes });
  expect(next.core.folder.ballastBytes).toBe(bytes);
  await next.stop();
});

test('a write that finds the disk full: its requests learn that nobody knows, others wait for room', async () => {
  const disk = new FaultyDisk();
  const { harness, sizeOf } = await withBallast({ disk });
  const { core, clock } = harness;
  const first = core.ingest.current?.writer;
  await harness.count('a', 1);
  // The frame fails; and nobody can make a folder or a file while the ballast lies there.
  let writes = 0;
  disk.faultLater = async (call) => {
    if (call === 'write' && writes++ === 0) return 'ENOSPC';
    const needsRoom = call === 'makeFolder' || call === 'create';
    return needsRoom && (await sizeOf()) > 0 ? 'ENOSPC' : undefined;
  };
  disk.freeBytesLeft = 1_000;
  await expect(harness.count('a', 10)).rejects.toThrow('OUTCOME_UNKNOWN');
  await until(() => core.ingest.refusal === 'disk_full', 5_000);
  expect(await sizeOf()).toBe(0);
  expect(core.ingest.current?.writer).not.toBe(first);
  expect(core.folder.ballastUsedAtMs).toBe(clock.wallMs());
  await expect(harness.count('a', 100)).rejects.toThrow('disk_full');
  expect(harness.logged.filter(({ event }) => event === 'disk.ballast_used')).toHaveLength(1);
  // What was acknowledged goes into the store meanwhile.
  await core.flush();
  expect(await harness.stored('a')).toBe(1);

  disk.freeBytesLeft = undefined;
  disk.faultLater = () => Promise.resolve(undefined);
  await until(async () => {
    clock.pass(2_000);
    return harness.count('a', 1_000).then(
      () => true,
      () => false,
    );
  }, 5_000);
  clock.pass(ballastAgainMs);
  await until(() => core.folder.ballastBytes === bytes, diskSampleMs + 5_000);
  expect(readinessOf(core, 'serving').reasons).not.toContain('ballast_used');
  await core.flush();
  expect(await harness.stored('a')).toBe(1_001);
  expect(await harness.ledger()).toMatchObject({ journaled: 1_001, unaccounted: 0 });
  await harness.stop();
});

test('a disk that others filled: it goes before any write of ours fails, and says so', async () => {
  const disk = new FaultyDisk();
  const { harness, sizeOf } = await withBallast({ disk });
  disk.freeBytesLeft = 1_000;
  await until(() => harness.core.folder.ballastUsedAtMs !== undefined, diskSampleMs + 5_000);
  expect(await sizeOf()).toBe(0);
  expect(readinessOf(harness.core, 'serving').reasons).toContain('ballast_used');
  await harness.stop();
});
