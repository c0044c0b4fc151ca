// A row mutation on a real HBase: puts and deletes of one row at once, or none of them.
import { expect, test } from '@jest/globals';
import type { Place } from '../../src/hbase/hbase-client.ts';
import type { Put, RowDelete, RowMutation } from '../../src/model/rows.ts';
import { putAll, read } from './cells.ts';
import { inTime } from './client-options.ts';
import { describeOnHBase, family, newTable } from './with-hbase.ts';
import type { OnHBase } from './with-hbase.ts';

const row = Buffer.from('row');
const put = (name: string, version: number): Put => ({
  row,
  qualifier: Buffer.from(name),
  value: Buffer.from(`${name}${version}`),
  version,
});
const upTo = (name: string, version: number): RowDelete => ({
  kind: 'upTo',
  qualifier: Buffer.from(name),
  version,
});

async function shown({ client }: OnHBase, place: Place): Promise<string[]> {
  return (await read(client, place)).cells.map(({ value }) => value.toString());
}

describeOnHBase('a row mutation', (on) => {
  test('puts one cell and deletes others up to the versions that were read', async () => {
    const place = await newTable(on());
    await putAll(on().client, place, [put('a', 5), put('b', 7), put('c', 3)]);
    const mutation = { row, puts: [put('f', 12)], deletes: [upTo('a', 5), upTo('b', 6)] };
    for (let i = 0; i < 2; i++) await on().client.mutateRow(place, mutation, inTime);
    expect(await shown(on(), place)).toEqual(['b7', 'c3', 'f12']);
    // A late put of what was deleted stays hidden.
    await putAll(on().client, place, [put('a', 5), put('b', 4)]);
    expect(await shown(on(), place)).toEqual(['b7', 'c3', 'f12']);
  });

  test('deletes of a row and of its cells hold beside one another', async () => {
    const place = await newTable(on());
    await putAll(on().client, place, [put('a', 50), put('b', 7), put('c', 60)]);
    const deletes: RowDelete[] = [upTo('a', 50), { kind: 'row', version: 10 }];
    deletes.push({ kind: 'version', qualifier: Buffer.from('c'), version: 60 });
    await on().client.mutateRow(place, { row, puts: [], deletes }, inTime);
    expect(await shown(on(), place)).toEqual([]);
    await putAll(on().client, place, [put('a', 51), put('b', 10), put('c', 59)]);
    expect(await shown(on(), place)).toEqual(['a51', 'c59']);
  });

  // M20: HBase refuses one of its puts.
  test('that is refused in part does nothing at all', async () => {
    const { client } = on();
    const name = `whole${process.pid}_${Date.now()}`;
    const families = new Map([['c', new Map([['VERSIONS', '1']])]]);
    const attributes = new Map([['hbase.hregion.keyvalue.timestamp.slop.millisecs', '60000']]);
    await client.createTable({ name, families, attributes, splitKeys: [] }, inTime);
    const place = { table: name, family };
    await putAll(client, place, [put('a', 5)]);
    const early = Date.now() + 3_600_000;
    const puts = [put('b', 1), put('c', early)];
    const refused = client.mutateRow(place, { row, puts, deletes: [upTo('a', 5)] }, inTime);
    await expect(refused).rejects.toMatchObject({ code: 'STORE_REFUSED', remedy: 'give-up' });
    expect(await shown(on(), place)).toEqual(['a5']);
  });

  test('is never read in part', async () => {
    const place = await newTable(on());
    const names = ['a', 'b'];
    const state = (n: number): RowMutation => ({
      row,
      puts: [put(names[n % 2] ?? '', n + 1)],
      deletes: [upTo(names[(n + 1) % 2] ?? '', n)],
    });
    await on().client.mutateRow(place, state(0), inTime);
    const counts = new Set<number>();
    for (let n = 1; n < 50; n++) {
      const writing = on().client.mutateRow(place, state(n), inTime);
      const [one, other] = await Promise.all([shown(on(), place), shown(on(), place), writing]);
      counts.add(one.length).add(other.length);
    }
    expect([...counts]).toEqual([1]);
  }, 30_000);

  test('of a table that is missing fails at once', async () => {
    const mutation = { row, puts: [put('a', 1)], deletes: [] };
    const missing = on().client.mutateRow({ table: 'no_such_table', family }, mutation, inTime);
    await expect(missing).rejects.toMatchObject({ code: 'STORE_TABLE_MISSING' });
  });
});
