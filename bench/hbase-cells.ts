// Owns the cells that all players of the HBase bench put, and how they are told apart afterwards.
// Rows and qualifiers are those of `counts`, as src/store/key-layout.ts writes them.
import { createHash } from 'node:crypto';
import { quarterStartMs } from '../src/model/quarter.ts';
import { PutBatch } from '../src/model/rows.ts';
import { writeCountsRow, writeLiveQualifier } from '../src/store/key-layout.ts';

export const salts = 16;
export const family = Buffer.from('c');
export const day = Math.floor(Date.now() / 86_400_000);
/** One ad and a day of it, as a query reads them. */
export const queriedAd = 'ad-of-many-sites';
const cellBytesMax = 96;

export interface BenchCell {
  readonly row: Buffer;
  readonly qualifier: Buffer;
  readonly value: Buffer;
  /** As the product stamps it, for reads that check it. */
  readonly version: number;
}

/** A flush: many ads, twenty sites each, one quarter. */
export function flushCells(count: number): readonly BenchCell[] {
  const arena = Buffer.alloc(count * cellBytesMax);
  return Array.from({ length: count }, (_, i) => {
    const ad = `ad-${String(Math.floor(i / 20)).padStart(8, '0')}`;
    const site = `site-${String(i % 5_000).padStart(6, '0')}.example`;
    return newCell(arena, { ad, site, quarter: 0, i });
  });
}

/** A day of one ad: many sites, some quarters each. */
export function queryCells(sites: number, quarters: number): readonly BenchCell[] {
  const arena = Buffer.alloc(sites * quarters * cellBytesMax);
  return Array.from({ length: sites * quarters }, (_, i) => {
    const site = `site-${String(Math.floor(i / quarters)).padStart(6, '0')}.example`;
    return newCell(arena, { ad: queriedAd, site, quarter: i % quarters, i });
  });
}

/** Each round of puts has a version of its own; without one, cells bear theirs. */
export function newBatch(cells: readonly BenchCell[], round?: number): PutBatch {
  const batch = new PutBatch(cells.length);
  for (const { row, qualifier, value, version } of cells) {
    const start = batch.reserve(cellBytesMax);
    const rowEnd = start + row.copy(batch.bytes, start);
    const qualifierEnd = rowEnd + qualifier.copy(batch.bytes, rowEnd);
    const valueEnd = qualifierEnd + value.copy(batch.bytes, qualifierEnd);
    batch.commit(rowEnd, qualifierEnd, valueEnd, round ?? version);
  }
  return batch;
}

/** For the Java side: row, qualifier and value of each cell, each with its length (u16) before. */
export function cellFile(cells: readonly BenchCell[]): Buffer {
  return Buffer.concat(
    cells.flatMap(({ row, qualifier, value }) => [
      ...withLength(row),
      ...withLength(qualifier),
      ...withLength(value),
    ]),
  );
}

/** What the Java side says of a table that holds exactly these cells at this version. */
export function digestOf(cells: readonly BenchCell[], version: number): string {
  const hash = createHash('sha256');
  const versionBytes = Buffer.alloc(8);
  versionBytes.writeBigInt64BE(BigInt(version));
  for (const { row, qualifier, value } of inOrder(cells)) {
    for (const part of [row, qualifier, versionBytes, value]) {
      for (const bytes of withLength(part)) hash.update(bytes);
    }
  }
  return `${cells.length} ${hash.digest('hex')}`;
}

/** As a table holds them. */
export function inOrder(cells: readonly BenchCell[]): readonly BenchCell[] {
  return cells.toSorted((a, b) => a.row.compare(b.row) || a.qualifier.compare(b.qualifier));
}

/** The first count of a value of `counts`, whose measure is that of impressions. */
export function countIn(bytes: Buffer, start: number): number {
  let value = 0;
  let factor = 1;
  let at = start + 1;
  for (;;) {
    const byte = bytes[at++] ?? 0;
    value += (byte & 0x7f) * factor;
    if (byte < 0x80) return value;
    factor *= 128;
  }
}

/** In one arena: a million small buffers of their own would cost every player at each GC. */
function newCell(
  arena: Buffer,
  at: { readonly ad: string; readonly site: string; readonly quarter: number; readonly i: number },
): BenchCell {
  const { ad, site, quarter, i } = at;
  const start = i * cellBytesMax;
  const rowEnd = writeCountsRow(arena, { ad: ad as never, site: site as never, day, salts }, start);
  const eventQuarter = day * 96 + quarter;
  const writer = '0123456789abcdef' as never;
  const qualifierEnd = writeLiveQualifier(arena, { eventQuarter, lag: 0, writer }, rowEnd);
  arena.set([1, 0x80 | (i & 63), 3], qualifierEnd);
  return {
    row: arena.subarray(start, rowEnd),
    qualifier: arena.subarray(rowEnd, qualifierEnd),
    value: arena.subarray(qualifierEnd, qualifierEnd + 3),
    version: quarterStartMs(eventQuarter) + countIn(arena, qualifierEnd),
  };
}

function withLength(bytes: Buffer): readonly Buffer[] {
  return [Buffer.from([bytes.length >>> 8, bytes.length & 0xff]), bytes];
}
