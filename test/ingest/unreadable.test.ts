// A record of the registry that cannot be read: nobody is kept from counting or asking by it, and
// nothing is called complete that its writer may still hold (decision 0016).
import { readdir } from 'node:fs/promises';
import path from 'node:path';
import { afterAll, expect, test } from '@jest/globals';
import type { WriterId } from '../../src/model/writer-id.ts';
import { metaQualifier, writerRow } from '../../src/store/key-layout.ts';
import { RegistryChain, WriterRegistry } from '../../src/store/registry.ts';
import type { WriterRecord } from '../../src/store/registry.ts';
import {
  asHBase,
  CoreHarness,
  entriesIn,
  removeFolders,
  SteeredClock,
} from '../support/core-harness.ts';
import { MemoryRowStore } from '../support/memory-row-store.ts';

afterAll(removeFolders);

const inTime = { timeoutMs: 5000 };
const stranger = '00000000000000a0' as WriterId;
const rot = Buffer.from('\u0001{"state":"op');

async function onHBase(): Promise<{ rows: MemoryRowStore; clock: SteeredClock }> {
  const clock = new SteeredClock();
  // The store's own, which does not follow the leaps of a machine.
  const startMs = clock.wallMs() - clock.monotonicMs();
  const plain = new MemoryRowStore(() => startMs + clock.monotonicMs());
  await entriesIn(plain, 'a'); // creates the tables
  return { rows: asHBase(plain), clock };
}

/** Whatever stands there is `bytes` now. */
async function plant(
  rows: MemoryRowStore,
  writer: WriterId,
  bytes: Buffer,
  change: { readonly row?: Buffer; readonly qualifier?: Buffer } = {},
): Promise<void> {
  const { row = writerRow(writer), qualifier = metaQualifier } = change;
  const found = await new WriterRegistry(rows).read(writer);
  const isOwnCell = change.row === undefined && change.qualifier === undefined;
  const expected = (isOwnCell ? found?.bytes : undefined) ?? null;
  expect(await rows.checkAndPut('meta', { row, qualifier, expected, value: bytes }, inTime)).toBe(
    true,
  );
}

function writerOf(harness: CoreHarness): WriterId {
  const writer = harness.core.ingest.current?.writer;
  if (writer === undefined) throw new Error('a core has an identity');
  return writer;
}

function eventsOf(harness: CoreHarness): string[] {
  return harness.logged.map(({ event }) => event);
}

/** Rounds of the service, and what they make of the registry. */
async function round(harness: CoreHarness): Promise<void> {
  await harness.core.flush();
  await harness.core.recover();
  await harness.core.readRegistry();
}

test('what was complete stays so, nothing more is, and the writer is named once', async () => {
  const { rows, clock } = await onHBase();
  const harness = await CoreHarness.start({ rows, clock });
  await harness.count('a', 1);
  await round(harness);
  const { completeThroughMs } = harness.core.completeness;
  expect(completeThroughMs).toBe(clock.wallMs());
  await plant(rows, stranger, rot);
  clock.pass(30_000);
  await harness.count('a', 10);
  await round(harness);
  await round(harness);
  expect(await harness.stored('a')).toBe(11);
  const held = { completeThroughMs, heldBackBy: stranger, unreadable: [stranger] };
  expect(harness.core.completeness).toMatchObject(held);
  expect(eventsOf(harness).filter((event) => event === 'registry.unreadable')).toHaveLength(1);
  const { text } = await harness.metrics.scrape();
  expect(text).toContain('adcounter_writers{state="unreadable"} 1');
  expect(text).toContain(
    `adcounter_complete_through_timestamp_seconds ${Number(completeThroughMs) / 1000}`,
  );
  await harness.stop();
});

test('whoever starts beside it counts and registers, and says that nobody knows', async () => {
  const { rows, clock } = await onHBase();
  await plant(rows, stranger, rot);
  const harness = await CoreHarness.start({ rows, clock });
  expect(harness.core.ingest.current?.registered).toBe(true);
  await harness.count('a', 1);
  expect((await harness.core.flush()).outcome).toBe('success');
  expect(harness.core.completeness).toMatchObject({
    completeThroughMs: null,
    heldBackBy: stranger,
  });
  await harness.stop();
});

