// What a real HBase says of regions that moved and of tables that were disabled, and that the
// client makes of it what it makes of the fake one.
import { expect, test } from '@jest/globals';
import protobuf from 'protobufjs';
import { Connections } from '../../src/hbase/connections.ts';
import { Deadline } from '../../src/hbase/deadline.ts';
import { ZooKeeperDiscovery } from '../../src/hbase/discovery.ts';
import { HBaseClient } from '../../src/hbase/hbase-client.ts';
import { addressOf } from '../../src/hbase/locator.ts';
import { message } from '../../src/hbase/messages.ts';
import { silentObserver } from '../../src/hbase/observer.ts';
import { until } from '../support/until.ts';
import { put, putAll } from './cells.ts';
import { clientOptions, inTime } from './client-options.ts';
import { describeOnHBase, newTable } from './with-hbase.ts';

const row = Buffer.from('r');
const cell = { row, qualifier: Buffer.from([1]), value: Buffer.from('v'), version: 5 };

/** Of DisableTable and EnableTable alike. */
const tableRequest = message<{
  readonly tableName: { readonly namespace: Buffer; readonly qualifier: Buffer };
}>(
  'TableRequest',
  protobuf.parse(
    `syntax = "proto2";
     message TableName { required bytes namespace = 1; required bytes qualifier = 2; }
     message TableRequest { required TableName table_name = 1; }`,
  ).root,
);

describeOnHBase('locations on a real HBase', (on) => {
  test('M31: the old server says where a region went, and nobody else is asked', async () => {
    const { table, family } = await newTable(on());
    let scans = 0;
    const client = new HBaseClient({
      ...clientOptions(on().shared.zookeeper),
      observer: {
        ...silentObserver,
        request: (op) => {
          if (op === 'Scan') scans++;
        },
      },
    });
    await putAll(client, { table, family }, [cell]);
    const [region] = await client.regions(table, inTime);
    const servers = await on().client.servers(inTime);
    const other = servers.find(({ port }) => port !== region?.server.port);
    if (region === undefined || other === undefined) throw new Error('there are two servers');
    await on().client.moveRegion(region, other, inTime);
    scans = 0;
    await putAll(client, { table, family }, [cell]);
    expect(scans).toBe(0);
    client.close();
  }, 60_000);

  test('M32: a disabled table is told by the state of its regions and its own row in meta', async () => {
    const place = await newTable(on(), [Buffer.from('m')]);
    await putAll(on().client, place, [cell]);
    await askMaster('DisableTable', place.table);
    await until(async () => {
      const outcome = await put(on().client, place, [cell]);
      return outcome.failures.size === 1;
    }, 30_000);
    const startMs = performance.now();
    const { failures } = await put(on().client, place, [cell]);
    expect(failures.get(0)).toMatchObject({ code: 'STORE_TABLE_DISABLED', remedy: 'retry' });
    expect(performance.now() - startMs).toBeLessThan(10_000);
    await askMaster('EnableTable', place.table);
    await until(async () => {
      const outcome = await put(on().client, place, [cell]);
      return outcome.confirmedCount === 1;
    }, 30_000);
  }, 90_000);

  async function askMaster(method: string, table: string): Promise<void> {
    const options = clientOptions(on().shared.zookeeper);
    const discovery = new ZooKeeperDiscovery({ quorum: options.zookeeper, znode: options.znode });
    const connections = new Connections(options);
    const master = addressOf(await discovery.master(new Deadline(inTime)));
    const tableName = { namespace: Buffer.from('default'), qualifier: Buffer.from(table) };
    const body = tableRequest.encodeDelimited({ tableName });
    await connections.call(master, 'MasterService', { method, body, cellBytes: 0, ...inTime });
    connections.close();
    discovery.close();
  }
});
