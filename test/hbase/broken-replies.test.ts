// Replies with broken bytes: a failure or the truth, never a crash and never a false confirmation.
import { afterEach, beforeEach, describe, expect, test } from '@jest/globals';
import * as fc from 'fast-check';
import protobuf from 'protobufjs';
import { cellBytesOf, readResults, writeCell } from '../../src/hbase/cell-block.ts';
import type { Reply } from '../../src/hbase/connection.ts';
import { HBaseClient } from '../../src/hbase/hbase-client.ts';
import { messages } from '../../src/hbase/messages.ts';
import { encodeMulti, readMultiReply } from '../../src/hbase/multi-codec.ts';
import { CounterError } from '../../src/model/errors.ts';
import { PutBatch } from '../../src/model/rows.ts';
import { everything } from './cells.ts';
import { clientOptions } from './client-options.ts';
import { FakeServer, multiReply } from './fake-server.ts';

const family = Buffer.from('c');
const region = {
  name: Buffer.from('t,,1.x.'),
  startKey: Buffer.alloc(0),
  endKey: Buffer.alloc(0),
  server: { host: 'h', port: 1 },
};
const damage = fc.array(fc.tuple(fc.nat(10_000), fc.nat(255)), { minLength: 1, maxLength: 4 });

describe('broken replies', () => {
  test("a Multi's reply confirms at most what it was asked for, each once", () => {
    const sound = multiReply([null, 'java.io.IOException', null, null]);
    const puts = Int32Array.from([4, 5, 6, 7]);
    fc.assert(
      fc.property(damage, fc.nat(sound.length), (changes, cut) => {
        const bytes = damaged(sound, changes).subarray(0, sound.length - (cut % 3));
        const read = (): void => {
          const reply = replyOf(bytes, bytes.length);
          const [answer] = readMultiReply(reply, [{ region, puts }]);
          const done = answer?.whole === null ? puts.filter((i) => !answer.failures.has(i)) : [];
          // What another reader of the same bytes says was done.
          expect(done.every((i) => saidDone(bytes, puts.indexOf(i)))).toBe(true);
        };
        expectSound(read);
      }),
      { numRuns: 2_000 },
    );
  });

  test("a scan's reply visits no byte outside of itself", () => {
    const sound = scanReply();
    fc.assert(
      fc.property(damage, (changes) => {
        const bytes = damaged(sound.bytes, changes);
        const read = (): unknown =>
          readResults(replyOf(bytes, sound.messageEnd), (cell) => {
            const ends = [cell.rowEnd, cell.qualifierEnd, cell.valueEnd];
            expect(ends.every((end) => end <= bytes.length)).toBe(true);
            expect(cell.rowStart).toBeLessThanOrEqual(cell.rowEnd);
            expect(cell.qualifierStart).toBeLessThanOrEqual(cell.qualifierEnd);
            expect(cell.valueStart).toBeLessThanOrEqual(cell.valueEnd);
          });
        expectSound(read);
      }),
      { numRuns: 2_000 },
    );
  });

  test('what is written for any put is what is read for it', () => {
    const bytes = fc.uint8Array({ maxLength: 100 });
    const sizes = { minLength: 1, maxLength: 20 };
    const put = fc.record({
      row: fc.uint8Array({ minLength: 1, maxLength: 100 }),
      qualifier: bytes,
      value: bytes,
      version: fc.nat(Number.MAX_SAFE_INTEGER),
    });
    fc.assert(
      fc.property(fc.uniqueArray(put, { ...sizes, selector: keyOf }), (unsorted) => {
        // A reply brings rows in their order, each once.
        const puts = unsorted.toSorted((a, b) => Buffer.compare(a.row, b.row));
        const batch = new PutBatch(1);
        for (const { row, qualifier, value, version } of puts) {
          const [r, q, v] = [Buffer.from(row), Buffer.from(qualifier), Buffer.from(value)];
          batch.add({ row: r, qualifier: q, value: v, version });
        }
        const indices = Int32Array.from(puts.keys());
        const options = { family, durability: 'sync_wal', spare: null } as const;
        const multi = encodeMulti(batch, [{ region, puts: indices }], options);
        const message = messages.scanResponse.encode(responseOf(puts.map(() => 1)));
        const cells = multi.body.subarray(multi.body.length - multi.cellBytes);
        const seen: unknown[] = [];
        readResults(replyOf(Buffer.concat([message, cells]), message.length), (cell) => {
          const part = (start: number, end: number): Uint8Array =>
            Uint8Array.from(cell.bytes.subarray(start, end));
          seen.push({
            row: part(cell.rowStart, cell.rowEnd),
            qualifier: part(cell.qualifierStart, cell.qualifierEnd),
            value: part(cell.valueStart, cell.valueEnd),
            version: cell.version,
          });
        });
        expect(seen).toEqual(puts);
      }),
    );
  });
});

