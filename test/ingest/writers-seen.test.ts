import { afterAll, expect, test } from '@jest/globals';
import { CounterError } from '../../src/model/errors.ts';
import { StatusReport } from '../../src/status.ts';
import {
  asHBase,
  CoreHarness,
  entriesIn,
  removeFolders,
  SteeredClock,
} from '../support/core-harness.ts';
import { MemoryRowStore } from '../support/memory-row-store.ts';

afterAll(removeFolders);

async function two(): Promise<{ living: CoreHarness; other: CoreHarness; otherId: string }> {
  const clock = new SteeredClock();
  const plain = new MemoryRowStore(clock.wallMs);
  await entriesIn(plain, 'a'); // creates the tables
  const rows = asHBase(plain);
  const living = await CoreHarness.start({ rows, clock });
  const other = await CoreHarness.start({ rows, clock });
  const otherId = other.core.ingest.current?.writer ?? '';
  return { living, other, otherId };
}

async function documentOf({ core, clock }: CoreHarness): Promise<Record<string, unknown>> {
  const { monotonicMs } = clock;
  const options = { core, version: '', flushSeconds: 30, journalBytesMax: 1, monotonicMs };
  const report = new StatusReport(options);
  return report.document();
}

async function writersMetric(harness: CoreHarness): Promise<Record<string, number>> {
  const { text } = await harness.metrics.scrape();
  const lines = text.matchAll(/^adcounter_writers\{state="(\w+)"\} (\S+)$/gm);
  return Object.fromEntries([...lines].map(([, state, n]) => [state, Number(n)]));
}

test('a writer that is silent for minutes is named dead, and that it holds completeThrough back', async () => {
  const { living, other, otherId } = await two();
  await living.core.flush();
  for (let round = 0; round < 9; round++) {
    living.clock.pass(30_000);
    await living.core.flush();
  }
  expect(await writersMetric(living)).toEqual({
    open: 2,
    dead: 0,
    sealed: 0,
    lost: 0,
    unreadable: 0,
  });
  for (let round = 0; round < 2; round++) {
    living.clock.pass(30_000);
    await living.core.flush();
  }
  expect(await writersMetric(living)).toEqual({
    open: 1,
    dead: 1,
    sealed: 0,
    lost: 0,
    unreadable: 0,
  });
  expect(await documentOf(living)).toMatchObject({
    dead: [otherId],
    lost: [],
    completeThroughHeldBackBy: otherId,
  });
  // It speaks again: it was only slow.
  await other.core.flush();
  await living.core.flush();
  expect(await documentOf(living)).toMatchObject({ dead: [] });
  await other.stop();
  await living.stop();
});

test('one whose cells the store does not take lives, though it is complete no further', async () => {
  const { living, other } = await two();
  await other.count('a', 1);
  await living.core.flush();
  const refusal = new CounterError('REFUSED', 'give-up');
  other.rows.failPut = (table) => (table === 'counts' ? refusal : undefined);
  for (let look = 0; look < 13; look++) {
    living.clock.pass(30_000);
    await other.core.flush();
    await living.core.flush();
  }
  other.rows.failPut = undefined;
  expect(await documentOf(living)).toMatchObject({ dead: [] });
  const completeMs = Number(living.core.completeness.completeThroughMs);
  expect(completeMs).toBeLessThan(living.clock.wallMs() - 300_000);
  await other.stop();
  await living.stop();
});

test('after an outage of the store nobody is named dead before new minutes of silence', async () => {
  const { living, other } = await two();
  await living.core.flush();
  living.clock.pass(3_600_000);
  await living.core.flush();
  expect(await documentOf(living)).toMatchObject({ dead: [] });
  await other.stop();
  await living.stop();
});

test('the document tells where each writer is and when its record last changed', async () => {
  const harness = await CoreHarness.start();
  await harness.count('a', 1);
  await harness.core.flush();
  const now = new Date(harness.clock.wallMs()).toISOString();
  const writer = harness.core.ingest.current?.writer;
  const { writers } = await documentOf(harness);
  const [seen] = writers as Record<string, unknown>[];
  expect(seen).toMatchObject({ writer, state: 'open', position: 1, watermark: now });
  expect(Date.parse(String(seen?.['changed']))).toBeGreaterThanOrEqual(Date.parse(now));
  await harness.stop();
});
