// A writer that an operator has called lost, seen from its own process and from a recovery.
import { readdir, truncate } from 'node:fs/promises';
import path from 'node:path';
import { afterAll, expect, test } from '@jest/globals';
import { RegistryChain } from '../../src/store/registry.ts';
import type { WriterRecord } from '../../src/store/registry.ts';
import { CoreHarness, removeFolders } from '../support/core-harness.ts';
import { until } from '../support/until.ts';

afterAll(removeFolders);

async function callLost(
  harness: CoreHarness,
  writer = harness.core.ingest.current?.writer,
): Promise<string> {
  const { registry } = harness.core.link;
  if (writer === undefined) throw new Error('a core has an identity');
  const chain = new RegistryChain(registry, writer, await registry.read(writer));
  const lostMs = harness.clock.wallMs();
  await chain.advance((standing) => {
    const record: WriterRecord | undefined = standing;
    if (record === undefined) throw new Error('it stands in the registry');
    return { ...record, state: 'lost', lostMs };
  });
  return writer;
}

test('one that lives learns it, goes on under another identity, and nothing is lost', async () => {
  const harness = await CoreHarness.start();
  await harness.count('a', 1);
  await harness.core.flush();
  await harness.count('a', 10);
  const writer = await callLost(harness);
  await harness.core.flush();
  await harness.count('a', 100);
  await harness.core.flush();
  expect(harness.core.ingest.current?.writer).not.toBe(writer);
  expect(harness.logged.map(({ event }) => event)).toContain('writer.foreign_link');
  expect(await harness.stored('a')).toBe(111);
  // Its folder is whole, so the process itself settles it: sealed, no more lost.
  await until(async () => {
    await harness.core.flush();
    await harness.core.recover();
    await harness.core.readRegistry();
    return harness.core.completeness.lost.length === 0;
  }, 5_000);
  expect(await harness.stored('a')).toBe(111);
  await harness.stop();
});

test('an identity that had ended before learns it too, and says so once', async () => {
  const harness = await CoreHarness.start();
  await harness.count('a', 1);
  await harness.core.flush();
  await harness.count('a', 10);
  const writer = harness.core.ingest.current?.writer;
  await harness.core.ingest.replaceRun('clock_leapt');
  await callLost(harness, writer);
  for (let round = 0; round < 3; round++) await harness.core.flush();
  const told = harness.logged.filter(({ event }) => event === 'writer.foreign_link');
  expect(told.map(({ fields }) => fields['writer_id'])).toEqual([writer]);
  const { text } = await harness.metrics.scrape();
  expect(text).toContain('adcounter_foreign_links_total 1');
  expect(await harness.stored('a')).toBe(11);
  await harness.stop();
});

test('a journal with a gap stays lost: what can be read counts once, its files go aside', async () => {
  const harness = await CoreHarness.start();
  await harness.count('a', 1);
  await harness.core.flush();
  await harness.count('a', 10);
  await harness.core.flush();
  const writer = await callLost(harness);
  const dataDir = await harness.crashed();
  const folder = path.join(dataDir, 'journal', writer);
  // Position 2 was published, and is gone.
  await truncate(path.join(folder, '00000001.segment'), 64 + 70);
  const { rows, clock } = harness;
  const next = await CoreHarness.start({ rows, clock, dataDir });
  await next.core.recover();
  const [finding] = next.core.recovery.book.findings;
  expect(finding).toMatchObject({ writer, fate: 'lost' });
  await next.core.readRegistry();
  expect(next.core.completeness.lost).toMatchObject([{ writer }]);
  expect(next.core.completeness.completeThroughMs).toBe(clock.wallMs());
  expect(await readdir(path.join(folder, 'aside'))).toContain('00000001.segment');
  expect(await next.stored('a')).toBe(11);
  await next.stop();
  // The next start finds nothing to replay, and what is aside goes in its time.
  const third = await CoreHarness.start({ rows, clock, dataDir });
  await third.core.recover();
  const again = third.core.recovery.book.findings.find((found) => found.writer === writer);
  expect(again).toMatchObject({ fate: 'lost', frames: 0 });
  expect(third.logged.map(({ event }) => event)).not.toContain('journal.corrupt');
  await third.core.readRegistry();
  expect(third.core.completeness.lost).toMatchObject([{ writer }]);
  await third.core.recovery.sweep(Date.now() + 60_000);
  expect(await readdir(path.join(dataDir, 'journal'))).not.toContain(writer);
  await third.stop();
  await harness.stop();
});

test('one called lost behind our back is settled in the next pass, without another start', async () => {
  const harness = await CoreHarness.start();
  await harness.count('a', 1);
  await harness.core.flush();
  await harness.count('a', 10);
  await harness.core.flush();
  const writer = harness.core.ingest.current?.writer ?? '';
  const dataDir = await harness.crashed();
  const folder = path.join(dataDir, 'journal', writer);
  await truncate(path.join(folder, '00000001.segment'), 64 + 70);
  const { rows, clock } = harness;
  const next = await CoreHarness.start({ rows, clock, dataDir });
  await next.core.recover();
  expect(next.core.recovery.book.findings).toMatchObject([{ writer, fate: 'gap' }]);
  await next.core.recover();
  expect(await readdir(folder)).toContain('00000001.segment');
  await callLost(harness);
  await next.core.recover();
  expect(next.core.recovery.book.findings).toMatchObject([{ writer, fate: 'lost' }]);
  expect(await readdir(folder)).not.toContain('00000001.segment');
  expect((await next.ledger())['unaccounted']).toBe(0);
  await next.stop();
  await harness.stop();
});
