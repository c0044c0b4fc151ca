// Replies changed on their way, through a real socket: nothing crashes, nothing hangs, nothing is
// confirmed that was not done, and no scan brings a row that is not there.
import { describe, expect, test } from '@jest/globals';
import { HBaseClient } from '../../src/hbase/hbase-client.ts';
import type { Put } from '../../src/model/rows.ts';
import { PutBatch } from '../../src/model/rows.ts';
import { everything, randomOf } from './cells.ts';
import { clientOptions } from './client-options.ts';
import { FakeCluster } from './fake-cluster.ts';
import type { FakeCall } from './fake-server.ts';

const place = { table: 't', family: Buffer.from('c') };
const qualifier = Buffer.from([1]);
const timeoutMs = 6_000;
const callsPerSeed = 72;
const together = 24;

describe('replies that are changed on their way', () => {
  test.each([1, Date.now() % 1_000_000])(
    'seed %i: an end in time for every call, and never a wrong one',
    async (seed) => {
      const random = randomOf(seed);
      const thrown: unknown[] = [];
      const onThrown = (error: unknown): number => thrown.push(error);
      process.on('uncaughtException', onThrown);
      process.on('unhandledRejection', onThrown);
      const cluster = await FakeCluster.start(['m'], 2);
      cluster.puts.push(...Array.from({ length: 40 }, (_, i) => cellOf(`s${100 + i}`)));
      const model = new Set(cluster.puts.map(({ row }) => row.toString()));
      let changed = 0;
      cluster.before = (call) => {
        if (random(3) === 0) {
          changed++;
          changeNextWrite(call.socket, random);
        }
        return false;
      };
      const client = new HBaseClient({
        ...clientOptions('127.0.0.1:9'),
        rpcTimeoutMs: 2_500,
        discovery: cluster.discovery,
      });
      let longestMs = 0;
      let confirmed = 0;
      const one = async (i: number): Promise<void> => {
        const startMs = performance.now();
        if (i % 3 === 0) {
          const batch = new PutBatch(2);
          const rows = [`a${i}`, `z${i}`];
          for (const row of rows) batch.add(cellOf(row));
          const outcome = await client.put(place, batch, { timeoutMs });
          for (const [k, row] of rows.entries()) {
            if (outcome.confirmed[k] !== 1) continue;
            confirmed++;
            // A model that the server applied it to before it answered.
            if (!cluster.puts.some((put) => put.row.toString() === row)) thrown.push(row);
          }
        } else if (i % 3 === 1) {
          const rows: string[] = [];
          const range = { start: Buffer.from('s'), stop: Buffer.from('t') };
          await client
            .scan(
              place,
              range,
              (cell) => rows.push(cell.bytes.toString('latin1', cell.rowStart, cell.rowEnd)),
              { timeoutMs },
            )
            .then(() => undefined, String);
          // Bytes of keys that were changed into other keys cannot be told; order and number can.
          if (rows.some((row, k) => k > 0 && row <= (rows[k - 1] ?? ''))) thrown.push(rows);
          if (rows.length > model.size) thrown.push(rows);
        } else {
          const row = Buffer.from(`c${i}`);
          await client
            .checkAndPut(place, { row, qualifier, expected: null, value: row }, { timeoutMs })
            .then(() => undefined, String);
        }
        longestMs = Math.max(longestMs, performance.now() - startMs);
      };
      for (let i = 0; i < callsPerSeed; i += together) {
        await Promise.all(Array.from({ length: together }, async (_, k) => await one(i + k)));
      }
      // And when replies arrive as they were sent, all is as ever.
      cluster.before = () => false;
      const tally = await client.scan(place, everything, () => undefined, { timeoutMs: 20_000 });
      expect(tally.rows).toBeGreaterThan(40);
      client.close();
      await cluster.close();
      process.off('uncaughtException', onThrown);
      process.off('unhandledRejection', onThrown);
      expect(thrown).toEqual([]);
      expect(changed).toBeGreaterThan(20);
      expect(confirmed).toBeGreaterThan(5);
      expect(longestMs).toBeLessThan(timeoutMs + 4_000);
    },
    120_000,
  );
});

/** One write of the socket: bytes changed, cut off, put in, twice, or preceded by nonsense. */
function changeNextWrite(socket: FakeCall['socket'], random: (below: number) => number): void {
  const plain = socket.write.bind(socket);
  socket.write = (bytes: Uint8Array | string): boolean => {
    socket.write = plain;
    const what = random(6);
    const changed = Buffer.from(bytes);
    if (what <= 2) {
      for (let k = 0; k <= what; k++) changed[random(changed.length)] = random(256);
      return plain(changed);
    }
    const at = random(changed.length);
    if (what === 3) return plain(changed.subarray(0, at));
    if (what === 4) return plain(Buffer.concat([changed, changed]));
    const noise = Buffer.from([random(256), random(256), random(256)]);
    return plain(Buffer.concat([changed.subarray(0, at), noise, changed.subarray(at)]));
  };
}

function cellOf(row: string): Put {
  return { row: Buffer.from(row), qualifier, value: Buffer.from('v'), version: 5 };
}
