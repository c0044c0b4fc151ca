// The cells of a row that is copied: live ones byte for byte, a folded one taken apart into the
// live ones that it was folded from. A row has one folded cell for all its writers, so putting it
// over another store's would take the counts of others away; live cells never do.
import type { SiteId } from '../model/cell.ts';
import { CounterError, toError } from '../model/errors.ts';
import { quarterStartMs } from '../model/quarter.ts';
import type { CellCursor, Put } from '../model/rows.ts';
import { uvarintBytesMax } from '../model/uvarint.ts';
import { RowEntries, writeCounts } from '../store/cell-codec.ts';
import type { CellEntry } from '../store/cell-codec.ts';
import { liveQualifierBytes, liveQualifierTag, writeLiveQualifier } from '../store/key-layout.ts';

/** What of the row goes into the other store. */
export function cellsToCopy(cells: readonly Put[], day: number): readonly Put[] {
  const allLive = cells.every(({ qualifier }) => qualifier[0] === liveQualifierTag);
  return allLive ? cells : entriesOf(cells, day).map((entry) => putOf(entry));
}

/** Error: BYTES_INVALID, with the row, where a cell is not as it is drawn. */
export function entriesOf(cells: readonly Put[], day: number): readonly CellEntry[] {
  const entries = new RowEntries({ site: nowhere, day });
  try {
    for (const cell of cells) entries.add(cursorOf(cell));
  } catch (cause) {
    const row = cells[0]?.row.toString('hex');
    const detail = `the row ${row}: ${toError(cause).message}`;
    throw new CounterError('BYTES_INVALID', 'give-up', { detail, cause });
  }
  return entries.merged();
}

/** The site is of no interest here: all entries are of one row. */
export const nowhere = '' as SiteId;

function putOf(entry: CellEntry): Put {
  const { counts, n, eventQuarter } = entry;
  const value = Buffer.alloc((counts.length / 2) * (1 + uvarintBytesMax));
  const qualifier = Buffer.alloc(liveQualifierBytes);
  writeLiveQualifier(qualifier, entry, 0);
  const end = writeCounts(value, counts, 0);
  const version = quarterStartMs(eventQuarter) + n;
  return { row: nothing, qualifier, value: value.subarray(0, end), version };
}

const nothing = Buffer.alloc(0);

function cursorOf({ qualifier, value, version }: Put): CellCursor {
  const qualifierEnd = qualifier.length;
  const bytes = Buffer.concat([qualifier, value]);
  const at = { rowStart: 0, rowEnd: 0, qualifierStart: 0, qualifierEnd };
  return { bytes, ...at, valueStart: qualifierEnd, valueEnd: bytes.length, version };
}