test('a newcomer accepts behind all that the unreadable one may have published', async () => {
  const { rows, clock } = await onHBase();
  const floorMs = clock.wallMs() + 5 * 60_000;
  await plant(rows, stranger, Buffer.from('\u0002newer'));
  const harness = await CoreHarness.start({ rows, clock });
  expect(harness.core.ingest.current?.registeredMs).toBeGreaterThanOrEqual(floorMs);
  // Given up, its watermark is unknown for good: the moment of the loss stands for it.
  clock.pass(600_000);
  const registry = new WriterRegistry(rows);
  const lostMs = clock.wallMs();
  await new RegistryChain(registry, stranger, await registry.read(stranger)).advance(() => ({
    ...recordOf(harness),
    state: 'lost',
    watermarkMs: 0,
    lostMs,
  }));
  clock.leap(-120_000);
  const next = await CoreHarness.start({ rows, clock });
  expect(next.core.ingest.current?.registeredMs).toBeGreaterThanOrEqual(lostMs);
  await next.stop();
  await harness.stop();
});

function recordOf(harness: CoreHarness): WriterRecord {
  const record = harness.core.ingest.current?.chain?.record;
  if (record === undefined) throw new Error('it is registered');
  return record;
}

test('one that lives goes on as another, and does not write over what it cannot read', async () => {
  const { rows, clock } = await onHBase();
  const harness = await CoreHarness.start({ rows, clock });
  await harness.count('a', 1);
  await round(harness);
  await harness.count('a', 10);
  const first = writerOf(harness);
  await plant(rows, first, rot);
  await round(harness);
  await harness.count('a', 100);
  await round(harness);
  expect(writerOf(harness)).not.toBe(first);
  expect(eventsOf(harness)).toContain('writer.foreign_link');
  expect(await harness.stored('a')).toBe(111);
  expect((await new WriterRegistry(rows).read(first))?.bytes).toEqual(rot);
  await harness.stop();
});

test('after a pause it is no record of our own', async () => {
  const { rows, clock } = await onHBase();
  const harness = await CoreHarness.start({ rows, clock });
  await harness.count('a', 1);
  await harness.core.flush();
  const first = writerOf(harness);
  await plant(rows, first, rot);
  clock.pass(61_000);
  await harness.count('a', 10);
  expect(writerOf(harness)).not.toBe(first);
  await harness.stop();
});

test('a recovery puts what the journal tells, and seals and moves nothing until it is given up', async () => {
  const { rows, clock } = await onHBase();
  const harness = await CoreHarness.start({ rows, clock });
  await harness.count('a', 1);
  await harness.core.flush();
  await harness.count('a', 10);
  const writer = writerOf(harness);
  const dataDir = await harness.crashed();
  await plant(rows, writer, rot);
  const next = await CoreHarness.start({ rows, clock, dataDir });
  const folder = path.join(dataDir, 'journal', writer);
  for (let look = 0; look < 13; look++) {
    clock.pass(30_000);
    await round(next);
  }
  expect(await next.stored('a')).toBe(11);
  expect(next.core.recovery.book.findings).toMatchObject([{ writer, fate: 'no_record' }]);
  expect(eventsOf(next).filter((event) => event === 'recovery.no_record')).toHaveLength(1);
  expect(await readdir(folder)).toContain('00000001.segment');
  expect((await new WriterRegistry(rows).read(writer))?.bytes).toEqual(rot);
  await next.stop();
  await harness.stop();
});

test('cells that name no writer are told and passed over', async () => {
  const { rows, clock } = await onHBase();
  await plant(rows, stranger, rot, { row: Buffer.from('w-put-by-hand') });
  await plant(rows, stranger, rot, { row: Buffer.from('w') });
  await plant(rows, stranger, rot, { row: Buffer.from('w00000001') });
  await plant(rows, stranger, rot, { qualifier: Buffer.from([9]) });
  const harness = await CoreHarness.start({ rows, clock });
  await harness.count('a', 1);
  await round(harness);
  await round(harness);
  expect(harness.core.completeness.completeThroughMs).toBe(clock.wallMs());
  const told = harness.logged.filter(({ event }) => event === 'registry.strangers');
  expect(told.map(({ fields }) => fields['cells'])).toEqual([4]);
  await harness.stop();
});
