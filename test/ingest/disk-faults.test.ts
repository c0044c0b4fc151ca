import { afterAll, expect, test } from '@jest/globals';
import { IngestRefused } from '../../src/ingest/accept.ts';
import { quarterMs } from '../../src/model/quarter.ts';
import { CoreHarness, removeFolders } from '../support/core-harness.ts';
import { FaultyDisk } from '../support/faulty-disk.ts';
import { Held, until } from '../support/until.ts';

afterAll(removeFolders);

test.each(['write', 'datasync'] as const)(
  'a failed %s: its requests learn that nobody knows, the next ones count under another id',
  async (failing) => {
    const disk = new FaultyDisk();
    const harness = await CoreHarness.start({ disk });
    const first = harness.core.ingest.current?.writer;
    await harness.count('a', 1);
    let failures = 1;
    disk.fault = (call) => (call === failing && failures-- > 0 ? 'EIO' : undefined);
    await expect(harness.count('a', 10)).rejects.toThrow('OUTCOME_UNKNOWN');
    await harness.count('a', 100);
    expect(harness.core.ingest.current?.writer).not.toBe(first);
    await harness.core.flush();
    await harness.core.flush();
    // The failed frame may be on the disk; its writer sealed itself before it, so it never counts.
    expect(await harness.stored('a')).toBe(101);
    const { entries } = await harness.core.link.registry.readAll();
    const old = entries.find((entry) => entry.writer === first)?.record;
    expect(old).toMatchObject({ state: 'sealed', sealedBy: 'itself', position: 1 });
    const { rows, clock } = harness;
    const next = await CoreHarness.start({ rows, clock, dataDir: await harness.crashed() });
    await next.core.recover();
    expect(await next.stored('a')).toBe(101);
    expect(await harness.ledger()).toMatchObject({ journaled: 101, unaccounted: 0 });
    await next.stop();
    await harness.stop();
  },
);

test('a failed frame of a writer that was killed before it could seal itself may count, once', async () => {
  const disk = new FaultyDisk();
  const harness = await CoreHarness.start({ disk });
  await harness.count('a', 1);
  let failures = 1;
  disk.fault = (call) => (call === 'datasync' && failures-- > 0 ? 'EIO' : undefined);
  await expect(harness.count('a', 10)).rejects.toThrow('OUTCOME_UNKNOWN');
  const { rows, clock } = harness;
  for (let round = 0; round < 2; round++) {
    const next = await CoreHarness.start({ rows, clock, dataDir: await harness.crashed() });
    await next.core.recover();
    expect(await next.stored('a')).toBe(11);
    await next.stop();
  }
  await harness.stop();
});

test('requests that wait behind a failed frame count under the next identity', async () => {
  const disk = new FaultyDisk();
  const harness = await CoreHarness.start({ disk });
  const held = new Held();
  let syncs = 0;
  disk.before = (call) => (call === 'datasync' && syncs++ === 0 ? held.passed : Promise.resolve());
  disk.fault = (call) => (call === 'datasync' && syncs === 1 ? 'EIO' : undefined);
  const failed = harness.count('a', 10);
  await until(() => syncs === 1, 2000);
  const waiting = harness.count('a', 100);
  held.letGo();
  await expect(failed).rejects.toThrow('OUTCOME_UNKNOWN');
  await waiting;
  await harness.core.flush();
  expect(await harness.stored('a')).toBe(100);
  await harness.stop();
});

test('a disk that runs full refuses before a write could fail, and loses nothing', async () => {
  const disk = new FaultyDisk();
  const harness = await CoreHarness.start({ disk });
  await harness.count('a', 1);
  disk.freeBytesLeft = 1000;
  disk.fault = (call) => (call === 'create' ? 'ENOSPC' : undefined);
  // A new quarter needs a new segment: the one that was prepared, and then there is none.
  let acknowledged = 1;
  let refusal: unknown;
  for (let quarter = 0; quarter < 4 && refusal === undefined; quarter++) {
    harness.clock.pass(quarterMs);
    try {
      await harness.count('a', 1);
      acknowledged++;
    } catch (thrown) {
      refusal = thrown;
    }
  }
  expect(refusal).toBeInstanceOf(IngestRefused);
  await harness.core.flush();
  expect(await harness.stored('a')).toBe(acknowledged);
  disk.freeBytesLeft = undefined;
  disk.fault = () => undefined;
  harness.clock.pass(2000);
  await until(async () => {
    harness.clock.pass(2000);
    return harness.count('a', 1).then(
      () => true,
      () => false,
    );
  }, 5000);
  await harness.core.flush();
  expect(await harness.stored('a')).toBe(acknowledged + 1);
  expect(await harness.ledger()).toMatchObject({ unaccounted: 0 });
  await harness.stop();
});

test('where no new identity can begin, requests are refused until one can', async () => {
  const disk = new FaultyDisk();
  const harness = await CoreHarness.start({ disk });
  await harness.count('a', 1);
  disk.fault = (call) => (call === 'datasync' || call === 'makeFolder' ? 'EIO' : undefined);
  await expect(harness.count('a', 10)).rejects.toThrow('OUTCOME_UNKNOWN');
  await until(() => harness.core.ingest.refusal === 'no_journal', 2000);
  await expect(harness.count('a', 100)).rejects.toBeInstanceOf(IngestRefused);
  disk.fault = () => undefined;
  await until(() => harness.core.ingest.refusal === undefined, 5000);
  await harness.count('a', 1000);
  await harness.core.flush();
  expect(await harness.stored('a')).toBe(1001);
  await harness.stop();
});

test('a journal that fails while the service stops ends the stop, not the promises', async () => {
  const disk = new FaultyDisk();
  const harness = await CoreHarness.start({ disk });
  await harness.count('a', 1);
  const held = new Held();
  disk.before = (call) => (call === 'datasync' ? held.passed : Promise.resolve());
  const told = Promise.allSettled([harness.count('a', 10), harness.count('a', 100)]);
  disk.fault = (call) => (call === 'datasync' ? 'EIO' : undefined);
  const stopped = harness.stop();
  held.letGo();
  expect((await told).map(({ status }) => status)).toEqual(['rejected', 'rejected']);
  expect(await stopped).toBe(true);
  expect(await harness.stored('a')).toBe(1);
});

test('a frame that hangs on the disk holds the watermark at its own moment', async () => {
  const disk = new FaultyDisk();
  const harness = await CoreHarness.start({ disk });
  await harness.count('a', 1);
  const held = new Held();
  let isHeld = false;
  disk.before = (call) => {
    isHeld ||= call === 'datasync';
    return call === 'datasync' ? held.passed : Promise.resolve();
  };
  harness.clock.pass(1000);
  const acceptedAtMs = harness.clock.wallMs();
  const counted = harness.count('a', 10);
  await until(() => isHeld, 2000);
  harness.clock.pass(60_000);
  await harness.core.flush();
  expect(harness.core.completeness.completeThroughMs).toBe(acceptedAtMs);
  held.letGo();
  await counted;
  await harness.core.flush();
  expect(harness.core.completeness.completeThroughMs).toBe(harness.clock.wallMs());
  expect(await harness.stored('a')).toBe(11);
  await harness.stop();
});
