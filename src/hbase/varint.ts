// Protobuf's varint for what is read and written by hand. Values stay below 2^32.
import { invalidReply } from './failures.ts';

/** Reused from call to call: what was read, and where it ended. */
export interface Varint {
  value: number;
  end: number;
}

export function readVarint(bytes: Buffer, start: number, into: Varint): void {
  let value = 0;
  let scale = 1;
  for (let at = start; at < start + 10; at++) {
    const byte = bytes[at];
    if (byte === undefined) break;
    value += (byte & 0x7f) * scale;
    scale *= 128;
    if (byte < 0x80) {
      into.value = value;
      into.end = at + 1;
      return;
    }
  }
  throw invalidReply('a varint does not end');
}

export function varintBytes(value: number): number {
  let length = 1;
  for (let rest = value; rest > 0x7f; rest = Math.floor(rest / 128)) length++;
  return length;
}

/** Writes at `at`; answers the offset after it. */
export function writeVarint(bytes: Buffer, value: number, at: number): number {
  let rest = value;
  let end = at;
  while (rest > 0x7f) {
    bytes[end++] = (rest & 0x7f) | 0x80;
    rest = Math.floor(rest / 128);
  }
  bytes[end] = rest;
  return end + 1;
}
