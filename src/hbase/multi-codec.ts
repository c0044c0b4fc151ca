// One Multi call in bytes, by hand: the message names regions and actions, the cells follow it.
//   MultiRequest  { 1: RegionAction { 1: region, 3: Action { 1: index, 2: mutation } } }
//   MultiResponse { 1: RegionActionResult { 1: ResultOrException, 2: exception } }
// An action counts as done only with a result, without an exception, in a region without one.
import { assert } from '../model/assert.ts';
import type { CounterError } from '../model/errors.ts';
import type { PutBatch } from '../model/rows.ts';
import { cellBytesOf, writeCell } from './cell-block.ts';
import type { Reply } from './connection.ts';
import { failureOf, invalidReply } from './failures.ts';
import { messages } from './messages.ts';
import type { Region } from './regions.ts';
import { readVarint, varintBytes, writeVarint } from './varint.ts';
import type { Varint } from './varint.ts';

/** Puts of one region, as indices into the batch. */
export interface RegionPuts {
  readonly region: Region;
  readonly puts: Int32Array;
}

export type Durability = 'sync_wal' | 'fsync_wal';
export const durabilityCode: Readonly<Record<Durability, number>> = { sync_wal: 3, fsync_wal: 4 };
export const mutateTypePut = 2;

/** MutationProto: mutate_type 2 = PUT; durability 6; associated_cell_count 8 = 1. */
const mutationBytes = 6;

export interface MultiBody {
  readonly body: Buffer;
  readonly cellBytes: number;
}

/** Writes into `spare` if it is large enough, else into a buffer of its own. */
export function encodeMulti(
  batch: PutBatch,
  parts: readonly RegionPuts[],
  options: {
    readonly family: Buffer;
    readonly durability: Durability;
    readonly spare: Buffer | null;
  },
): MultiBody {
  const sizes = parts.map((part) => regionSizes(part));
  let message = 0;
  for (const { action } of sizes) message += 1 + varintBytes(action) + action;
  let cellBytes = 0;
  for (const { puts } of parts) {
    for (const i of puts) cellBytes += cellBytesOf(batch, i, options.family);
  }
  const total = varintBytes(message) + message + cellBytes;
  const { spare } = options;
  const enough = spare !== null && spare.length >= total;
  const body = enough ? spare.subarray(0, total) : Buffer.allocUnsafeSlow(total);
  const code = durabilityCode[options.durability];
  let at = writeVarint(body, message, 0);
  for (const [k, part] of parts.entries()) {
    at = writeRegion(body, at, part, sizes[k] ?? { specifier: 0, action: 0 }, code);
  }
  const put = { batch, i: 0, family: options.family };
  for (const { puts } of parts) {
    for (const i of puts) {
      put.i = i;
      at = writeCell(body, at, put);
    }
  }
  assert(at === total, 'a Multi is as long as was computed');
  return { body, cellBytes };
}

interface RegionSizes {
  readonly specifier: number;
  readonly action: number;
}

function regionSizes(part: RegionPuts): RegionSizes {
  const { name } = part.region;
  const specifier = 2 + 1 + varintBytes(name.length) + name.length;
  let action = 1 + varintBytes(specifier) + specifier;
  // Tag, length and index of each action; all of an action but its index is of one length.
  for (let index = 0; index < part.puts.length; index++) {
    action += 2 + 1 + varintBytes(index) + 2 + mutationBytes;
  }
  return { specifier, action };
}

function writeRegion(
  body: Buffer,
  start: number,
  part: RegionPuts,
  sizes: RegionSizes,
  durability: number,
): number {
  const { name } = part.region;
  let at = start;
  body[at++] = 0x0a;
  at = writeVarint(body, sizes.action, at);
  body[at++] = 0x0a;
  at = writeVarint(body, sizes.specifier, at);
  body[at++] = 0x08;
  body[at++] = 1; // by its whole name
  body[at++] = 0x12;
  at = writeVarint(body, name.length, at);
  at += name.copy(body, at);
  for (let index = 0; index < part.puts.length; index++) {
    body[at++] = 0x1a;
    body[at++] = 1 + varintBytes(index) + 2 + mutationBytes;
    body[at++] = 0x08;
    at = writeVarint(body, index, at);
    body[at++] = 0x12;
    body[at++] = mutationBytes;
    body[at++] = 0x10;
    body[at++] = mutateTypePut;
    body[at++] = 0x30;
    body[at++] = durability;
    body[at++] = 0x40;
    body[at++] = 1;
  }
  return at;
}

/** What one region answered; failures by the index of their put, the others are done. */
export interface RegionAnswer {
  readonly part: RegionPuts;
  /** Of the region as a whole: it holds for each of its puts. */
  readonly whole: CounterError | null;
  readonly failures: ReadonlyMap<number, CounterError>;
}

