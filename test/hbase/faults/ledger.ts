// The writer's book of a fault run: what was put, what was confirmed, what nobody knows. Rows and
// values are hostile bytes; a cell's n-th value follows from seed, cell and n alone, so the book
// stays small however long a run lasts. Promises nothing about HBase, and never asks it.
import type { Put } from '../../../src/model/rows.ts';
import { randomOf } from '../cells.ts';

export interface LedgerCell {
  readonly row: Buffer;
  readonly qualifier: Buffer;
}

/** As the product's versions: a moment in ms and a count. */
const versionBase = 1_700_000_000_000;
const valueBytesMax = 60;

export class Ledger {
  /** Those of a row side by side, in no order of rows. */
  readonly cells: readonly LedgerCell[];
  /** The highest n of each cell that was confirmed, and that was ever sent; 0: none. */
  readonly confirmed: Float64Array;
  readonly sent: Float64Array;
  readonly #seed: number;
  readonly #index = new Map<string, number>();

  constructor(seed: number, rows: number) {
    this.#seed = seed;
    this.cells = hostileCells(seed, rows);
    this.confirmed = new Float64Array(this.cells.length);
    this.sent = new Float64Array(this.cells.length);
    for (const [i, cell] of this.cells.entries()) this.#index.set(keyOf(cell), i);
  }

  /** The next put of a cell; from here on it may be in the store. */
  next(i: number): Put {
    const n = (this.sent[i] ?? 0) + 1;
    this.sent[i] = n;
    return this.put(i, n);
  }

  put(i: number, n: number): Put {
    const cell = this.cells[i];
    if (cell === undefined) throw new Error('no such cell');
    return { ...cell, value: this.#valueOf(i, n), version: versionBase + n };
  }

  confirm(i: number, version: number): void {
    this.confirmed[i] = Math.max(this.confirmed[i] ?? 0, version - versionBase);
  }

  /** Which cell it is; undefined: nobody has ever put it. */
  indexOf(cell: LedgerCell): number | undefined {
    return this.#index.get(keyOf(cell));
  }

  /**
   * What is wrong with a cell as it was read, if `least` was confirmed before: too old, never
   * sent, or of other bytes; null: nothing.
   */
  fault(i: number, read: Put, least: number): 'stale' | 'misread' | null {
    const n = read.version - versionBase;
    if (n < least) return 'stale';
    if (n < 1 || n > (this.sent[i] ?? 0)) return 'misread';
    return this.#valueOf(i, n).equals(read.value) ? null : 'misread';
  }

  /**
   * A line for each cell that was ever sent, for the Java program: row, qualifier, whether it
   * must be there, then version and value of each state that may stand there.
   */
  *lines(): Generator<string> {
    for (const [i, cell] of this.cells.entries()) {
      const confirmed = this.confirmed[i] ?? 0;
      const sent = this.sent[i] ?? 0;
      if (sent === 0) continue;
      const states: string[] = [];
      for (let n = Math.max(1, confirmed); n <= sent; n++) {
        const { version, value } = this.put(i, n);
        states.push(`${version} ${hex(value)}`);
      }
      const must = confirmed > 0 ? '!' : '?';
      yield `${hex(cell.row)} ${hex(cell.qualifier)} ${must} ${states.join(' ')}`;
    }
  }

  #valueOf(i: number, n: number): Buffer {
    const random = randomOf(
      (this.#seed ^ Math.imul(i + 1, 0x9e37_79b1)) + Math.imul(n, 0x85eb_ca6b),
    );
    random(2);
    const value = Buffer.allocUnsafe(random(valueBytesMax + 1));
    for (let k = 0; k < value.length; k++) value[k] = random(256);
    return value;
  }
}

export function hex(bytes: Buffer): string {
  return bytes.length === 0 ? '-' : bytes.toString('hex');
}

function keyOf({ row, qualifier }: LedgerCell): string {
  return `${row.length} ${row.toString('latin1')}${qualifier.toString('latin1')}`;
}

/** One or two cells in each of many rows: every byte, long rows, rows that begin as others do. */
function hostileCells(seed: number, rows: number): LedgerCell[] {
  const random = randomOf(seed);
  const bytes = (length: number): Buffer => Buffer.from(Array.from({ length }, () => random(256)));
  const seen = new Set<string>();
  const cells: LedgerCell[] = [];
  let row: Buffer = Buffer.alloc(0);
  while (seen.size < rows) {
    const grows = row.length > 0 && row.length < 200 && random(3) === 0;
    row = grows
      ? Buffer.concat([row, random(2) === 0 ? Buffer.alloc(1) : bytes(1 + random(3))])
      : bytes(1 + random(40));
    const key = row.toString('latin1');
    if (seen.has(key)) continue;
    seen.add(key);
    const qualifier = bytes(random(4));
    cells.push({ row, qualifier });
    if (seen.size % 2 === 0) {
      cells.push({ row, qualifier: Buffer.concat([qualifier, Buffer.from([random(256)])]) });
    }
  }
  return cells;
}
