// Frames out of a stream, however it is cut.
import { describe, expect, test } from '@jest/globals';
import * as fc from 'fast-check';
import { FrameReader } from '../../src/hbase/frame-reader.ts';
import { hbaseFrameBytesMax } from '../../src/limits.ts';

describe('frames', () => {
  test('come out whole and in order, however the stream is cut', () => {
    const frames = fc.array(fc.uint8Array({ minLength: 1, maxLength: 50 }), { maxLength: 20 });
    fc.assert(
      fc.property(frames, fc.array(fc.nat(60), { minLength: 1 }), (sent, cuts) => {
        const stream = Buffer.concat(sent.flatMap((frame) => [lengthOf(frame.length), frame]));
        const seen: string[] = [];
        const reader = new FrameReader((frame) => seen.push(frame.toString('hex')));
        let at = 0;
        for (let i = 0; at < stream.length; i++) {
          const length = 1 + (cuts[i % cuts.length] ?? 0);
          reader.push(stream.subarray(at, at + length));
          at += length;
        }
        expect(seen).toEqual(sent.map((frame) => Buffer.from(frame).toString('hex')));
      }),
    );
  });

  test('of a frame beyond the bound nothing is kept', () => {
    const reader = new FrameReader(() => undefined);
    expect(() => reader.push(lengthOf(hbaseFrameBytesMax + 1))).toThrow('STORE_REPLY_INVALID');
  });

  test('a large frame in many chunks takes linear time', () => {
    const bytes = 8 * 1_048_576;
    const chunk = Buffer.alloc(1_024);
    let got = 0;
    const reader = new FrameReader((frame) => (got = frame.length));
    const startMs = performance.now();
    reader.push(lengthOf(bytes));
    for (let at = 0; at < bytes; at += chunk.length) reader.push(chunk);
    expect(got).toBe(bytes);
    // Joining anew at every chunk would copy 32 GiB.
    expect(performance.now() - startMs).toBeLessThan(2_000);
  });
});

function lengthOf(length: number): Buffer {
  const bytes = Buffer.alloc(4);
  bytes.writeUInt32BE(length, 0);
  return bytes;
}
