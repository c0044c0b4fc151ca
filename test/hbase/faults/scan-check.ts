// Holds one scan of a table under load to the writer's book: whatever was confirmed before it
// began is there, as new or newer, once, in the order of the rows, with the bytes that were sent.
import type { CellCursor } from '../../../src/model/rows.ts';
import { hex } from './ledger.ts';
import type { Ledger } from './ledger.ts';

export interface Violations {
  /** Confirmed before, and not there, or only in an older state. */
  lost: number;
  /** Bytes or versions that nobody sent, rows out of order. */
  misread: number;
  /** A cell, or a row, that came twice. */
  repeated: number;
  /** The first few, in words. */
  readonly examples: string[];
}

const examplesMax = 20;

export function noViolations(): Violations {
  return { lost: 0, misread: 0, repeated: 0, examples: [] };
}

export function addTo(sum: Violations, more: Violations): void {
  sum.lost += more.lost;
  sum.misread += more.misread;
  sum.repeated += more.repeated;
  sum.examples.push(...more.examples.slice(0, examplesMax - sum.examples.length));
}

export class ScanCheck {
  readonly #ledger: Ledger;
  /** What was confirmed when the scan began. */
  readonly #least: Float64Array;
  readonly #seen: Uint8Array;
  readonly #found = noViolations();
  #lastRow: Buffer = Buffer.alloc(0);
  #lastQualifier: Buffer = Buffer.alloc(0);
  #cells = 0;

  constructor(ledger: Ledger) {
    this.#ledger = ledger;
    this.#least = ledger.confirmed.slice();
    this.#seen = new Uint8Array(ledger.cells.length);
  }

  readonly visit = (cell: CellCursor): void => {
    const part = (start: number, end: number): Buffer =>
      Buffer.from(cell.bytes.subarray(start, end));
    const row = part(cell.rowStart, cell.rowEnd);
    const qualifier = part(cell.qualifierStart, cell.qualifierEnd);
    const value = part(cell.valueStart, cell.valueEnd);
    this.#checkOrder(row, qualifier);
    const i = this.#ledger.indexOf({ row, qualifier });
    if (i === undefined) {
      this.#violation('misread', `${hex(row)} ${hex(qualifier)} was never put`);
      return;
    }
    if (this.#seen[i] === 1)
      this.#violation('repeated', `${hex(row)} ${hex(qualifier)} came twice`);
    this.#seen[i] = 1;
    const least = this.#least[i] ?? 0;
    const fault = this.#ledger.fault(i, { row, qualifier, value, version: cell.version }, least);
    if (fault === null) return;
    const what = `${hex(row)} ${hex(qualifier)} at ${cell.version}: ${fault}, confirmed ${least}`;
    this.#violation(fault === 'stale' ? 'lost' : 'misread', what);
  };

  /** After the last cell. */
  end(): Violations {
    for (const [i, least] of this.#least.entries()) {
      if (least === 0 || this.#seen[i] === 1) continue;
      const cell = this.#ledger.cells[i];
      if (cell === undefined) continue;
      this.#violation('lost', `${hex(cell.row)} ${hex(cell.qualifier)} is not there: ${least}`);
    }
    return this.#found;
  }

  #checkOrder(row: Buffer, qualifier: Buffer): void {
    const rows = this.#cells++ === 0 ? 1 : row.compare(this.#lastRow);
    if (rows < 0 || (rows === 0 && qualifier.compare(this.#lastQualifier) < 0)) {
      this.#violation('misread', `${hex(row)} ${hex(qualifier)} comes after a later one`);
    }
    this.#lastRow = row;
    this.#lastQualifier = qualifier;
  }

  #violation(kind: 'lost' | 'misread' | 'repeated', example: string): void {
    this.#found[kind]++;
    if (this.#found.examples.length < examplesMax) this.#found.examples.push(example);
  }
}
