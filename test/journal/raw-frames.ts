// Journal bytes written by hand, after docs/FORMATS.md and without the product's code, so that a
// test can write what the product never would.
import { crc32 } from 'node:zlib';
import { quarterMs } from '../../src/model/quarter.ts';
import { firstQuarter, writer } from './workload.ts';

export interface RawFrame {
  readonly position: number;
  readonly type?: number;
  readonly acceptMs?: number;
  readonly payload?: Buffer;
}

export function rawFrame(frame: RawFrame): Buffer {
  const { position, type = 1, acceptMs = firstQuarter * quarterMs } = frame;
  const payload = frame.payload ?? rawPayload([rawCell({ number: 0, count: position })]);
  const bytes = Buffer.alloc(4 + 1 + 8 + 8 + payload.length + 4);
  bytes.writeUInt32BE(bytes.length - 4, 0);
  bytes.writeUInt8(type, 4);
  bytes.writeBigUInt64BE(BigInt(position), 5);
  bytes.writeBigUInt64BE(BigInt(acceptMs), 13);
  payload.copy(bytes, 21);
  bytes.writeUInt32BE(crc32(bytes.subarray(0, bytes.length - 4)), bytes.length - 4);
  return bytes;
}

export function rawPayload(
  cells: readonly Buffer[],
  options: { flags?: number; entries?: number } = {},
): Buffer {
  const head = Buffer.from([options.flags ?? 0, 0, options.entries ?? 0]);
  return Buffer.concat([head, uvarint(BigInt(cells.length)), ...cells]);
}

export interface RawCell {
  readonly number: number;
  readonly count: bigint | number;
  /** Undefined: without its key. */
  readonly ad?: Buffer | string;
  readonly site?: string;
  readonly owner?: number;
  readonly eventQuarter?: number;
  readonly hasKey?: boolean;
}

export function rawCell(cell: RawCell): Buffer {
  const { number, count, owner = 0, eventQuarter = firstQuarter, hasKey = true } = cell;
  const ad = Buffer.from(cell.ad ?? 'ad');
  const site = Buffer.from(cell.site ?? 'site');
  const key = [
    Buffer.from([owner]),
    uvarint(BigInt(eventQuarter)),
    uvarint(BigInt(ad.length)),
    ad,
    uvarint(BigInt(site.length)),
    site,
  ];
  const counts = [Buffer.from([1, 1]), uvarint(BigInt(count))];
  return Buffer.concat([
    uvarint(BigInt(number * 2 + (hasKey ? 1 : 0))),
    ...(hasKey ? key : []),
    ...counts,
  ]);
}

export interface RawHeader {
  readonly firstPosition?: number;
  readonly quarter?: number;
  readonly format?: number;
  readonly writer?: string;
}

export function rawHeader(header: RawHeader = {}): Buffer {
  const bytes = Buffer.alloc(64);
  bytes.write('ADCJ', 0);
  bytes.writeUInt8(header.format ?? 1, 4);
  bytes.write(header.writer ?? writer, 8, 'hex');
  bytes.writeBigUInt64BE(7n, 16);
  bytes.writeBigUInt64BE(2n ** 63n + 9n, 24);
  bytes.writeBigUInt64BE(BigInt(header.firstPosition ?? 1), 32);
  bytes.writeUInt32BE(header.quarter ?? firstQuarter, 40);
  bytes.writeUInt32BE(crc32(bytes.subarray(0, 60)), 60);
  return bytes;
}

/** A segment with the frames, and zeroes to its end. */
export function rawSegment(
  frames: readonly (Buffer | RawFrame)[],
  options: RawHeader & { readonly zeroes?: number } = {},
): Buffer {
  const parts = frames.map((frame) => (Buffer.isBuffer(frame) ? frame : rawFrame(frame)));
  return Buffer.concat([rawHeader(options), ...parts, Buffer.alloc(options.zeroes ?? 512)]);
}

export function uvarint(value: bigint): Buffer {
  const bytes: number[] = [];
  let rest = value;
  for (; rest >= 128n; rest >>= 7n) bytes.push(Number(rest & 127n) | 128);
  return Buffer.from([...bytes, Number(rest)]);
}
