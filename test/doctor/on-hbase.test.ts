// The doctor on a real HBase: all is well; a bound on versions is found and nothing is written to
// find it; what an operator altered is named.
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { afterAll, beforeAll, expect, test } from '@jest/globals';
import { HBaseClient } from '../../src/hbase/hbase-client.ts';
import { systemClock } from '../../src/model/clock.ts';
import { examine } from '../../src/doctor/doctor.ts';
import type { Check } from '../../src/doctor/check.ts';
import { tableSchemas } from '../../src/store/schema.ts';
import { run } from '../cli/run.ts';
import { everything } from '../hbase/cells.ts';
import { clientOptions, inTime } from '../hbase/client-options.ts';
import { describeOnHBase, type OnHBase } from '../hbase/with-hbase.ts';
import { configOf, failing, of } from './fake-cluster.ts';

const slop = 'hbase.hregion.keyvalue.timestamp.slop.millisecs';
let folder: string;
let prefixes = 0;

beforeAll(async () => {
  folder = await mkdtemp(path.join(tmpdir(), 'adcounter-doctor-'));
});

afterAll(async () => {
  await rm(folder, { recursive: true });
});

function newPrefix(): string {
  return `d${process.pid}_${Date.now()}_${prefixes++}_`;
}

async function look(
  { shared }: OnHBase,
  prefix: string,
  flags: Readonly<Record<string, string>> = {},
): Promise<readonly Check[]> {
  return await examine({
    config: configOf({
      'data-dir': folder,
      'hbase-zookeeper': shared.zookeeper,
      'hbase-table-prefix': prefix,
      ...flags,
    }),
    warnings: [],
    clock: systemClock,
    onStep: () => undefined,
    onChecks: () => undefined,
  });
}

describeOnHBase('the doctor', (on) => {
  test('finds all well on tables that were just made, by the command, with 0', async () => {
    const prefix = newPrefix();
    const flags = ['--hbase-zookeeper', on().shared.zookeeper, '--hbase-table-prefix', prefix];
    expect((await run('schema', 'create', ...flags, '--hbase-salts', '2')).code).toBe(0);
    const { code, out } = await run('doctor', ...flags, '--data-dir', folder);
    expect(out).not.toMatch(/^(FAIL|skip)/m);
    expect(code).toBe(0);
    expect(out.match(/^ok .*region server localhost/gm)).toHaveLength(2);
    expect(out).toContain('layout: 2 salts');
  }, 120_000);

  test('asks about versions without writing one', async () => {
    const prefix = newPrefix();
    const { zookeeper } = on().shared;
    const flags = ['--hbase-zookeeper', zookeeper, '--hbase-table-prefix', prefix];
    expect((await run('schema', 'create', ...flags, '--hbase-salts', '2')).code).toBe(0);
    expect(of(await look(on(), prefix), 'versions').outcome).toBe('ok');
    const client = new HBaseClient(clientOptions(zookeeper));
    for (const name of ['counts', 'tokens', 'sites', 'summaries']) {
      const place = { table: prefix + name, family: Buffer.from('c') };
      expect((await client.scan(place, everything, () => undefined, inTime)).rows).toBe(0);
    }
    const meta = { table: `${prefix}meta`, family: Buffer.from('c') };
    expect((await client.scan(meta, everything, () => undefined, inTime)).rows).toBe(1);
    client.close();
  }, 120_000);

  test('finds a bound on versions, families that differ, and what is missing', async () => {
    const prefix = newPrefix();
    const [counts, summaries] = tableSchemas({ tablePrefix: prefix, salts: 2, retentionDays: 400 });
    const short = new Map([...(summaries?.attributes ?? []), ['TTL', '86400']] as const);
    const make = async (schema: typeof counts, own: ReadonlyMap<string, string>, more = {}) => {
      const { fullName: name = '', family = '', splitKeys = [] } = schema ?? {};
      const families = new Map([[family, own]]);
      await on().client.createTable({ name, families, splitKeys, ...more }, inTime);
    };
    const attributes = new Map([[slop, '60000']]);
    await make(counts, counts?.attributes ?? new Map(), { attributes });
    await make(summaries, short);
    const checks = await look(on(), prefix);
    expect(of(checks, 'versions')).toMatchObject({ outcome: 'fail' });
    expect(of(checks, 'versions').seen).toContain('more than 60000 ms ahead');
    expect(failing(checks)).toEqual(['table', 'table', 'table', 'table', 'versions']);
    const seen = checks.filter(({ check }) => check === 'table').map((check) => check.seen);
    expect(seen[1]).toContain('TTL 86400 s');
    expect(seen.slice(2)).toEqual(Array.from({ length: 3 }, () => 'it does not exist'));
  }, 120_000);

  test('tells a name that leads nowhere beside one that answers', async () => {
    const [first] = await on().client.servers(inTime);
    const name = `${first?.hostName}:${first?.port}`;
    const checks = await look(on(), newPrefix(), { 'hbase-host-map': `${name}=rs.invalid:16020` });
    const servers = checks.filter(({ check }) => check === 'region-server');
    const outcomes = servers.map(({ outcome }) => outcome).toSorted();
    expect(outcomes).toEqual(['fail', 'ok']);
    expect(servers.find(({ subject }) => subject === name)?.seen).toContain('does not resolve');
  }, 60_000);
});
