// The proxy itself: it fails what it was told to, writes that down, and passes on the rest whole.
import { afterEach, beforeEach, describe, expect, jest, test } from '@jest/globals';
import { HBaseClient } from '../../src/hbase/hbase-client.ts';
import { messages } from '../../src/hbase/messages.ts';
import type { Put } from '../../src/model/rows.ts';
import { until } from '../support/until.ts';
import { everything, put } from './cells.ts';
import { clientOptions } from './client-options.ts';
import { answerScan, FakeServer, multiReply } from './fake-server.ts';
import type { FakeCall } from './fake-server.ts';
import { CuttingProxy } from './proxy/cutting-proxy.ts';
import type { Fault } from './proxy/cutting-proxy.ts';

jest.setTimeout(60_000);

const place = { table: 't', family: Buffer.from('c') };
const one: Put = {
  row: Buffer.from('r'),
  qualifier: Buffer.from('q'),
  value: Buffer.from('v'),
  version: 1,
};
const onePut = [one];
const soon = { timeoutMs: 3_000 };

describe('the cutting proxy', () => {
  let server: FakeServer;
  let proxy: CuttingProxy;
  let client: HBaseClient;

  beforeEach(async () => {
    server = await FakeServer.listen();
    server.handler = answerAll;
    proxy = await CuttingProxy.before({ host: '127.0.0.1', port: server.port });
    client = new HBaseClient({
      ...clientOptions(''),
      rpcTimeoutMs: 1_000,
      discovery: server.discovery,
      hostMap: new Map([[`127.0.0.1:${server.port}`, proxy.address]]),
    });
  });

  afterEach(async () => {
    client.close();
    await proxy.close();
    await server.close();
  });

  test('passes frames on, also those of many chunks, and tells the kinds of calls apart', async () => {
    const passed: string[] = [];
    proxy.onPassed = ({ kind, applied }) => passed.push(`${kind} ${applied}`);
    const value = Buffer.alloc(3_000_000, 7);
    expect((await put(client, place, [{ ...one, value }])).confirmedCount).toBe(1);
    const cells = callsOf('Multi')[0]?.cells ?? Buffer.alloc(0);
    expect(cells.subarray(-value.length).equals(value)).toBe(true);
    expect(await rowsScanned()).toBe(2);
    expect(passed).toEqual(['MetaScan true', 'Multi true', 'ScanOpen true', 'ScanNext true']);
    expect(proxy.log).toEqual([]);
  });

  test('cuts a reply after the server has answered: the call comes twice', async () => {
    arm({ kind: 'Multi', times: 1, at: 'reply', act: 'cut' });
    expect((await put(client, place, onePut)).confirmedCount).toBe(1);
    expect(callsOf('Multi').length).toBe(2);
    expect(proxy.log.map(({ kind, server: at, fault }) => [kind, at, fault.act])).toEqual([
      ['Multi', `127.0.0.1:${server.port}`, 'cut'],
    ]);
    expect(proxy.log[0]?.bytes).toBeGreaterThan(4);
    expect(proxy.log[0]?.callId).toBe(callsOf('Multi')[0]?.header.callId);
  });

  test('swallows one reply alone: the call runs out of time, the connection stays', async () => {
    await put(client, place, onePut);
    arm({ kind: 'Multi', times: 1, at: 'reply', act: 'swallow' });
    expect((await put(client, place, onePut, 10_000)).confirmedCount).toBe(1);
    expect(callsOf('Multi').length).toBe(3);
    expect(server.connections).toBe(1);
  });

  test('loses a request before the server has it', async () => {
    arm({ kind: 'Multi', times: 1, at: 'request', act: 'cut' });
    expect((await put(client, place, onePut)).confirmedCount).toBe(1);
    expect(callsOf('Multi').length).toBe(1);
    expect(proxy.log.length).toBe(1);
  });

  test('a reply that says no is none that was applied, and not cut', async () => {
    let refusals = 2;
    server.handler = (call) => {
      if (refusals-- === 2) call.fail('org.apache.hadoop.hbase.RegionTooBusyException');
      else if (refusals === 0) call.answer(multiReply(['org.apache.hadoop.hbase.Busy']));
      else answerAll(call);
    };
    arm({ kind: 'Multi', times: 1, at: 'reply', act: 'cut' });
    expect((await put(client, place, onePut)).confirmedCount).toBe(1);
    expect(callsOf('Multi').length).toBe(4);
    const third = callsOf('Multi')[2]?.header.callId;
    expect(proxy.log.map(({ callId }) => callId)).toEqual([third]);
  });

  test('strikes the kind that it was armed for, as often as it was told', async () => {
    arm({ kind: 'ScanNext', times: 2, at: 'reply', act: 'cut' });
    await put(client, place, onePut);
    for (let i = 0; i < 3; i++) expect(await rowsScanned()).toBe(2);
    expect(proxy.log.map(({ kind }) => kind)).toEqual(['ScanNext', 'ScanNext']);
    arm({ times: 1, at: 'reply', act: 'cut' });
    await put(client, place, onePut);
    expect(proxy.log.length).toBe(3);
  });

  test('delays a call for as long as it was told', async () => {
    await put(client, place, onePut);
    arm({ kind: 'Multi', times: 1, at: 'request', act: { delayMs: 300 } });
    arm({ kind: 'Multi', times: 1, at: 'reply', act: { delayMs: 300 } });
    const startMs = performance.now();
    expect((await put(client, place, onePut)).confirmedCount).toBe(1);
    expect(performance.now() - startMs).toBeGreaterThanOrEqual(590);
    expect(proxy.log.map(({ fault }) => fault.at)).toEqual(['request', 'reply']);
  });

  test('refuses, then passes again on the same port', async () => {
    await put(client, place, onePut);
    await proxy.set('refuse');
    expect(await failureOf(soon)).toMatch(/ECONNREFUSED/);
    await proxy.set('pass');
    expect((await put(client, place, onePut)).confirmedCount).toBe(1);
  });

  test('resets whoever connects', async () => {
    await proxy.set('reset');
    expect(await failureOf(soon)).toMatch(/STORE_UNREACHABLE/);
    await proxy.set('pass');
    expect((await put(client, place, onePut)).confirmedCount).toBe(1);
    expect(server.connections).toBe(1);
  });

  test('goes dark: it takes everything and answers nothing', async () => {
    await put(client, place, onePut);
    await proxy.set('dark');
    expect(await failureOf(soon)).toMatch(/STORE_TIMEOUT/);
    await proxy.set('pass');
    expect((await put(client, place, onePut, 10_000)).confirmedCount).toBe(1);
    expect(callsOf('Multi').length).toBe(2);
  });

  test('a connection that was begun in the dark is reset when it ends', async () => {
    await proxy.set('dark');
    const waiting = put(client, place, onePut, 10_000);
    await until(() => proxy.connections === 1, 2_000);
    await proxy.set('pass');
    expect((await waiting).confirmedCount).toBe(1);
  });

  test.each(['client', 'server'] as const)('half-closes towards the %s', async (towards) => {
    await put(client, place, onePut);
    const held: FakeCall[] = [];
    server.handler = (call) => void held.push(call);
    const waiting = put(client, place, onePut);
    await until(() => held.length === 1, 2_000);
    proxy.halfClose(towards);
    server.handler = answerAll;
    expect((await waiting).confirmedCount).toBe(1);
    expect(server.connections).toBe(2);
  });

  test('what is no frame ends a connection, and nothing else', async () => {
    server.handler = (call) => void call.socket.write(Buffer.alloc(64, 0xff));
    expect(await failureOf(soon)).toMatch(/STORE_UNREACHABLE|STORE_CONNECTION_LOST/);
    server.handler = answerAll;
    expect((await put(client, place, onePut)).confirmedCount).toBe(1);
  });

  function arm(fault: Fault): void {
    proxy.arm({ fault, left: fault.times });
  }

  function callsOf(method: string): FakeCall[] {
    return server.calls.filter((call) => call.method === method);
  }

  async function rowsScanned(): Promise<number> {
    return (await client.scan(place, everything, () => undefined, { timeoutMs: 10_000 })).rows;
  }

  async function failureOf({ timeoutMs }: { readonly timeoutMs: number }): Promise<string> {
    const { failures } = await put(client, place, onePut, timeoutMs);
    return failures.get(0)?.message ?? 'it was confirmed';
  }
});

/** Puts are done; a scan finds row `a` with its first call and row `b` with the next. */
function answerAll(call: FakeCall): void {
  if (call.method === 'Multi') call.answer(multiReply([null]));
  if (call.method !== 'Scan') return;
  const { scan, closeScanner } = messages.scanRequest.decode(call.message);
  if (closeScanner === true) return;
  const first = scan?.startRow.length === 0;
  answerScan(call, [[{ ...one, row: Buffer.from(first ? 'a' : 'b') }]], { more: first });
}
