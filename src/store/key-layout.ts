// Where a cell lies: rows and qualifiers, byte for byte as drawn in docs/FORMATS.md.
// Changing anything here is a new format version.
import { crc32 } from 'node:zlib';
import type { AdId, SiteId } from '../model/cell.ts';
import { idBytesMax } from '../model/cell.ts';
import { assert } from '../model/assert.ts';
import { dayOfQuarter, quarterOfDay } from '../model/quarter.ts';
import type { RowRange } from '../model/rows.ts';
import { processWriterOf, writerIdBytes } from '../model/writer-id.ts';
import type { WriterId } from '../model/writer-id.ts';

/** salt u8 · ad · 00 · day u16 · site. */
export const countsRowBytesMax = 1 + idBytesMax + 1 + 2 + idBytesMax;

/** 01 · quarterOfDay u8 · lag u16 · writer. */
export const liveQualifierBytes = 1 + 1 + 2 + writerIdBytes;

export const liveQualifierTag = 1;

const dayEnd = 0x10000;

export interface CountsRow {
  readonly ad: AdId;
  readonly site: SiteId;
  readonly day: number;
  readonly salts: number;
}

/** CRC-32 (zlib) of ad · 00 · site, mod the salt count. */
export function saltOf(ad: AdId, site: SiteId, salts: number): number {
  return crc32(`${ad}\0${site}`) % salts;
}

/** Writes the row of a `counts` cell at `offset`; answers the offset after it. */
export function writeCountsRow(bytes: Buffer, row: CountsRow, offset: number): number {
  assert(row.day >= 0 && row.day < dayEnd, 'a day fits its u16');
  const adStart = offset + 1;
  const adEnd = adStart + bytes.write(row.ad, adStart);
  bytes[adEnd] = 0;
  // The site goes where the salt's CRC wants it, right behind ad · 00, and then two bytes on.
  const siteBytes = bytes.write(row.site, adEnd + 1);
  const salted = bytes.subarray(adStart, adEnd + 1 + siteBytes);
  bytes[offset] = crc32(salted) % row.salts;
  bytes.copyWithin(adEnd + 3, adEnd + 1, adEnd + 1 + siteBytes);
  bytes.writeUInt16BE(row.day, adEnd + 1);
  return adEnd + 3 + siteBytes;
}

/** Writes the qualifier of a live cell at `offset`; answers the offset after it. */
export function writeLiveQualifier(
  bytes: Buffer,
  cell: { readonly eventQuarter: number; readonly lag: number; readonly writer: WriterId },
  offset: number,
): number {
  bytes[offset] = liveQualifierTag;
  bytes[offset + 1] = quarterOfDay(cell.eventQuarter);
  bytes.writeUInt16BE(cell.lag, offset + 2);
  return offset + 4 + bytes.write(cell.writer, offset + 4, 'hex');
}

/** The rows of an ad on the days that contain the quarters: one range per salt. */
export function countsRanges(
  ad: AdId,
  quarters: { readonly first: number; readonly end: number },
  salts: number,
): RowRange[] {
  const firstDay = dayOfQuarter(quarters.first);
  const endDay = dayOfQuarter(quarters.end - 1) + 1;
  const ranges: RowRange[] = [];
  for (let salt = 0; salt < salts; salt++) {
    ranges.push({ start: adDayPrefix(salt, ad, firstDay), stop: adDayPrefix(salt, ad, endDay) });
  }
  return ranges;
}

function adDayPrefix(salt: number, ad: AdId, day: number): Buffer {
  const bytes = Buffer.alloc(1 + Buffer.byteLength(ad) + 1 + 2);
  bytes[0] = salt;
  const adEnd = 1 + bytes.write(ad, 1);
  // The last day of all has no successor in a u16: 01 sorts after every 00 · day · site.
  if (day >= dayEnd) bytes[adEnd] = 1;
  else bytes.writeUInt16BE(day, adEnd + 1);
  return bytes;
}

/** The one row of a site of an ad on a day; its range holds nothing else. */
export function countsRowRange(row: CountsRow): RowRange {
  const bytes = Buffer.alloc(countsRowBytesMax + 1);
  const end = writeCountsRow(bytes, row, 0);
  return { start: bytes.subarray(0, end), stop: bytes.subarray(0, end + 1) };
}

export const layoutRow = Buffer.from('layout');
export const metaQualifier = Buffer.from([1]);
const writerRowTag = 'w';

export function writerRow(writer: WriterId): Buffer {
  return Buffer.concat([Buffer.from(writerRowTag), Buffer.from(processWriterOf(writer), 'hex')]);
}

export const writerRowsRange: RowRange = { start: Buffer.from('w'), stop: Buffer.from('x') };
