// The bytes of counts cells: a cell becomes a put, the cells of a row become entries again.
// Promises: version = start + n, so equal versions have equal values; a byte that does not fit
// fails the read (BYTES_INVALID), it is never skipped. Never knows which store holds the bytes.
import type { Cell, MeasureCounts, SiteId } from '../model/cell.ts';
import { cellCountEnd, lagMax, sumOf } from '../model/cell.ts';
import { assert } from '../model/assert.ts';
import { CounterError } from '../model/errors.ts';
import { dayOfQuarter, quarterStartMs, quartersPerDay } from '../model/quarter.ts';
import type { CellCursor, PutBatch } from '../model/rows.ts';
import { ByteReader, uvarintBytesMax, writeUvarint } from '../model/uvarint.ts';
import { writerIdBytes } from '../model/writer-id.ts';
import type { WriterId } from '../model/writer-id.ts';
import {
  countsRowBytesMax,
  liveQualifierBytes,
  liveQualifierTag,
  writeCountsRow,
  writeLiveQualifier,
} from './key-layout.ts';

const foldedQualifierTag = 2;
const foldedFormat = 1;

/** Bytes that a UTF-16 unit of an id can become, at most. */
const utf8BytesPerUnit = 3;

/** Appends the put that states the cell's absolute counts. */
export function putCell(batch: PutBatch, cell: Cell, salts: number): void {
  const { ad, site, eventQuarter, counts } = cell;
  assert(cell.lag >= 0 && cell.lag <= lagMax, 'a lag is a u16, never negative');
  // Room for any id, so that none is ever cut short unseen; then the bound is checked.
  const idBytes = (ad.length + site.length) * utf8BytesPerUnit;
  const valueBytes = (counts.length / 2) * (1 + uvarintBytesMax);
  const start = batch.reserve(4 + idBytes + liveQualifierBytes + valueBytes);
  const row = { ad, site, day: dayOfQuarter(eventQuarter), salts };
  const rowEnd = writeCountsRow(batch.bytes, row, start);
  assert(rowEnd - start <= countsRowBytesMax, 'ids are at most 128 bytes');
  const qualifierEnd = writeLiveQualifier(batch.bytes, cell, rowEnd);
  const valueEnd = writeCounts(batch.bytes, counts, qualifierEnd);
  batch.commit(rowEnd, qualifierEnd, valueEnd, quarterStartMs(eventQuarter) + sumOf(counts));
}

/** measure u8 · count uvarint, ascending by measure, no count zero; answers the offset after. */
export function writeCounts(bytes: Buffer, counts: MeasureCounts, offset: number): number {
  let at = offset;
  let previous = 0;
  let n = 0;
  for (let i = 0; i < counts.length; i += 2) {
    const measure = counts[i] ?? 0;
    const count = counts[i + 1] ?? 0;
    assert(measure > previous && measure <= 0xff, 'measures ascend');
    assert(Number.isSafeInteger(count) && count > 0, 'a stored count is a positive integer');
    previous = measure;
    n += count;
    bytes[at] = measure;
    at = writeUvarint(bytes, count, at + 1);
  }
  assert(n > 0 && n < cellCountEnd, 'a stored cell counts something, below its bound');
  return at;
}

/** One writer's counts for an event quarter and lag, as the store holds them; may be kept. */
export class CellEntry {
  readonly site: SiteId;
  readonly eventQuarter: number;
  readonly lag: number;
  readonly counts: MeasureCounts;
  /** Sum of the counts. */
  readonly n: number;
  readonly #writerHigh: number;
  readonly #writerLow: number;

  constructor(key: EntryKey, counts: MeasureCounts, n: number) {
    this.site = key.site;
    this.eventQuarter = key.eventQuarter;
    this.lag = key.lag;
    this.counts = counts;
    this.n = n;
    this.#writerHigh = key.writerHigh;
    this.#writerLow = key.writerLow;
  }