describe('replies that leave out what they must say', () => {
  const place = { table: 't', family };
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

  test.each(['moreResults', 'moreResultsInRegion'] as const)(
    'a scan without %s is no end of the scan',
    async (flag) => {
      server.handler = (call) => {
        const { [flag]: _, ...rest } = responseOf([]);
        call.answer(messages.scanResponse.encode(rest as never));
      };
      const scan = client.scan(place, everything, () => undefined, { timeoutMs: 2_000 });
      await expect(scan).rejects.toMatchObject({ code: 'STORE_REPLY_INVALID' });
    },
  );

  test('a check-and-put without an outcome was not refused', async () => {
    server.handler = (call) => call.answer(Buffer.alloc(0));
    const check = { row: family, qualifier: family, expected: null, value: family };
    const call = client.checkAndPut(place, check, { timeoutMs: 2_000 });
    await expect(call).rejects.toMatchObject({ code: 'STORE_REPLY_INVALID' });
  });

  test("a master's reply without sense ends its connection", async () => {
    server.handler = (call) => call.answer(Buffer.alloc(3, 0xff));
    const call = client.nowMs({ timeoutMs: 2_000 });
    await expect(call).rejects.toMatchObject({ code: 'STORE_REPLY_INVALID' });
    expect(server.calls.length).toBeGreaterThan(1);
    expect(server.connections).toBe(server.calls.length);
  });
});

const reference = protobuf
  .parse(
    `syntax = "proto2";
     message ResultOrException {
       optional uint32 index = 1; optional bytes result = 2; optional bytes exception = 3;
     }
     message RegionActionResult {
       repeated ResultOrException results = 1; optional bytes exception = 2;
     }
     message MultiResponse { repeated RegionActionResult regions = 1; }`,
  )
  .root.lookupType('MultiResponse');

interface ReferenceReply {
  readonly regions: readonly {
    readonly exception?: Uint8Array;
    readonly results: readonly {
      readonly index: number;
      readonly result?: Uint8Array;
      readonly exception?: Uint8Array;
    }[];
  }[];
}

/** By protobufjs alone: the action has a result, no exception, and is in no failed region. */
function saidDone(bytes: Buffer, index: number): boolean {
  const [first] = (reference.decode(bytes) as unknown as ReferenceReply).regions;
  if (first === undefined || Object.hasOwn(first, 'exception')) return false;
  const said = first.results.filter((one) => one.index === index);
  return said.length === 1 && said.every(isDone);
}

function isDone(one: object): boolean {
  return Object.hasOwn(one, 'result') && !Object.hasOwn(one, 'exception');
}

function keyOf({ row }: { readonly row: Uint8Array }): string {
  return Buffer.from(row).toString('hex');
}

function expectSound(read: () => unknown): void {
  try {
    read();
  } catch (error) {
    if (!(error instanceof CounterError)) throw error;
  }
}

function damaged(sound: Buffer, changes: readonly (readonly [number, number])[]): Buffer {
  const bytes = Buffer.from(sound);
  for (const [at, value] of changes) bytes[at % bytes.length] = value;
  return bytes;
}

function replyOf(bytes: Buffer, messageEnd: number): Reply {
  return { bytes, messageStart: 0, messageEnd, cellsStart: messageEnd };
}

function responseOf(
  cellsPerResult: readonly number[],
): Parameters<typeof messages.scanResponse.encode>[0] {
  return {
    cellsPerResult,
    scannerId: 7 as never,
    moreResults: true,
    results: [],
    partialFlagPerResult: [],
    moreResultsInRegion: false,
    heartbeatMessage: false,
  };
}

function scanReply(): { readonly bytes: Buffer; readonly messageEnd: number } {
  const batch = new PutBatch(3);
  const cells = ['a', 'b', 'c'].map((row, i) => {
    const bytes = Buffer.from(row);
    batch.add({ row: bytes, qualifier: bytes, value: bytes, version: i });
    const cell = Buffer.alloc(cellBytesOf(batch, i, family));
    writeCell(cell, 0, { batch, i, family });
    return cell;
  });
  const message = messages.scanResponse.encode(responseOf([1, 2]));
  return { bytes: Buffer.concat([message, ...cells]), messageEnd: message.length };
}
