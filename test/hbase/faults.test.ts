// The short form of `npm run hbase:faults`: regions move, split and merge and replies are cut under
// load, and the table is what the writer's book says, by HBase's own client too.
import { expect, test } from '@jest/globals';
import { putAll } from './cells.ts';
import { merge, move, split } from './faults/causes.ts';
import { cutKinds } from './faults/cutter.ts';
import { faultRun } from './faults/fault-run.ts';
import { Ledger } from './faults/ledger.ts';
import { shortcomings } from './faults/report.ts';
import { checkByJava } from './java/check-ledger.ts';
import { describeOnHBase, newTable } from './with-hbase.ts';

const cutsPerKind = 6;

describeOnHBase('faults under load', (on) => {
  test('moves, a split, a merge and cut replies lose, misread and repeat nothing', async () => {
    const seed = Date.now() % 1_000_000;
    const said: string[] = [];
    const report = await faultRun({
      hbase: on().shared,
      seed,
      rows: 3_000,
      putsPerSecond: 2_000,
      cutsPerKind,
      cutPauseMs: 150,
      causes: [move, split, move, merge],
      leastMs: 0,
      causeTimeoutMs: 60_000,
      say: (line) => said.push(line),
    });
    // The rate is a matter of the machine, and of what else it does.
    const wrong = shortcomings(report, { cutsPerKind, putsPerSecond: 1 });
    const { examples } = report.violations;
    expect({ seed, said, wrong, examples }).toEqual({ seed, said, wrong: [], examples: [] });
    expect([...report.cuts.keys()].sort()).toEqual([...cutKinds].sort());
    expect(report.java[0]?.cells).toBeGreaterThan(3_000);
    expect(report.unknownCells).toBe(0);
  }, 240_000);

  test("HBase's own client finds what a book says and the table does not have", async () => {
    const place = await newTable(on());
    const ledger = new Ledger(1, 300);
    await putAll(
      on().client,
      place,
      ledger.cells.map((_, i) => ledger.next(i)),
    );
    for (const i of ledger.cells.keys()) ledger.confirm(i, ledger.put(i, 1).version);
    const { table } = place;
    const book = [...ledger.lines()];
    const whole = await checkByJava(on().shared, table, book);
    expect(whole).toMatchObject({ cells: 450, rows: 300, lost: 0, misread: 0, repeated: 0 });
    const [, second = '', third = ''] = book;
    const unknown = 'fe ad ? 1 aa';
    const missing = 'fe ed ! 1 aa';
    const older = second.replace(
      / (\d+) \S+$/,
      (_, version: string) => ` ${Number(version) - 1} 00`,
    );
    const other = third.replace(/\S+$/, 'ffffff');
    const spoiled = [unknown, missing, older, other, ...book.slice(3)];
    // Twice each, by the scan and by the gets; but the row that is in no book is only scanned.
    const found = await checkByJava(on().shared, table, spoiled);
    expect(found).toMatchObject({ lost: 2, misread: 5, repeated: 0 });
    expect(found.examples.some((line) => line.includes('was never put'))).toBe(true);
    expect(found.examples.some((line) => line.includes('fe ed was confirmed'))).toBe(true);
  }, 120_000);
});
