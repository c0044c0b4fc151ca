// Whoever stood still for more than a minute looks before it acknowledges again: has it been taken
// for dead meanwhile? (verification: attack 48, rules R10 and R14)
import { afterAll, expect, test } from '@jest/globals';
import { CounterError } from '../../src/model/errors.ts';
import type { WriterId } from '../../src/model/writer-id.ts';
import { RegistryChain } from '../../src/store/registry.ts';
import type { WriterRecord } from '../../src/store/registry.ts';
import {
  asHBase,
  CoreHarness,
  entriesIn,
  removeFolders,
  SteeredClock,
} from '../support/core-harness.ts';
import { FaultyDisk } from '../support/faulty-disk.ts';
import { MemoryRowStore } from '../support/memory-row-store.ts';
import { Held, until } from '../support/until.ts';

afterAll(removeFolders);
const down = (): Error => new CounterError('STORE_DOWN', 'retry');

/** A sleeping machine: the monotonic clock stands still. A stopped process: both go on. */
const pauses: [string, (clock: SteeredClock) => void][] = [
  ['stopped', (clock) => clock.pass(61_000)],
  ['asleep', (clock) => clock.leap(61_000)],
  // Found by simulation: how long it slept its clocks do not tell any more.
  ['asleep, its wall clock set back before it went on', (clock) => clock.leap(-61_000)],
];

function writerOf(harness: CoreHarness): WriterId {
  const writer = harness.core.ingest.current?.writer;
  if (writer === undefined) throw new Error('a core has an identity');
  return writer;
}

/** What a recoverer on a copy does to a writer that it takes for dead. */
async function sealBehind(harness: CoreHarness, writer: WriterId): Promise<void> {
  const { registry } = harness.core.link;
  const chain = new RegistryChain(registry, writer, await registry.read(writer));
  expect(await chain.advance(sealed)).toBe('done');
}

function sealed(standing?: WriterRecord): WriterRecord {
  if (standing === undefined) throw new Error('it stands in the registry');
  return { ...standing, state: 'sealed', sealedBy: 'recoverer' };
}

test.each(pauses)('%s and sealed meanwhile: the next count is another writer', async (_, pause) => {
  const harness = await CoreHarness.start();
  await harness.count('a', 1);
  await harness.core.flush();
  const first = writerOf(harness);
  await sealBehind(harness, first);
  pause(harness.clock);
  // No round comes in between: the acknowledgement itself has to look.
  await harness.count('a', 10);
  expect(writerOf(harness)).not.toBe(first);
  expect(harness.logged.map(({ event }) => event)).toContain('writer.foreign_link');
  const entry = await harness.core.link.registry.read(first);
  expect(entry?.record).toMatchObject({ state: 'sealed', sealedBy: 'recoverer', position: 1 });
  await harness.core.flush();
  expect(await harness.stored('a')).toBe(11);
  expect(await harness.ledger()).toMatchObject({ unflushed: 0, unaccounted: 0 });
  await harness.stop();
});

test.each(pauses)('%s and nothing happened meanwhile: it goes on as it was', async (_, pause) => {
  const harness = await CoreHarness.start();
  await harness.count('a', 1);
  await harness.core.flush();
  const first = writerOf(harness);
  pause(harness.clock);
  const reads = harness.rows.calls.scan;
  await harness.count('a', 10);
  expect(harness.rows.calls.scan).toBe(reads + 1);
  await harness.count('a', 100);
  expect(harness.rows.calls.scan).toBe(reads + 1);
  expect(writerOf(harness)).toBe(first);
  await harness.stop();
  expect(await harness.stored('a')).toBe(111);
});

test('no look where nobody stood still', async () => {
  const harness = await CoreHarness.start();
  await harness.count('a', 1);
  const reads = harness.rows.calls.scan;
  harness.clock.pass(59_000);
  await harness.count('a', 1);
  expect(harness.rows.calls.scan).toBe(reads);
  await harness.stop();
});