/** Reads all of it before anything counts: of a reply that makes no sense nothing is believed. */
export function readMultiReply(reply: Reply, parts: readonly RegionPuts[]): RegionAnswer[] {
  const fields = new FieldReader(reply.bytes, reply.messageStart, reply.messageEnd);
  const answers: RegionAnswer[] = [];
  while (fields.next()) {
    if (!fields.holdsBytes(1)) continue;
    const part = parts[answers.length];
    if (part === undefined) throw invalidReply('a Multi answers for more regions than were asked');
    answers.push(regionAnswer(reply.bytes, fields, part));
  }
  if (answers.length !== parts.length) {
    throw invalidReply('a Multi does not answer for every region');
  }
  return answers;
}

function regionAnswer(bytes: Buffer, at: FieldReader, part: RegionPuts): RegionAnswer {
  const whole = exceptionIn(bytes, at);
  const failures = new Map<number, CounterError>();
  if (whole !== null) return { part, whole, failures };
  const answered = new Uint8Array(part.puts.length);
  const results = new FieldReader(bytes, at.start, at.end);
  const one = new FieldReader(bytes, 0, 0);
  while (results.next()) {
    if (!results.holdsBytes(1)) continue;
    let index = 0;
    let hasResult = false;
    let failure: CounterError | null = null;
    one.reset(results.start, results.end);
    while (one.next()) {
      if (one.holdsNumber(1)) index = one.value;
      else if (one.holdsBytes(2)) hasResult = true;
      else if (one.holdsBytes(3)) failure = failureOfPair(bytes.subarray(one.start, one.end));
    }
    const i = part.puts[index];
    if (i === undefined || answered[index] === 1) throw invalidReply('an unknown action');
    answered[index] = 1;
    if (failure !== null) failures.set(i, failure);
    else if (!hasResult) failures.set(i, invalidReply('an action without result or exception'));
  }
  if (!answered.includes(0)) return { part, whole, failures };
  const missing = invalidReply('a Multi does not answer for every action');
  for (const [index, i] of part.puts.entries()) {
    if (answered[index] === 0) failures.set(i, missing);
  }
  return { part, whole, failures };
}

/** The exception of the whole region, if there is one. */
function exceptionIn(bytes: Buffer, at: FieldReader): CounterError | null {
  const fields = new FieldReader(bytes, at.start, at.end);
  while (fields.next()) {
    if (fields.holdsBytes(2)) return failureOfPair(bytes.subarray(fields.start, fields.end));
  }
  return null;
}

/** HBase's NameBytesPair of an exception: its class, and its stack trace as text. */
function failureOfPair(bytes: Buffer): CounterError {
  const { name, value } = messages.nameBytesPair.decode(bytes);
  return failureOf(name, Buffer.from(value).toString('utf8'), false);
}

/** Walks the fields of a message: number, then a value (varint) or a range of bytes. */
class FieldReader {
  number = 0;
  value = 0;
  start: number;
  end: number;
  readonly #bytes: Buffer;
  readonly #varint: Varint = { value: 0, end: 0 };
  #at: number;
  #stop: number;
  #kind = 0;

  constructor(bytes: Buffer, start: number, stop: number) {
    this.#bytes = bytes;
    this.#at = start;
    this.#stop = stop;
    this.start = start;
    this.end = start;
  }

  /** Whether this field is that one, with bytes as its value. */
  holdsBytes(number: number): boolean {
    return this.#holds(number, 2);
  }

  /** The same with a number as its value. */
  holdsNumber(number: number): boolean {
    return this.#holds(number, 0);
  }

  reset(start: number, stop: number): void {
    this.#at = start;
    this.#stop = stop;
  }

  next(): boolean {
    if (this.#at >= this.#stop) return false;
    const varint = this.#varint;
    readVarint(this.#bytes, this.#at, varint);
    const wireType = varint.value & 7;
    this.number = varint.value >>> 3;
    if (this.number === 0) throw invalidReply('a field without a number');
    this.start = varint.end;
    this.#kind = wireType;
    if (wireType === 0 || wireType === 2) {
      readVarint(this.#bytes, varint.end, varint);
      this.value = varint.value;
      this.start = varint.end;
      this.end = wireType === 2 ? varint.end + varint.value : varint.end;
    } else if (wireType === 1 || wireType === 5) {
      this.end = this.start + (wireType === 1 ? 8 : 4);
    } else {
      throw invalidReply('a field of no known kind');
    }
    if (this.end > this.#stop) throw invalidReply('a field is cut off');
    this.#at = this.end;
    return true;
  }

  #holds(number: number, kind: number): boolean {
    if (this.number !== number) return false;
    if (this.#kind !== kind) throw invalidReply('a field of another kind');
    return true;
  }
}
