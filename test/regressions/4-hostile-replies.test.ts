// Replies that make no sense, or say the same for ever: an end in time, few calls, none believed.
import { afterEach, beforeEach, expect, test } from '@jest/globals';
import { setTimeout as sleep } from 'node:timers/promises';
import { Connections } from '../../src/hbase/connections.ts';
import { failureOf } from '../../src/hbase/failures.ts';
import { HBaseClient } from '../../src/hbase/hbase-client.ts';
import { readMetaTable } from '../../src/hbase/meta-table.ts';
import { messages } from '../../src/hbase/messages.ts';
import { silentObserver } from '../../src/hbase/observer.ts';
import type { Put } from '../../src/model/rows.ts';
import { read } from '../hbase/cells.ts';
import { clientOptions } from '../hbase/client-options.ts';
import { answerScan, FakeServer } from '../hbase/fake-server.ts';

const place = { table: 't', family: Buffer.from('c') };
const lost = 'org.apache.hadoop.hbase.UnknownScannerException';
const everything = { start: Buffer.alloc(0), stop: Buffer.alloc(0) };
let server: FakeServer;
let client: HBaseClient;

beforeEach(async () => {
  server = await FakeServer.listen();
  client = new HBaseClient({ ...clientOptions('127.0.0.1:9'), discovery: server.discovery });
});
afterEach(async () => {
  client.close();
  await server.close();
});

function cellOf(row: string): Put {
  return {
    row: Buffer.from(row),
    qualifier: Buffer.from([1]),
    value: Buffer.from('v'),
    version: 5,
  };
}

test('the name of an exception costs time in proportion to its length', () => {
  const startMs = performance.now();
  expect(failureOf(`${'a'.repeat(150_000)}.IOException`, '', false).code).toBe('STORE_FAILED');
  expect(performance.now() - startMs).toBeLessThan(1_000);
  expect(failureOf('org.x.Outer$AccessDeniedException', '', false).code).toBe(
    'STORE_ACCESS_DENIED',
  );
});

test('a scanner that is lost before it brought a row is not opened again at once', async () => {
  server.handler = (call) => {
    const { scannerId } = messages.scanRequest.decode(call.message);
    if (Number(scannerId) > 0) call.fail(lost);
    else answerScan(call, [], { more: true });
  };
  const scan = client.scan(place, everything, () => undefined, { timeoutMs: 3_000 });
  await expect(scan).rejects.toMatchObject({ code: 'STORE_SCANNER_LOST' });
  // An opening, a next and a closing for each attempt, of which 3 s have room for about nine.
  const scans = server.calls.filter(({ method }) => method === 'Scan');
  expect(scans.length).toBeLessThan(60);
});

test('a result that holds cells of two rows is not read as one row', async () => {
  let lies = true;
  server.handler = (call) => {
    if (lies) answerScan(call, [[cellOf('a'), cellOf('c')]], { more: false });
    else
      answerScan(
        call,
        ['a', 'b', 'c'].map((row) => [cellOf(row)]),
        { more: false },
      );
    lies = false;
  };
  const { cells } = await read(client, place);
  expect(cells.map(({ row }) => row.toString())).toEqual(['a', 'b', 'c']);
});

test('what meta says for diagnosis is checked before it is read', async () => {
  let tables = true;
  server.meta = (call) => {
    const cellsPerResult = tables ? [] : [5_000_000];
    tables = false;
    call.answer(
      messages.scanResponse.encode({
        cellsPerResult,
        scannerId: 7 as never,
        moreResults: false,
        results: [],
        partialFlagPerResult: [],
        moreResultsInRegion: false,
        heartbeatMessage: false,
      }),
    );
  };
  const connections = new Connections({
    user: 'adcounter',
    hostMap: new Map(),
    observer: silentObserver,
  });
  const metaServer = { host: '127.0.0.1', port: server.port };
  const startMs = performance.now();
  await expect(
    readMetaTable({ connections, metaServer, callMs: 5_000 }, 't'),
  ).rejects.toMatchObject({ code: 'STORE_REPLY_INVALID' });
  expect(performance.now() - startMs).toBeLessThan(4_000);
  // As after any reply without sense.
  await sleep(50);
  expect(server.connections).toBe(1);
  connections.close();
});
