// The fake table beside a real HBase: facts that the design leans on, one by one, and random
// sequences. `npm run compare:store` goes through ten thousand of them.
import { expect, test } from '@jest/globals';
import type { Put, RowDelete } from '../../src/model/rows.ts';
import { describeOnHBase } from '../hbase/with-hbase.ts';
import type { Step } from './random-steps.ts';
import { stepText } from './random-steps.ts';
import { RealTable } from './real-table.ts';
import { compareStores, lockStep } from './store-comparison.ts';

const qualifier = Buffer.from('q');
const base = Date.now() - 1_800_000;

const cell = (version: number, value = String(version)): Omit<Put, 'row'> => ({
  qualifier,
  version: base + version,
  value: Buffer.from(value),
});
const put = (version: number, value?: string): Step => ({
  kind: 'put',
  puts: [cell(version, value)],
});
const gone = (kind: 'version' | 'upTo', version: number): RowDelete => ({
  kind,
  qualifier,
  version: base + version,
});
const remove = (kind: 'version' | 'upTo', version: number): Step => ({
  kind: 'delete',
  one: gone(kind, version),
});
const removeRow = (version: number): Step => ({
  kind: 'delete',
  one: { kind: 'row', version: base + version },
});
const take = (expected: string | null, value: string): Step => ({
  kind: 'checkAndPut',
  qualifier,
  expected: expected === null ? null : Buffer.from(expected),
  value: Buffer.from(value),
});
const mutate = (versions: readonly number[], deletes: readonly RowDelete[]): Step => ({
  kind: 'mutateRow',
  puts: versions.map((version) => cell(version)),
  deletes,
});

/** What is done in each phase, and the value that is read at its end; '' is no cell. */
type Fact = readonly [name: string, phases: readonly (readonly Step[])[], shows: string];

/** A phase ends with a flush; the third with a major compaction, and no flush before it. */
const facts: readonly Fact[] = [
  ['M1, in memory', [[put(1, 'new'), put(1, 'old')]], 'old old old old'],
  ['M1, in two files', [[put(1, 'new')], [put(1, 'old')]], 'new old old old'],
  ['M2', [[put(100)], [put(90)]], '100 100 100 100'],
  ['M3', [[put(100), remove('upTo', 100)], [put(100)], [], [put(100)]], '- - - 100'],
  ['M3, a higher one', [[put(100), remove('upTo', 100)], [put(110)]], '- 110 110 110'],
  ['M4, in memory', [[put(90), put(100), remove('version', 100)]], '90 90 90 90'],
  ['M5', [[put(1, ''), take(null, 'taken')]], 'taken taken taken taken'],
  ['M8', [[put(50), removeRow(100)], [put(60)], [put(110)]], '- - 110 110'],
  // A flush keeps one version of what it finds in memory: the older one is gone for good.
  ['M39', [[put(90), put(100)], [remove('version', 100)]], '100 - - -'],
  // In two files both are there, until they become one: then a read falls back no more.
  ['M39, in two files', [[put(90)], [put(100)], [remove('version', 100)]], '90 100 90 -'],
  // The flush stops at the second version, so the delete below it is lost …
  [
    'M40',
    [[put(70)], [put(100), put(90), remove('upTo', 80)], [remove('version', 100)]],
    '70 100 70 -',
  ],
  // … but not where there is no second version.
  [
    'M40, one version',
    [[put(70)], [put(100), remove('upTo', 80)], [remove('version', 100)]],
    '70 100 - -',
  ],
  // The delete is in a file, what it hides still in memory when the files are compacted.
  ['M41', [[put(100), remove('upTo', 100)], [], [put(100)]], '- - - 100'],
  [
    'M42',
    [[mutate([100], [gone('version', 100)])], [mutate([110], [gone('upTo', 100)])]],
    '- 110 110 110',
  ],
];
const turnsInPhase = 4;
const quiet = (): void => undefined;

describeOnHBase('the fake table', (on) => {
  test('shows and answers what HBase does, after every step of 300 random sequences', async () => {
    const { zookeeper } = on().shared;
    const seed = Date.now() % 1_000_000;
    const report = await compareStores({ zookeeper, seed, sequences: 300, batch: 150, say: quiet });
    const found = report.differences.map(({ what, steps }) => [what, ...steps.map(stepText)]);
    expect([`seed ${seed}`, ...found]).toEqual([`seed ${seed}`]);
    expect(report.sequences).toBe(300);
    expect(report.stepsMin).toBeGreaterThanOrEqual(20);
    expect(report.reads).toBeGreaterThan(300 * 20);
    // All kinds, and a third of them on one cell whose versions are equal or fall.
    expect(report.fallingOnOneCell / report.sequences).toBeGreaterThan(0.3);
    expect(report.fallingPuts / report.puts).toBeGreaterThan(0.3);
    const kinds = ['put', 'mutateRow', 'checkAndPut', 'flush', 'majorCompact'];
    for (const kind of [...kinds, 'delete version', 'delete upTo', 'delete row']) {
      expect(report.operations[kind]).toBeGreaterThan(30);
    }
  }, 120_000);

  test('the facts are as measured, in HBase and in the fake', async () => {
    const real = await RealTable.create(on().shared.zookeeper);
    const phase = Array.from({ length: turnsInPhase }, () => null);
    const flush = { kind: 'flush' } as const;
    const compact = { kind: 'majorCompact' } as const;
    const turns = [phase, flush, phase, flush, phase, compact, phase].flat();
    const seen = facts.map((): string[] => []);
    const sources = facts.map(([, phases], i) => {
      let turn = 0;
      return {
        next: (shown: readonly Put[]): Step | undefined => {
          const [at, inPhase] = [Math.floor(turn / turnsInPhase), turn++ % turnsInPhase];
          const value = shown[0]?.value.toString() ?? '-';
          if (inPhase === turnsInPhase - 1) seen[i]?.push(value);
          return phases[at]?.[inPhase];
        },
      };
    });
    const { differences } = await lockStep(real, turns, 'facts/', sources);
    real.close();
    expect(differences).toEqual([]);
    const asSeen = facts.map(([name], i) => `${name}: ${seen[i]?.join(' ') ?? ''}`);
    expect(asSeen).toEqual(facts.map(([name, , shows]) => `${name}: ${shows}`));
  }, 60_000);
});
