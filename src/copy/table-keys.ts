// Where a row of one store lies in another: the same row behind another salt. Reads rows as they
// are drawn in docs/FORMATS.md, for the tables that are spread over salts; knows no cells.
import { crc32 } from 'node:zlib';
import { CounterError } from '../model/errors.ts';

/** The tables whose rows begin with a salt. */
export const saltedTables = ['counts', 'summaries', 'sites'] as const;
export type SaltedTable = (typeof saltedTables)[number];

export interface KeyParts {
  /** What the salt is taken from. */
  readonly salted: Buffer;
  readonly day: number;
}

/** Of a row without its salt. Error: BYTES_INVALID where it is none of this table. */
export function partsOf(table: SaltedTable, key: Buffer): KeyParts {
  if (table === 'summaries') return partsOfSummary(key);
  const end = key.indexOf(0);
  if (end < 1 || key.length <= end + 1 + dayBytes) throw invalid(table, key);
  const day = key.readUInt16BE(end + 1);
  const rest = key.subarray(end + 1 + dayBytes);
  if (table === 'sites') return { salted: key.subarray(0, end), day };
  return { salted: Buffer.concat([key.subarray(0, end + 1), rest]), day };
}

/** The row in a store of so many salts. */
export function rowOf(key: Buffer, { salted }: KeyParts, salts: number): Buffer {
  const row = Buffer.allocUnsafe(1 + key.length);
  row[0] = crc32(salted) % salts;
  key.copy(row, 1);
  return row;
}

/** The ad of a `counts` row without its salt. */
export function adOf(key: Buffer): string {
  return key.toString('utf8', 0, key.indexOf(0));
}

const dayBytes = 2;

/** axis · day · id. */
function partsOfSummary(key: Buffer): KeyParts {
  if (key.length <= 1 + dayBytes) throw invalid('summaries', key);
  const salted = Buffer.concat([key.subarray(0, 1), key.subarray(1 + dayBytes)]);
  return { salted, day: key.readUInt16BE(1) };
}

function invalid(table: SaltedTable, key: Buffer): CounterError {
  const detail = `a row of ${table} is not as it is drawn: ${key.toString('hex')}`;
  return new CounterError('BYTES_INVALID', 'give-up', { detail });
}
