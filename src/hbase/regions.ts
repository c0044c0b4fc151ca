// Where the regions of tables are, as far as known: bounded, sorted by start key.
// A region that is learned pushes out what it overlaps (a split, a merge); beyond the bound those
// go that were not asked for the longest. Never asks anybody.
import { hbaseRegionsKeptMax } from '../limits.ts';
import { addressText } from './host-map.ts';
import type { ServerAddress } from './host-map.ts';

export interface Region {
  /** Its whole name: table, start key and id, in bytes that are no text. */
  readonly name: Buffer;
  readonly startKey: Buffer;
  /** Empty: to the end of the table. */
  readonly endKey: Buffer;
  readonly server: ServerAddress;
  /** Its place is what a server said that had it before, not what meta says. */
  readonly hinted?: boolean;
}

interface Entry {
  readonly region: Region;
  readonly server: string;
  /** Of a clock that ticks with every question. */
  usedAt: number;
}

export class Regions {
  readonly #byTable = new Map<string, Entry[]>();
  readonly #max: number;
  #count = 0;
  #clock = 0;

  constructor(max = hbaseRegionsKeptMax) {
    this.#max = max;
  }

  get count(): number {
    return this.#count;
  }

  /** The region of the row at bytes[start, end). */
  find(table: string, bytes: Buffer, start: number, end: number): Region | null {
    const entries = this.#byTable.get(table);
    const entry = entries?.[firstBehind(entries, bytes, start, end) - 1];
    if (entry === undefined || !holds(entry.region, bytes, start, end)) return null;
    entry.usedAt = ++this.#clock;
    return entry.region;
  }

  learn(table: string, region: Region): void {
    const entries = this.#byTable.get(table) ?? [];
    const { startKey, endKey } = region;
    // Entries overlap nowhere, so those that overlap the new one stand side by side.
    let from = firstBehind(entries, startKey, 0, startKey.length);
    const before = entries[from - 1]?.region;
    if (before !== undefined && overlap(before, region)) from--;
    let to = from;
    while (startsBefore(entries[to], endKey)) to++;
    const server = addressText(region.server);
    entries.splice(from, to - from, { region, server, usedAt: ++this.#clock });
    this.#byTable.set(table, entries);
    this.#count += 1 - (to - from);
    if (this.#count > this.#max) this.#forgetOldest();
  }

  /** False: it was forgotten, or replaced, before. */
  forget(table: string, region: Region): boolean {
    const entries = this.#byTable.get(table) ?? [];
    const at = firstBehind(entries, region.startKey, 0, region.startKey.length) - 1;
    if (entries[at]?.region !== region) return false;
    entries.splice(at, 1);
    if (entries.length === 0) this.#byTable.delete(table);
    this.#count--;
    return true;
  }

  /** All that are at the server; answers how many were. */
  forgetServer(server: ServerAddress): number {
    const gone = addressText(server);
    return this.#keep((entry) => entry.server !== gone);
  }

  /** A sixteenth at once, so that a full memory does not look for the oldest with each new one. */
  #forgetOldest(): void {
    const ages = [...this.#byTable.values()].flatMap((all) => all.map(({ usedAt }) => usedAt));
    ages.sort((a, b) => a - b);
    const oldest = ages[Math.floor(this.#max / 16)] ?? 0;
    this.#keep((entry) => entry.usedAt > oldest);
  }

  #keep(stays: (entry: Entry) => boolean): number {
    const before = this.#count;
    for (const [table, entries] of this.#byTable) {
      const kept = entries.filter((entry) => stays(entry));
      this.#count += kept.length - entries.length;
      if (kept.length === 0) this.#byTable.delete(table);
      else if (kept.length < entries.length) this.#byTable.set(table, kept);
    }
    return before - this.#count;
  }
}

export function holds(region: Region, bytes: Buffer, start: number, end: number): boolean {
  return (
    compareRow(bytes, start, end, region.startKey) >= 0 &&
    (region.endKey.length === 0 || compareRow(bytes, start, end, region.endKey) < 0)
  );
}

/** The first entry whose start key is behind the row at bytes[start, end). */
function firstBehind(entries: readonly Entry[], bytes: Buffer, start: number, end: number): number {
  let low = 0;
  let high = entries.length;
  while (low < high) {
    const middle = (low + high) >>> 1;
    const key = entries[middle]?.region.startKey;
    if (key !== undefined && compareRow(bytes, start, end, key) >= 0) low = middle + 1;
    else high = middle;
  }
  return low;
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

function startsBefore(entry: Entry | undefined, endKey: Buffer): boolean {
  return entry !== undefined && (endKey.length === 0 || entry.region.startKey.compare(endKey) < 0);
}

function overlap(a: Region, b: Region): boolean {
  const aEndsFirst = a.endKey.length > 0 && a.endKey.compare(b.startKey) <= 0;
  const bEndsFirst = b.endKey.length > 0 && b.endKey.compare(a.startKey) <= 0;
  return !aEndsFirst && !bEndsFirst;
}
