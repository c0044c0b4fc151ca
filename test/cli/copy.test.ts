// What `adcounter copy` says: of folders that cannot be copied, and of each way it can end.
import { mkdir, mkdtemp, readdir, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { complaintsOf, jsonOf, linesOf, outcomeOf } from '../../src/cli/copy-report.ts';
import type { Comparison } from '../../src/copy/comparison.ts';
import type { Copied } from '../../src/copy/copy.ts';
import type { CopyStoreReport } from '../../src/copy-store.ts';
import type { Finding } from '../../src/ingest/recovery-book.ts';
import { drawWriterId } from '../../src/model/writer-id.ts';
import { EmbeddedRowStore } from '../../src/store/embedded/embedded-row-store.ts';
import { linkTo } from '../copy/stores.ts';
import { run } from './run.ts';

// Nobody listens there; nobody is asked either, since the folder comes first.
const nowhere = ['--hbase-zookeeper', '127.0.0.1:1'];

async function refused(dataDir: string): Promise<string> {
  const { code, out, err } = await run('copy', '--data-dir', dataDir, ...nowhere);
  expect({ code, out }).toEqual({ code: 1, out: '' });
  expect(err.trimEnd().split('\n')).toHaveLength(1);
  return err;
}

describe('a folder that cannot be copied', () => {
  let home: string;

  beforeAll(async () => {
    home = await mkdtemp(path.join(tmpdir(), 'adcounter-copy-'));
  });

  afterAll(async () => {
    await rm(home, { recursive: true });
  });

  test('is named, and left as it was', async () => {
    const dataDir = path.join(home, 'wrong');
    expect(await refused(dataDir)).toContain('NO_JOURNAL');
    await mkdir(path.join(dataDir, 'journal'), { recursive: true });
    expect(await refused(dataDir)).toContain('NO_STORE');
    expect(await readdir(dataDir)).toEqual(['journal']);
    await mkdir(path.join(dataDir, 'journal', drawWriterId()));
    expect(await refused(dataDir)).toContain('DATA_DIR_OF_OTHER_STORE');
  });

  test('since a service runs on it is told with that process', async () => {
    const dataDir = path.join(home, 'used');
    await mkdir(path.join(dataDir, 'journal'), { recursive: true });
    const rows = await EmbeddedRowStore.open({ dataDir });
    await linkTo(rows, 16);
    const why = await refused(dataDir);
    await rows.close();
    expect(why).toMatch(/STORE_LOCKED: .* process \d+ .*; stop the service on it first\n$/);
    // Now HBase is what stands in the way.
    expect(await refused(dataDir)).toContain('ZooKeeper');
  }, 30_000);
});

describe('how it ended', () => {
  const totals = { impressions: 42n, clicks: 1n, filtered: 0n };
  const equal: Comparison = {
    ads: 1,
    adsDiffering: 0,
    source: totals,
    target: totals,
    missing: 0,
    ahead: 0,
    examples: [],
  };
  const copiedAll: Copied = {
    refused: 0,
    firstRefusal: undefined,
    comparison: equal,
    settled: true,
  };

  function reportOf(change: Partial<CopyStoreReport>): CopyStoreReport {
    const none = { rows: 0, cells: 0, rowsExpired: 0 };
    return {
      source: { place: 'data/store', salts: 16 },
      target: { place: 'zk-1:2181/hbase', salts: 4 },
      unrecovered: [],
      holdings: {
        writers: [],
        writersNew: 0,
        tables: {
          tokens: none,
          counts: { rows: 1_200, cells: 2_000, rowsExpired: 1 },
          summaries: none,
          sites: none,
        },
      },
      copied: copiedAll,
      ...change,
    };
  }

  test('all is there', () => {
    const report = reportOf({});
    expect(outcomeOf(report)).toBe('done');
    expect(linesOf(report, 400)).toEqual([
      'Copied data/store (16 salts) to zk-1:2181/hbase (4 salts)',
      '  writers    0, 0 of them new there',
      '  counts     1,200 rows, 2,000 cells; 1 row beyond 400 days left out',
      '  compared   1 ad: 42 impressions and 1 click in both',
    ]);
    expect(complaintsOf(report)).toEqual([]);
  });

  test('a dry run says what would be, and compares nothing', () => {
    const report = reportOf({ copied: undefined });
    expect(outcomeOf(report)).toBe('dry_run');
    const [first, ...others] = linesOf(report, 400);
    expect(first).toMatch(/^Would copy /);
    expect(others.join()).not.toContain('compared');
  });

  test('what differs is told ad by ad, in either direction', () => {
    const less = { ...totals, impressions: 40n };
    const examples = [{ ad: 'spring-sale', source: totals, target: less }];
    const differing = { ...equal, target: less, adsDiffering: 1, examples };
    const missing = { ...copiedAll, settled: false, comparison: { ...differing, missing: 1 } };
    const report = reportOf({ copied: missing });
    expect(outcomeOf(report)).toBe('differs');
    expect(linesOf(report, 400).at(-1)).toBe(
      '  compared   1 ad, 1 differ: 42 impressions and 1 click here, 40 impressions and 1 click there',
    );
    expect(complaintsOf(report)).toEqual([
      'ad "spring-sale": 42 impressions and 1 click here, 40 impressions and 1 click there',
      'HBase lacks 1 cell; its writers stay open until a copy succeeds',
    ]);
    const ahead = reportOf({ copied: { ...copiedAll, comparison: { ...equal, ahead: 3 } } });
    expect(outcomeOf(ahead)).toBe('differs');
    expect(complaintsOf(ahead).join()).toContain('HBase has more in 3 cells');
  });

  test('what HBase refuses and what a journal keeps is told', () => {
    const firstRefusal = new Error('STORE_REFUSED: too far ahead');
    const copied = { ...copiedAll, refused: 2, firstRefusal, settled: false };
    const report = reportOf({ copied });
    expect(outcomeOf(report)).toBe('refused');
    expect(linesOf(report, 400)[0]).toMatch(/^Copied in part: /);
    expect(complaintsOf(report)[0]).toContain('refuses 2 cells for good, the first: STORE_REF');
    const writer = drawWriterId();
    const finding = { writer, fate: 'gap', reason: undefined } as Finding;
    const left = reportOf({ unrecovered: [finding] });
    expect(outcomeOf(left)).toBe('unrecovered');
    expect(complaintsOf(left)[0]).toContain(
      `writer ${writer} is not all in the embedded store: gap`,
    );
  });

  test('for a program all numbers are numbers, and one that none can hold is text', () => {
    const huge = { impressions: 2n ** 60n, clicks: 0n, filtered: 0n };
    const comparison = { ...equal, source: huge, target: huge };
    const json: unknown = JSON.parse(jsonOf(reportOf({ copied: { ...copiedAll, comparison } })));
    expect(json).toMatchObject({
      outcome: 'done',
      tables: { counts: { rows: 1_200, cells: 2_000, rowsExpired: 1 } },
      compared: { source: { impressions: String(2n ** 60n), clicks: 0 } },
    });
  });
});