test('a store out of reach after a pause: another identity counts on, not yet registered', async () => {
  const harness = await CoreHarness.start();
  await harness.count('a', 1);
  await harness.core.flush();
  const first = writerOf(harness);
  await sealBehind(harness, first);
  const completeMs = harness.clock.wallMs() + 60_000;
  harness.rows.failBefore = down;
  harness.clock.pass(61_000);
  await harness.count('a', 10);
  expect(writerOf(harness)).not.toBe(first);
  expect(harness.core.ingest.current?.registered).toBe(false);
  // Another pause without the store: what is not registered cannot change what was complete.
  const second = writerOf(harness);
  harness.clock.pass(61_000);
  await harness.count('a', 100);
  expect(writerOf(harness)).toBe(second);
  harness.rows.failBefore = undefined;
  await until(async () => (await harness.core.flush()).outcome === 'success', 5000);
  expect(await harness.stored('a')).toBe(111);
  expect(harness.core.ingest.current?.registeredMs).toBeGreaterThanOrEqual(completeMs);
  await harness.stop();
});

test('a store that hangs after a pause holds requests for some seconds only', async () => {
  const harness = await CoreHarness.start();
  await harness.count('a', 1);
  const first = writerOf(harness);
  const held = new Held();
  harness.rows.delay = () => held.passed;
  harness.clock.pass(61_000);
  await harness.count('a', 10);
  expect(writerOf(harness)).not.toBe(first);
  held.letGo();
  await until(async () => (await harness.core.flush()).outcome === 'success', 5000);
  expect(await harness.stored('a')).toBe(11);
  await harness.stop();
}, 20_000);

test('a frame that was on its way through the pause counts, and its answer waits for the look', async () => {
  const disk = new FaultyDisk();
  const harness = await CoreHarness.start({ disk });
  await harness.count('a', 1);
  await harness.core.flush();
  const first = writerOf(harness);
  const held = new Held();
  let isHeld = false;
  disk.before = (call, file) => {
    if (call !== 'datasync' || !file.includes(first)) return Promise.resolve();
    isHeld = true;
    return held.passed;
  };
  const counted = harness.count('a', 10);
  await until(() => isHeld, 2000);
  await sealBehind(harness, first);
  harness.clock.pass(61_000);
  held.letGo();
  await counted;
  expect(harness.logged.map(({ event }) => event)).toContain('process.paused');
  await harness.count('a', 100);
  expect(writerOf(harness)).not.toBe(first);
  await harness.core.flush();
  expect(await harness.stored('a')).toBe(111);
  expect(await harness.ledger()).toMatchObject({ unflushed: 0, unaccounted: 0 });
  await harness.stop();
});

test('a look beside a round takes a record of its own for its own', async () => {
  const harness = await CoreHarness.start();
  await harness.count('a', 1);
  await harness.core.flush();
  const first = writerOf(harness);
  const { chain } = harness.core.ingest.current ?? {};
  // The look is answered late, with a record that rounds have replaced meanwhile.
  const held = new Held();
  const read = harness.core.link.registry.read.bind(harness.core.link.registry);
  let isHeld = false;
  harness.core.link.registry.read = async (writer) => {
    const found = await read(writer);
    isHeld = true;
    await held.passed;
    return found;
  };
  const standing = chain?.verify();
  await until(() => isHeld, 2000);
  await harness.core.rounds.flush();
  await harness.core.rounds.flush();
  held.letGo();
  expect(await standing).toBe('ours');
  expect(writerOf(harness)).toBe(first);
  await harness.stop();
});

test('a machine that slept for longer goes on under a new identity at the time of the store', async () => {
  const storeClock = new SteeredClock();
  const plain = new MemoryRowStore(storeClock.wallMs);
  await entriesIn(plain, 'a'); // creates the tables
  const clock = new SteeredClock();
  const harness = await CoreHarness.start({ rows: asHBase(plain), clock });
  await harness.count('a', 1);
  await harness.core.flush();
  const first = writerOf(harness);
  storeClock.pass(3_600_000);
  clock.leap(3_600_000);
  await harness.count('a', 10);
  expect(writerOf(harness)).not.toBe(first);
  await harness.core.flush();
  const quarters = (await entriesIn(plain, 'a')).map((entry) => entry.eventQuarter);
  expect(Math.max(...quarters) - Math.min(...quarters)).toBe(4);
  await harness.stop();
});
