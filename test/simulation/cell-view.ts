// Reads cells as docs/FORMATS.md draws them, by code of its own: what the product writes is held
// against what it should be, not against how the product itself reads it.
import { quarterMs } from '../../src/model/quarter.ts';
import type { StoredCell } from './tables.ts';

export interface CellView {
  readonly ad: string;
  readonly site: string;
  readonly writer: string;
  readonly eventQuarter: number;
  readonly lag: number;
  /** Count by measure. */
  readonly counts: ReadonlyMap<number, number>;
  readonly n: number;
}

/** A live cell of `counts`. Throws where it is none. */
export function viewCell({ row, qualifier, value, version }: StoredCell): CellView {
  const adEnd = row.indexOf('\0', 1);
  const bytes = Buffer.from(row.slice(adEnd + 1), 'latin1');
  const day = bytes.readUInt16BE(0);
  const key = Buffer.from(qualifier, 'latin1');
  if (key[0] !== 1 || key.length !== 12) throw new Error('not a live cell');
  const eventQuarter = day * 96 + key.readUInt8(1);
  const counts = countsIn(value);
  const n = [...counts.values()].reduce((sum, count) => sum + count, 0);
  if (version !== eventQuarter * quarterMs + n) {
    throw new Error(`version ${version} is not the quarter's start plus ${n}`);
  }
  return {
    ad: row.slice(1, adEnd),
    site: bytes.toString('utf8', 2),
    writer: key.toString('hex', 4),
    eventQuarter,
    lag: key.readUInt16BE(2),
    counts,
    n,
  };
}

function countsIn(value: Buffer): Map<number, number> {
  const counts = new Map<number, number>();
  for (let at = 0; at < value.length;) {
    const measure = value.readUInt8(at++);
    let count = 0;
    for (let scale = 1; ; scale *= 128) {
      const byte = value.readUInt8(at++);
      count += (byte & 0x7f) * scale;
      if (byte < 0x80) break;
    }
    counts.set(measure, count);
  }
  return counts;
}
