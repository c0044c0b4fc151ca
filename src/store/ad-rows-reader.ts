// Turns the cells of a scan over an ad's rows into entries, row by row.
// Promises: entries of the asked quarters only, folded and live merged, each once; a row that
// does not fit its drawing fails the read. Holds one row at a time.
import { isUtf8 } from 'node:buffer';
import type { AdId, SiteId } from '../model/cell.ts';
import { CounterError } from '../model/errors.ts';
import type { QuarterRange } from '../model/quarter.ts';
import type { CellCursor } from '../model/rows.ts';
import type { CellEntry, RowPlace } from './cell-codec.ts';
import { RowEntries } from './cell-codec.ts';

export interface AdRowsRead {
  readonly ad: AdId;
  readonly quarters: QuarterRange;
  readonly visit: (entry: CellEntry) => void;
}

export class AdRowsReader {
  readonly #read: AdRowsRead;
  /** Bytes before the day: salt · ad · 00. */
  readonly #prefixBytes: number;
  #row: Buffer = Buffer.alloc(0);
  #entries: RowEntries | undefined;

  constructor(read: AdRowsRead) {
    this.#read = read;
    this.#prefixBytes = 1 + Buffer.byteLength(read.ad) + 1;
  }

  add(cell: CellCursor): void {
    const { bytes, rowStart, rowEnd } = cell;
    if (this.#entries === undefined || this.#row.compare(bytes, rowStart, rowEnd) !== 0) {
      this.end();
      this.#row = Buffer.from(bytes.subarray(rowStart, rowEnd));
      this.#entries = new RowEntries(this.#place());
    }
    this.#entries.add(cell);
  }

  /** The last row is whole now. */
  end(): void {
    if (this.#entries === undefined) return;
    const { quarters, visit } = this.#read;
    for (const entry of this.#entries.merged()) {
      const { eventQuarter } = entry;
      if (eventQuarter >= quarters.first && eventQuarter < quarters.end) visit(entry);
    }
    this.#entries = undefined;
  }

  #place(): RowPlace {
    const siteStart = this.#prefixBytes + 2;
    const site = this.#row.subarray(siteStart);
    if (site.length === 0 || !isUtf8(site)) {
      const detail = 'a row of counts does not end in a site';
      throw new CounterError('BYTES_INVALID', 'give-up', { detail });
    }
    return { site: site.toString() as SiteId, day: this.#row.readUInt16BE(this.#prefixBytes) };
  }
}
