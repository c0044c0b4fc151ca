// The `layout` row of meta: which format the tables hold, on how many salts, since when.
// Written once, by check-and-put; read before anything else, so that a store of another shape
// is refused by name and never read or written half.
import { CounterError } from '../model/errors.ts';
import type { CallOptions, CellCursor } from '../model/rows.ts';
import { layoutRow, metaQualifier } from './key-layout.ts';
import type { RowStore } from './row-store.ts';

/** Of the value, and with it of every row that this program writes. */
const layoutFormat = 1;

export const saltsDefault = 16;
/** A salt is one byte. */
export const saltsMax = 256;

export interface Layout {
  /** How many salts `counts`, `summaries` and `sites` are spread over. */
  readonly salts: number;
  /** ISO 8601. */
  readonly created: string;
}

/** The layout as it stands; undefined: none was ever written. */
export async function readLayout(
  rows: RowStore,
  options: CallOptions,
): Promise<Layout | undefined> {
  let value: Buffer | undefined;
  const range = { start: layoutRow, stop: Buffer.concat([layoutRow, Buffer.from([0])]) };
  const visit = (cell: CellCursor): void => {
    const qualifier = cell.bytes.subarray(cell.qualifierStart, cell.qualifierEnd);
    if (!qualifier.equals(metaQualifier)) return;
    value = Buffer.from(cell.bytes.subarray(cell.valueStart, cell.valueEnd));
  };
  await rows.scan('meta', range, visit, options);
  return value === undefined ? undefined : decodeLayout(value);
}

/** Writes the layout if there is none; answers the one that stands then. */
export async function writeLayout(
  rows: RowStore,
  fresh: { readonly salts: number; readonly createdMs: number },
  options: CallOptions,
): Promise<Layout> {
  const value = encodeLayout({
    salts: fresh.salts,
    created: new Date(fresh.createdMs).toISOString(),
  });
  const check = { row: layoutRow, qualifier: metaQualifier, expected: null, value };
  await rows.checkAndPut('meta', check, options);
  const standing = await readLayout(rows, options);
  if (standing === undefined) throw missing('the layout row did not stay');
  return standing;
}

/** 01 · UTF-8 JSON. */
export function encodeLayout(layout: Layout): Buffer {
  if (!Number.isInteger(layout.salts) || layout.salts < 1 || layout.salts > saltsMax) {
    throw mismatch(`${layout.salts} salts; between 1 and ${saltsMax} are possible`);
  }
  const json = JSON.stringify({ salts: layout.salts, created: layout.created });
  return Buffer.concat([Buffer.from([layoutFormat]), Buffer.from(json)]);
}

export function decodeLayout(value: Buffer): Layout {
  const format = value[0] ?? 0;
  if (format !== layoutFormat) {
    throw mismatch(`the store has format ${format}, this program knows ${layoutFormat}`);
  }
  let json: unknown;
  try {
    json = JSON.parse(value.toString('utf8', 1));
  } catch (cause) {
    throw mismatch('the layout row cannot be read', cause);
  }
  const { salts, created } = { ...(json as Partial<Record<keyof Layout, unknown>> | null) };
  if (!Number.isInteger(salts) || Number(salts) < 1 || Number(salts) > saltsMax) {
    throw mismatch('the layout row names no salt count');
  }
  return { salts: Number(salts), created: typeof created === 'string' ? created : '' };
}

export interface LayoutGuard {
  /** Embedded and in memory: the first to open writes the layout itself. */
  readonly createIfMissing: boolean;
  /** As configured; undefined: whatever the store was created with. */
  readonly salts?: number | undefined;
}

/** Passes with the layout, or fails with everything that differs. */
export async function guardLayout(
  rows: RowStore,
  guard: LayoutGuard,
  options: CallOptions,
): Promise<Layout> {
  const differences = await rows.verifyTables(options);
  let layout = await readLayoutOf(rows, differences, options);
  if (layout === undefined && guard.createIfMissing && differences.length === 0) {
    const createdMs = await rows.nowMs(options);
    layout = await writeLayout(rows, { salts: guard.salts ?? saltsDefault, createdMs }, options);
  }
  if (layout === undefined) throw missing(['no layout row in meta', ...differences].join('; '));
  if (differences.length > 0) throw mismatch(differences.join('; '));
  if (guard.salts !== undefined && guard.salts !== layout.salts) {
    throw mismatch(`the store has ${layout.salts} salts, configured are ${guard.salts}`);
  }
  return layout;
}

/** Where tables differ, the one that holds the layout may itself be missing. */
async function readLayoutOf(
  rows: RowStore,
  differences: readonly string[],
  options: CallOptions,
): Promise<Layout | undefined> {
  try {
    return await readLayout(rows, options);
  } catch (thrown) {
    if (!(thrown instanceof CounterError) || thrown.code.startsWith('SCHEMA_')) throw thrown;
    const unreadable = thrown.remedy === 'give-up' || thrown.code === 'STORE_TABLE_MISSING';
    if (unreadable && differences.length > 0) return undefined;
    throw thrown;
  }
}

function missing(detail: string): CounterError {
  return new CounterError('SCHEMA_MISSING', 'give-up', { detail });
}

function mismatch(detail: string, cause?: unknown): CounterError {
  return new CounterError('SCHEMA_MISMATCH', 'give-up', { detail, cause });
}
