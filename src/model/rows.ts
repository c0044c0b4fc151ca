// The words of a store of sorted rows, shared by the HBase room and the store adapters.
// Everything is bytes; a hundred thousand puts are one arena, not a hundred thousand objects.
import { assert } from './assert.ts';

/** Puts of one table, kept as bytes in one arena: row, qualifier and value lie side by side. */
export class PutBatch {
  bytes: Buffer;
  count = 0;
  /** Where put i starts in `bytes`; its row, qualifier and value follow one another. */
  starts: Int32Array;
  rowLengths: Int32Array;
  qualifierLengths: Int32Array;
  valueLengths: Int32Array;
  versions: Float64Array;
  #end = 0;

  constructor(expectedPuts = 64) {
    this.bytes = Buffer.allocUnsafeSlow(Math.max(4096, expectedPuts * 96));
    this.starts = new Int32Array(expectedPuts);
    this.rowLengths = new Int32Array(expectedPuts);
    this.qualifierLengths = new Int32Array(expectedPuts);
    this.valueLengths = new Int32Array(expectedPuts);
    this.versions = new Float64Array(expectedPuts);
  }

  get byteLength(): number {
    return this.#end;
  }

  /** Makes room and answers where to write; `commit` then says how long each part became. */
  reserve(bytesMax: number): number {
    const needed = this.#end + bytesMax;
    if (needed > this.bytes.length) {
      const larger = Buffer.allocUnsafeSlow(Math.max(needed, this.bytes.length * 2));
      this.bytes.copy(larger, 0, 0, this.#end);
      this.bytes = larger;
    }
    return this.#end;
  }

  commit(rowEnd: number, qualifierEnd: number, valueEnd: number, version: number): void {
    if (this.count === this.starts.length) this.#growColumns();
    const i = this.count++;
    this.starts[i] = this.#end;
    this.rowLengths[i] = rowEnd - this.#end;
    this.qualifierLengths[i] = qualifierEnd - rowEnd;
    this.valueLengths[i] = valueEnd - qualifierEnd;
    this.versions[i] = version;
    this.#end = valueEnd;
  }

  /** The slow, plain way, for registry rows and tests. */
  add(put: Put): void {
    const start = this.reserve(put.row.length + put.qualifier.length + put.value.length);
    const rowEnd = start + put.row.copy(this.bytes, start);
    const qualifierEnd = rowEnd + put.qualifier.copy(this.bytes, rowEnd);
    const valueEnd = qualifierEnd + put.value.copy(this.bytes, qualifierEnd);
    this.commit(rowEnd, qualifierEnd, valueEnd, put.version);
  }

  /** Put i as slices of the arena. */
  at(i: number): Put {
    assert(i >= 0 && i < this.count, 'the put is in the batch');
    const start = this.starts[i] ?? 0;
    const rowEnd = start + (this.rowLengths[i] ?? 0);
    const qualifierEnd = rowEnd + (this.qualifierLengths[i] ?? 0);
    return {
      row: this.bytes.subarray(start, rowEnd),
      qualifier: this.bytes.subarray(rowEnd, qualifierEnd),
      value: this.bytes.subarray(qualifierEnd, qualifierEnd + (this.valueLengths[i] ?? 0)),
      version: this.versions[i] ?? 0,
    };
  }

  #growColumns(): void {
    const length = Math.max(64, this.starts.length * 2);
    const grown = (column: Int32Array): Int32Array => {
      const larger = new Int32Array(length);
      larger.set(column);
      return larger;
    };
    this.starts = grown(this.starts);
    this.rowLengths = grown(this.rowLengths);
    this.qualifierLengths = grown(this.qualifierLengths);
    this.valueLengths = grown(this.valueLengths);
    const versions = new Float64Array(length);
    versions.set(this.versions);
    this.versions = versions;
  }
}

export interface Put {
  readonly row: Buffer;
  readonly qualifier: Buffer;
  readonly value: Buffer;
  /** The cell's version (HBase: its timestamp); a safe integer. */
  readonly version: number;
}

/** Outcome of each put of a batch: confirmed, or why not. */
export interface PutOutcome {
  /** 1 where the store acknowledged put i, else 0. */
  readonly confirmed: Uint8Array;
  readonly confirmedCount: number;
  /** Reasons by index of the put; every unconfirmed put has one. */
  readonly failures: ReadonlyMap<number, Error>;
}

/** Rows from `start` on, before `stop`; an empty `stop` means to the table's end. */
export interface RowRange {
  readonly start: Buffer;
  readonly stop: Buffer;
}

/**
 * One cell under a scan: positions in `bytes`, reused from cell to cell, so copy what must stay.
 * Cells come in the order of their rows, all cells of a row one after the other, each row whole.
 */
export interface CellCursor {
  bytes: Buffer;
  rowStart: number;
  rowEnd: number;
  qualifierStart: number;
  qualifierEnd: number;
  valueStart: number;
  valueEnd: number;
  version: number;
}

export interface ScanTally {
  readonly rows: number;
  readonly cells: number;
  /** Calls to the store that the scan took. */
  readonly calls: number;
}

/** A write of one cell that happens only if the cell still is as expected. */
export interface CheckAndPut {
  readonly row: Buffer;
  readonly qualifier: Buffer;
  /** The value that must stand there now; null: the cell must be absent. Never empty. */
  readonly expected: Buffer | null;
  /** Never empty: an empty value counts as absent (measured, M5). */
  readonly value: Buffer;
}

/** A delete of cells by version: what was put, and what will be until a compaction drops it. */
export type RowDelete =
  /** One version of a cell; an older one that is still there may be read again. */
  | { readonly kind: 'version'; readonly qualifier: Buffer; readonly version: number }
  /** All versions of a cell up to this one. */
  | { readonly kind: 'upTo'; readonly qualifier: Buffer; readonly version: number }
  /** All versions of all cells of the row up to this one. */
  | { readonly kind: 'row'; readonly version: number };

/**
 * Puts and deletes of one row that happen together or not at all. Their order says nothing: of a
 * put and a delete of the same version the delete holds.
 */
export interface RowMutation {
  readonly row: Buffer;
  readonly puts: readonly Omit<Put, 'row'>[];
  readonly deletes: readonly RowDelete[];
}

export interface CallOptions {
  /** The call answers or fails within this time, retries included. */
  readonly timeoutMs: number;
  readonly signal?: AbortSignal | undefined;
}
