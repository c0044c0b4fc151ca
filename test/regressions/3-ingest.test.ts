import { readdir } from 'node:fs/promises';
import path from 'node:path';
import { afterAll, expect, test } from '@jest/globals';
import { journalSegmentBytesMin } from '../../src/limits.ts';
import { CounterError } from '../../src/model/errors.ts';
import { quarterMs } from '../../src/model/quarter.ts';
import { CoreHarness, eventOf, removeFolders } from '../support/core-harness.ts';
import { FaultyDisk } from '../support/faulty-disk.ts';
import { until } from '../support/until.ts';

afterAll(removeFolders);

test('what was acknowledged at memory waits for room in the journal, and counts', async () => {
  // Room for one segment of the smallest size: the next quarter needs another, and the store takes
  // nothing meanwhile.
  const harness = await CoreHarness.start({ journalBytesMax: journalSegmentBytesMin * 1.5 });
  await harness.count('a', 1);
  harness.rows.failBefore = (operation) =>
    operation === 'put' ? new CounterError('STORE_DOWN', 'retry') : undefined;
  harness.clock.pass(quarterMs);
  await harness.core.ingest.accept([eventOf('a', 10)], 'memory');
  await expect(harness.count('a', 100)).rejects.toThrow('journal_full');
  harness.rows.failBefore = undefined;
  await until(async () => {
    harness.clock.pass(2000);
    await harness.core.flush();
    return (await harness.stored('a')) === 11;
  }, 10_000);
  expect(await harness.ledger()).toMatchObject({ unaccounted: 0 });
  await harness.stop();
}, 20_000);

test('a disk that makes no journal for a while leaves no crowd of folders', async () => {
  const disk = new FaultyDisk();
  const harness = await CoreHarness.start({ disk });
  await harness.count('a', 1);
  let attempts = 0;
  disk.fault = (call, file) => {
    if (call === 'datasync') return 'EIO';
    if (call !== 'status' || !/[0-9a-f]{16}$/.test(file)) return undefined;
    attempts++;
    return 'EIO';
  };
  await expect(harness.count('a', 1)).rejects.toThrow('OUTCOME_UNKNOWN');
  await until(() => attempts >= 3, 10_000);
  disk.fault = () => undefined;
  await until(() => harness.core.ingest.refusal === undefined, 5000);
  const folders = await readdir(path.join(harness.dataDir, 'journal'));
  expect(folders).toHaveLength(2);
  await harness.stop();
}, 20_000);

test('rounds do not overlap when one is asked for as another ends', async () => {
  const harness = await CoreHarness.start();
  let under = 0;
  let most = 0;
  harness.rows.delay = async (operation) => {
    if (operation !== 'nowMs') return;
    most = Math.max(most, ++under);
    await new Promise((resolve) => setTimeout(resolve, 20));
    under--;
  };
  const first = harness.core.rounds.flush();
  const third = first.then(() => harness.core.rounds.flush());
  await Promise.all([first, harness.core.rounds.flush(), third]);
  expect(most).toBe(1);
  harness.rows.delay = undefined;
  await harness.stop();
});
