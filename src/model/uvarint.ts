// uvarint: unsigned LEB128 in its shortest form, as protobuf writes it
// (https://protobuf.dev/programming-guides/encoding/#varints), for integers below 2^53.
import { CounterError } from './errors.ts';

export const uvarintBytesMax = 8;

/** Writes at `offset` and answers the offset after it. */
export function writeUvarint(bytes: Buffer, value: number, offset: number): number {
  let at = offset;
  let rest = value;
  while (rest >= 128) {
    bytes[at++] = (rest % 128) | 128;
    rest = Math.floor(rest / 128);
  }
  bytes[at++] = rest;
  return at;
}

/** Reads forward through bytes that somebody else wrote; every misfit is BYTES_INVALID. */
export class ByteReader {
  readonly #bytes: Buffer;
  readonly #end: number;
  at: number;

  constructor(bytes: Buffer, start = 0, end = bytes.length) {
    this.#bytes = bytes;
    this.at = start;
    this.#end = end;
  }

  get done(): boolean {
    return this.at >= this.#end;
  }

  u8(): number {
    if (this.at >= this.#end) throw invalid('ends too early');
    return this.#bytes[this.at++] ?? 0;
  }

  uvarint(): number {
    let value = 0;
    let scale = 1;
    for (let length = 0; length < uvarintBytesMax; length++) {
      const byte = this.u8();
      value += (byte & 127) * scale;
      if (byte < 128) {
        if (byte === 0 && length > 0) throw invalid('a uvarint is not in its shortest form');
        // Not Number.isSafeInteger: this is the innermost line of every replay and read.
        if (value >= 2 ** 53) throw invalid('a uvarint reaches 2^53');
        return value;
      }
      scale *= 128;
    }
    throw invalid('a uvarint is too long');
  }

  utf8(length: number): string {
    if (length > this.#end - this.at) throw invalid('ends too early');
    const text = this.#bytes.toString('utf8', this.at, this.at + length);
    this.at += length;
    return text;
  }
}

function invalid(detail: string): CounterError {
  return new CounterError('BYTES_INVALID', 'give-up', { detail });
}