  /** Made when asked for: sums do not need it, and there are a million entries in a large ad. */
  get writer(): WriterId {
    return (hex8(this.#writerHigh) + hex8(this.#writerLow)) as WriterId;
  }

  /** Negative, zero, positive: by quarter, lag, writer, as qualifiers are ordered. */
  compare(other: CellEntry): number {
    return (
      this.eventQuarter - other.eventQuarter ||
      this.lag - other.lag ||
      this.#writerHigh - other.#writerHigh ||
      this.#writerLow - other.#writerLow
    );
  }
}

interface EntryKey {
  readonly site: SiteId;
  readonly eventQuarter: number;
  readonly lag: number;
  readonly writerHigh: number;
  readonly writerLow: number;
}

/** Where a row's cells belong. */
export interface RowPlace {
  readonly site: SiteId;
  readonly day: number;
}

/** Collects the cells of one row: the live ones, and what its folded cell holds. */
export class RowEntries {
  readonly #place: RowPlace;
  readonly #live: CellEntry[] = [];
  #folded: readonly CellEntry[] = [];

  constructor(place: RowPlace) {
    this.#place = place;
  }

  add(cell: CellCursor): void {
    const tag = cell.bytes[cell.qualifierStart];
    const length = cell.qualifierEnd - cell.qualifierStart;
    if (tag === liveQualifierTag && length === liveQualifierBytes) this.#addLive(cell);
    else if (tag === foldedQualifierTag && length === 1) this.#addFolded(cell);
    else throw invalid('a qualifier of counts is of no known kind');
  }

  /** Per (quarter, lag, writer) the entry with the larger n: folding never changes a sum. */
  merged(): readonly CellEntry[] {
    const [live, folded] = [this.#live, this.#folded];
    if (folded.length === 0) return live;
    const entries: CellEntry[] = [];
    for (let l = 0, f = 0; l < live.length || f < folded.length;) {
      const [left, right] = [live[l], folded[f]];
      const order =
        left === undefined ? 1 : right === undefined ? -1 : Math.sign(left.compare(right));
      if (order <= 0) l++;
      if (order >= 0) f++;
      const larger = order < 0 || (order === 0 && (left?.n ?? 0) >= (right?.n ?? 0)) ? left : right;
      if (larger !== undefined) entries.push(larger);
    }
    return entries;
  }

  #addLive(cell: CellCursor): void {
    const { bytes, qualifierStart } = cell;
    const quarterOfDay = bytes[qualifierStart + 1] ?? 0;
    if (quarterOfDay >= quartersPerDay) throw invalid('a quarter of a day is 0 to 95');
    const key = {
      site: this.#place.site,
      eventQuarter: this.#place.day * quartersPerDay + quarterOfDay,
      lag: bytes.readUInt16BE(qualifierStart + 2),
      writerHigh: bytes.readUInt32BE(qualifierStart + 4),
      writerLow: bytes.readUInt32BE(qualifierStart + 8),
    };
    const counts: number[] = [];
    const reader = new ByteReader(bytes, cell.valueStart, cell.valueEnd);
    const n = readCounts(reader, counts, undefined);
    // The version states n too: a value that lost or gained bytes does not pass.
    if (cell.version !== quarterStartMs(key.eventQuarter) + n) {
      throw invalid('the version of a cell is not its quarter and counts');
    }
    const entry = new CellEntry(key, counts, n);
    const previous = this.#live.at(-1);
    if (previous !== undefined && previous.compare(entry) >= 0) throw invalid('a cell came twice');
    this.#live.push(entry);
  }

  #addFolded(cell: CellCursor): void {
    const { site, day } = this.#place;
    const reader = new ByteReader(cell.bytes, cell.valueStart, cell.valueEnd);
    if (reader.u8() !== foldedFormat) throw invalid('a folded cell has an unknown format');
    const writers = readWriters(reader, cell);
    const entries: CellEntry[] = [];
    let total = 0;
    while (!reader.done) {
      const quarterOfDay = reader.u8();
      const lag = reader.uvarint();
      const writer = writers[reader.uvarint()];
      const measures = reader.u8();
      if (quarterOfDay >= quartersPerDay || lag > lagMax || writer === undefined) {
        throw invalid('an entry of a folded cell is out of bounds');
      }
      const counts: number[] = [];
      const n = readCounts(reader, counts, measures);
      total += n;
      const key = { site, eventQuarter: day * quartersPerDay + quarterOfDay, lag, ...writer };
      const entry = new CellEntry(key, counts, n);
      const previous = entries.at(-1);
      if (previous !== undefined && previous.compare(entry) >= 0) {
        throw invalid('the entries of a folded cell do not ascend');
      }
      entries.push(entry);
    }
    if (cell.version !== quarterStartMs(day * quartersPerDay) + total) {
      throw invalid('the version of a folded cell is not its day and counts');
    }
    this.#folded = entries;
  }
}

/** Reads so many measures, or (undefined) all until the end; answers their sum. */
function readCounts(reader: ByteReader, counts: number[], measures: number | undefined): number {
  let previous = 0;
  let n = 0;
  while (measures === undefined ? !reader.done : counts.length < 2 * measures) {
    const measure = reader.u8();
    const count = reader.uvarint();
    if (measure <= previous) throw invalid('measures do not ascend');
    if (count === 0) throw invalid('a stored count is zero');
    previous = measure;
    n += count;
    counts.push(measure, count);
  }
  if (n === 0) throw invalid('a cell without counts');
  if (n >= cellCountEnd) throw invalid('a cell counts beyond its bound');
  return n;
}

type WriterWords = Pick<EntryKey, 'writerHigh' | 'writerLow'>;

function readWriters(reader: ByteReader, cell: CellCursor): readonly WriterWords[] {
  const count = reader.uvarint();
  if (count * writerIdBytes > cell.valueEnd - reader.at) throw invalid('ends too early');
  const writers: WriterWords[] = [];
  for (let i = 0; i < count; i++, reader.at += writerIdBytes) {
    writers.push({
      writerHigh: cell.bytes.readUInt32BE(reader.at),
      writerLow: cell.bytes.readUInt32BE(reader.at + 4),
    });
  }
  return writers;
}

function hex8(word: number): string {
  return word.toString(16).padStart(8, '0');
}

function invalid(detail: string): CounterError {
  return new CounterError('BYTES_INVALID', 'give-up', { detail });
}
