// What the doctor says of tables, regions, layout and versions, on a cluster that plays each part.
import { afterEach, describe, expect, test } from '@jest/globals';
import type { Check, CheckName } from '../../src/doctor/check.ts';
import { failing, fakeCluster, findings, of } from './fake-cluster.ts';
import type { FakeCluster, Situation } from './fake-cluster.ts';

let cluster: FakeCluster | null = null;

afterEach(async () => {
  await cluster?.close();
  cluster = null;
});

async function look(
  changes: Partial<Situation>,
  flags: Readonly<Record<string, string>> = {},
): Promise<readonly Check[]> {
  cluster = await fakeCluster(changes);
  return await findings(`127.0.0.1:${cluster.zookeeper.port}`, flags);
}

function tableIn(checks: readonly Check[], name: string): Check | undefined {
  return checks.find(({ check, subject }) => check === 'table' && subject === `adcounter_${name}`);
}

/** Of the family of one table, beside those that are right. */
async function lookAt(name: string, attribute: string, value: string): Promise<Check | undefined> {
  cluster = await fakeCluster();
  cluster.situation.families.get(name)?.set(attribute, value);
  return tableIn(await findings(`127.0.0.1:${cluster.zookeeper.port}`), name);
}

test('all is well', async () => {
  const checks = await look({});
  expect(failing(checks)).toEqual([]);
  const names: CheckName[] = ['settings', 'data-dir', 'zookeeper', 'znode', 'master'];
  names.push('region-server', 'cluster', 'clock', 'regions');
  names.push('table', 'table', 'table', 'table', 'table', 'layout', 'versions');
  expect(checks.map(({ check }) => check)).toEqual(names);
  expect(checks.map(({ outcome }) => outcome)).toEqual(names.map(() => 'ok'));
  expect(tableIn(checks, 'counts')?.seen).toContain('TTL 407 days, VERSIONS 1');
  expect(tableIn(checks, 'meta')?.seen).toContain('TTL forever');
});

describe('tables', () => {
  test('that are missing: the command that makes them', async () => {
    const checks = await look({ families: new Map() });
    expect(failing(checks)).toEqual(['table', 'table', 'table', 'table', 'table']);
    expect(of(checks, 'table').fix.join()).toContain('adcounter schema create');
    for (const name of ['regions', 'layout', 'versions'] as const) {
      expect(of(checks, name).outcome).toBe('skipped');
    }
  });

  test('that are disabled', async () => {
    const check = of(await look({ tableState: 1, regionState: 'CLOSED' }), 'table');
    expect(check).toMatchObject({ outcome: 'fail', seen: 'it is DISABLED' });
    expect(check.fix.join()).toContain("enable 'adcounter_counts'");
  });

  test.each([
    ['counts', 'TTL', '86400', 'it has TTL 86400 s', 'TTL => 35164800'],
    ['counts', 'VERSIONS', '3', 'it has VERSIONS 3', 'VERSIONS => 1'],
    ['meta', 'TTL', '86400', 'it must be FOREVER', "TTL => 'FOREVER'"],
  ])('%s with %s %s: what differs, and the line for the shell', async (...row) => {
    const [name, attribute, value, seen, fix] = row;
    const check = await lookAt(name, attribute, value);
    expect(check?.outcome).toBe('fail');
    expect(check?.seen).toContain(seen);
    expect(check?.fix.join()).toContain(fix);
  });

  test('with NEW_VERSION_BEHAVIOR are a warning', async () => {
    const check = await lookAt('counts', 'NEW_VERSION_BEHAVIOR', 'true');
    expect(check?.outcome).toBe('warn');
  });

  test('whose retention was raised later', async () => {
    const check = of(await look({}, { 'retention-days': '600' }), 'table');
    expect(check.cause).toContain('ADCOUNTER_RETENTION_DAYS');
  });
});

describe('regions', () => {
  test.each([
    [{ regionState: 'FAILED_OPEN' }, 'is FAILED_OPEN'],
    [{ regionsAtRun: 1 }, 'which is not alive'],
    [
      {
        keys: [
          ['', 'b'],
          ['c', ''],
        ],
      },
      'has a hole or an overlap at key 62',
    ],
    [
      {
        keys: [
          ['', 'b'],
          ['b', 'd'],
        ],
      },
      'has no region from key 64 on',
    ],
    [{ keys: [['a', '']] }, 'has a hole or an overlap at its start'],
  ] as readonly [Partial<Situation>, string][])(
    '%j',
    async (changes, seen) => {
      const check = of(await look(changes), 'regions');
      expect(check.outcome).toBe('fail');
      expect(check.seen).toContain(seen);
    },
    30_000,
  );
});

describe('the layout', () => {
  test('of other salts than were set: the line that is right', async () => {
    const check = of(await look({ salts: 8 }, { 'hbase-salts': '16' }), 'layout');
    expect(check).toMatchObject({ outcome: 'fail' });
    expect(check.fix).toContain('ADCOUNTER_HBASE_SALTS=8');
    await cluster?.close();
    expect(of(await look({ salts: 8 }), 'layout').outcome).toBe('ok');
  });

  test('that was never written', async () => {
    const check = of(await look({ salts: null }), 'layout');
    expect(check.seen).toBe('there is no layout row in meta');
    expect(check.fix.join()).toContain('adcounter schema create');
  });
});

test('a bound on versions in the future is found, with its size and its setting', async () => {
  const check = of(await look({ slopMs: 60_000 }), 'versions');
  expect(check.outcome).toBe('fail');
  expect(check.seen).toContain('more than 60000 ms ahead');
  expect(check.fix.join()).toContain('hbase.hregion.keyvalue.timestamp.slop.millisecs');
});
