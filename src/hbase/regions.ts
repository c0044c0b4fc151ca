// Where the regions of tables are, as far as known: bounded, sorted by start key.
// A region that is learned pushes out what it overlaps (a split, a merge). Never asks anybody.
import { hbaseRegionsKeptMax } from '../limits.ts';
import type { ServerAddress } from './host-map.ts';

export interface Region {
  /** Its whole name: table, start key and id, in bytes that are no text. */
  readonly name: Buffer;
  readonly startKey: Buffer;
  /** Empty: to the end of the table. */
  readonly endKey: Buffer;
  readonly server: ServerAddress;
}

export class Regions {
  readonly #byTable = new Map<string, Region[]>();
  #count = 0;

  /** The region of the row at bytes[start, end). */
  find(table: string, bytes: Buffer, start: number, end: number): Region | null {
    const regions = this.#byTable.get(table);
    if (regions === undefined) return null;
    let low = 0;
    let high = regions.length;
    while (low < high) {
      const middle = (low + high) >>> 1;
      const key = regions[middle]?.startKey;
      if (key !== undefined && compareRow(bytes, start, end, key) >= 0) low = middle + 1;
      else high = middle;
    }
    const region = regions[low - 1];
    return region !== undefined && holds(region, bytes, start, end) ? region : null;
  }

  learn(table: string, region: Region): void {
    if (this.#count >= hbaseRegionsKeptMax) this.#forgetAll();
    const before = this.#byTable.get(table) ?? [];
    const kept = before.filter((other) => !overlap(region, other));
    kept.push(region);
    kept.sort((a, b) => a.startKey.compare(b.startKey));
    this.#byTable.set(table, kept);
    this.#count += kept.length - before.length;
  }

  /** False: it was forgotten, or replaced, before. */
  forget(table: string, region: Region): boolean {
    const before = this.#byTable.get(table) ?? [];
    const kept = before.filter((other) => other !== region);
    this.#byTable.set(table, kept);
    this.#count += kept.length - before.length;
    return kept.length < before.length;
  }

  #forgetAll(): void {
    this.#byTable.clear();
    this.#count = 0;
  }
}

export function holds(region: Region, bytes: Buffer, start: number, end: number): boolean {
  return (
    compareRow(bytes, start, end, region.startKey) >= 0 &&
    (region.endKey.length === 0 || compareRow(bytes, start, end, region.endKey) < 0)
  );
}

/** Byte by byte: keys differ early, and a call into native code would cost more than the loop. */
function compareRow(bytes: Buffer, start: number, end: number, key: Buffer): number {
  const rowLength = end - start;
  const length = Math.min(rowLength, key.length);
  for (let k = 0; k < length; k++) {
    const difference = (bytes[start + k] ?? 0) - (key[k] ?? 0);
    if (difference !== 0) return difference;
  }
  return rowLength - key.length;
}

function overlap(a: Region, b: Region): boolean {
  const aEndsFirst = a.endKey.length > 0 && a.endKey.compare(b.startKey) <= 0;
  const bEndsFirst = b.endKey.length > 0 && b.endKey.compare(a.startKey) <= 0;
  return !aEndsFirst && !bEndsFirst;
}
