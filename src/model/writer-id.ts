import { randomBytes } from 'node:crypto';

/**
 * Identity of a writer: 8 bytes as 16 lower-case hex digits. A process is two writers: the even
 * `w` counts what counts as soon as it is synced, `w + 1` what had to be claimed first.
 */
export type WriterId = string & { readonly brand: 'WriterId' };

export const writerIdBytes = 8;

/** A fresh even id; 63 random bits, so that a collision is refused at registration, not met. */
export function drawWriterId(random: (bytes: number) => Buffer = randomBytes): WriterId {
  const bytes = random(writerIdBytes);
  bytes.writeUInt8(bytes.readUInt8(7) & 0xfe, 7);
  return writerIdFromBytes(bytes);
}

export function writerIdFromBytes(bytes: Buffer, offset = 0): WriterId {
  return bytes.toString('hex', offset, offset + writerIdBytes) as WriterId;
}

/** The id if the text is one (16 hex digits, even or odd), else undefined. */
export function parseWriterId(text: string): WriterId | undefined {
  return /^[0-9a-f]{16}$/.test(text) ? (text as WriterId) : undefined;
}

/** The even id that the registry, the journal and the claims name. */
export function processWriterOf(writer: WriterId): WriterId {
  const last = Number.parseInt(writer.slice(-1), 16) & 0xe;
  return (writer.slice(0, -1) + last.toString(16)) as WriterId;
}

/** `w + 1`, under which the claimed events of `w` count. */
export function claimedWriterOf(writer: WriterId): WriterId {
  const last = Number.parseInt(writer.slice(-1), 16) | 1;
  return (writer.slice(0, -1) + last.toString(16)) as WriterId;
}
