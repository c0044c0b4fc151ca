// What the store refuses for good, over crashes: it stays with whoever recovers it, is named in
// the status, and holds nothing back but the watermark and its own segment.
import { afterAll, expect, test } from '@jest/globals';
import { CounterError } from '../../src/model/errors.ts';
import { quarterMs } from '../../src/model/quarter.ts';
import { StatusReport } from '../../src/status.ts';
import { CoreHarness, removeFolders } from '../support/core-harness.ts';
import type { MemoryRowStore } from '../support/memory-row-store.ts';

afterAll(removeFolders, 60_000);

const refusal = new CounterError('STORE_REFUSED', 'give-up', { detail: 'too far ahead' });

/** Refuses the cells of one ad for good; answers how to take that back. */
function refuse(rows: MemoryRowStore, ad: string): () => void {
  const put = rows.put.bind(rows);
  rows.put = (table, batch, options) => {
    rows.failPut = (_, i) => (batch.at(i).row.includes(`${ad}\0`) ? refusal : undefined);
    return put(table, batch, options);
  };
  return () => {
    rows.put = put;
    rows.failPut = undefined;
  };
}

function statusOf({ core, clock }: CoreHarness): Promise<Readonly<Record<string, unknown>>> {
  return new StatusReport({
    core,
    version: 'test',
    flushSeconds: 30,
    journalBytesMax: 2 ** 30,
    monotonicMs: clock.monotonicMs,
  }).document();
}

test('it is named over a crash, keeps no other quarter back, and goes in by itself', async () => {
  const first = await CoreHarness.start();
  const { rows, clock } = first;
  await first.core.flush();
  const held = first.core.completeness.completeThroughMs;
  const allow = refuse(rows, 'poison');
  await Promise.all([first.count('poison', 5), first.count('beside', 2)]);
  clock.pass(quarterMs);
  await first.count('a', 3);
  await first.core.flush();
  expect(await statusOf(first)).toMatchObject({
    setAside: {
      cells: 1,
      examples: [{ table: 'counts', ad: 'poison', site: 's.example', reason: refusal.message }],
    },
  });
  clock.pass(quarterMs);
  await first.count('b', 4);
  await first.core.flush();

  const dataDir = await first.crashed();
  await first.core.ingest.close();
  const second = await CoreHarness.start({ rows, clock, dataDir });
  await second.core.recover();
  expect([await second.stored('a'), await second.stored('b')]).toEqual([3, 4]);
  const { findings } = second.core.recovery.book;
  expect(findings).toMatchObject([{ fate: 'refused', foundCounts: 14, putCounts: 9 }]);
  expect(findings[0]?.reason).toContain(`cells refused: 1, the first: ${refusal.message}`);
  expect(await statusOf(second)).toMatchObject({
    setAside: { cells: 1, examples: [{ ad: 'poison', writer: first.core.writers.all[0]?.writer }] },
  });
  expect(await second.ledger()).toMatchObject({ unflushed: 5, unaccounted: 0 });
  await second.core.flush();
  expect(second.core.completeness.completeThroughMs).toBe(held);

  // Not read again at each round: others would pay for it.
  const tried = rows.calls.put;
  await second.core.recover();
  expect(rows.calls.put).toBe(tried);

  allow();
  clock.pass(30_000);
  await second.core.recover();
  await second.core.flush();
  expect(await second.stored('poison')).toBe(5);
  const settled = { fate: 'sealed', foundCounts: 14, putCounts: 14 };
  expect(second.core.recovery.book.findings).toMatchObject([settled]);
  expect(await statusOf(second)).toMatchObject({ setAside: { cells: 0, examples: [] } });
  expect(await second.ledger()).toMatchObject({ unflushed: 0, unaccounted: 0 });
  expect(second.core.completeness.completeThroughMs).toBeGreaterThan(held ?? 0);
  await second.stop();
});

test('the tables behind it are forgotten; their segments stay until it goes in', async () => {
  const harness = await CoreHarness.start();
  const allow = refuse(harness.rows, 'poison');
  await Promise.all([harness.count('poison', 5), harness.count('a', 1)]);
  for (let quarter = 0; quarter < 5; quarter++) {
    harness.clock.pass(quarterMs);
    await harness.count('a', 1);
    await harness.core.flush();
  }
  const { current } = harness.core.ingest;
  // The two of its own quarter, and the one of this quarter.
  expect(current?.counters.openCells).toBe(3);
  const {
    entries: [entry],
  } = await harness.core.link.registry.readAll();
  expect(entry?.record).toMatchObject({ trimmed: 1 });
  allow();
  await harness.core.flush({ setAside: true });
  const {
    entries: [after],
  } = await harness.core.link.registry.readAll();
  expect(current?.counters.openCells).toBe(1);
  expect(after?.record.trimmed).toBeGreaterThan(4);
  expect(await harness.stored('a')).toBe(6);
  await harness.stop();
});
