// Reads a whole table in the order of its rows without their salts: all salts side by side, a page
// of each at hand, the least row next. Promises every row whole and once, all rows of an ad one
// after the other, and memory for a page a salt, however large the table is.
import { copyPageBytesMax, copyScanMs } from '../limits.ts';
import { PutBatch } from '../model/rows.ts';
import type { CellCursor, Put, RowRange } from '../model/rows.ts';
import type { RowStore, TableName } from '../store/row-store.ts';

export interface StoredRow {
  /** The row, without its salt where it has one. */
  readonly key: Buffer;
  /** In the order of their qualifiers. */
  readonly cells: readonly Put[];
}

export interface TableRead {
  readonly rows: RowStore;
  readonly table: TableName;
  /** Undefined: its rows have none. */
  readonly salts: number | undefined;
}

export async function* rowsInOrder(read: TableRead): AsyncGenerator<StoredRow, void> {
  const heads: Head[] = [];
  for (const range of rangesOf(read.salts)) {
    const part = new Part(read, range);
    const row = await part.next();
    if (row !== undefined) insert(heads, { part, row });
  }
  for (;;) {
    const head = heads.pop();
    if (head === undefined) return;
    yield head.row;
    const row = head.part.take() ?? (await head.part.next());
    if (row !== undefined) insert(heads, { part: head.part, row });
  }
}

/** A range with the next of its rows. */
interface Head {
  readonly part: Part;
  readonly row: StoredRow;
}

/** The heads descend by their rows, so that the least is taken from the end. */
function insert(heads: Head[], head: Head): void {
  let [low, high] = [0, heads.length];
  while (low < high) {
    const middle = (low + high) >>> 1;
    const other = heads[middle];
    if (other !== undefined && other.row.key.compare(head.row.key) > 0) low = middle + 1;
    else high = middle;
  }
  heads.splice(low, 0, head);
}

const emptyRow = Buffer.alloc(0);

function rangesOf(salts: number | undefined): RowRange[] {
  if (salts === undefined) return [{ start: emptyRow, stop: emptyRow }];
  return Array.from({ length: salts }, (_, salt) => {
    const stop = salt === 0xff ? emptyRow : Buffer.from([salt + 1]);
    return { start: Buffer.from([salt]), stop };
  });
}

/** The rows of one range, a page at a time. */
class Part {
  readonly #read: TableRead;
  readonly #stop: Buffer;
  /** Where the next page begins; undefined: there is none. */
  #start: Buffer | undefined;
  #page = new Page();
  #at = 0;

  constructor(read: TableRead, range: RowRange) {
    this.#read = read;
    this.#start = range.start;
    this.#stop = range.stop;
  }

  async next(): Promise<StoredRow | undefined> {
    while (this.#at === this.#page.rows && this.#start !== undefined) await this.#turn(this.#start);
    return this.take();
  }

  /** The next row, if it is on the page: most are, and need no waiting. */
  take(): StoredRow | undefined {
    if (this.#at === this.#page.rows) return undefined;
    return this.#page.row(this.#at++, this.#read.salts === undefined ? 0 : 1);
  }

  async #turn(start: Buffer): Promise<void> {
    const { rows, table } = this.#read;
    const page = new Page();
    const visit = (cell: CellCursor): void => page.add(cell);
    const range = { start, stop: this.#stop };
    try {
      await rows.scan(table, range, visit, { timeoutMs: copyScanMs });
      this.#start = undefined;
    } catch (thrown) {
      if (!(thrown instanceof PageFull)) throw thrown;
      this.#start = thrown.following;
    }
    this.#page = page;
    this.#at = 0;
  }
}

/** Ends a scan from inside: the port has no other word for "enough". */
class PageFull extends Error {
  readonly following: Buffer;

  constructor(following: Buffer) {
    super('the page is full');
    this.following = following;
  }
}

/** Whole rows as bytes; ends where a row ends, once it is long enough. */
class Page {
  readonly #cells = new PutBatch();
  readonly #firsts: number[] = [];
  #row: Buffer | undefined;

  get rows(): number {
    return this.#firsts.length;
  }

  add(cell: CellCursor): void {
    const { bytes, rowStart, rowEnd, qualifierStart, qualifierEnd, valueStart, valueEnd } = cell;
    if (this.#row === undefined || this.#row.compare(bytes, rowStart, rowEnd) !== 0) {
      const row = Buffer.from(bytes.subarray(rowStart, rowEnd));
      if (this.#cells.byteLength >= copyPageBytesMax) throw new PageFull(row);
      this.#row = row;
      this.#firsts.push(this.#cells.count);
    }
    const qualifier = bytes.subarray(qualifierStart, qualifierEnd);
    const value = bytes.subarray(valueStart, valueEnd);
    this.#cells.add({ row: this.#row, qualifier, value, version: cell.version });
  }

  /** Made when asked for: a page of small objects would cost ten times its bytes. */
  row(i: number, saltBytes: number): StoredRow {
    const first = this.#firsts[i] ?? 0;
    const end = this.#firsts[i + 1] ?? this.#cells.count;
    const cells = Array.from({ length: end - first }, (_, k) => this.#cells.at(first + k));
    return { key: (cells[0]?.row ?? emptyRow).subarray(saltBytes), cells };
  }
}
