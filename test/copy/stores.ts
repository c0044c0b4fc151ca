// Stores to copy between, in memory: of any number of salts, filled with cells of writers that the
// registry knows, read back without their salts so that two of them can be compared.
import * as fc from 'fast-check';
import { createLog } from '../../src/log.ts';
import type { Cell } from '../../src/model/cell.ts';
import { systemClock } from '../../src/model/clock.ts';
import { CounterError } from '../../src/model/errors.ts';
import { quarterMs } from '../../src/model/quarter.ts';
import type { Put } from '../../src/model/rows.ts';
import { claimedWriterOf, processWriterOf } from '../../src/model/writer-id.ts';
import type { WriterId } from '../../src/model/writer-id.ts';
import { StoreCopy } from '../../src/copy/copy.ts';
import type { Copied, CopyProgress, Holdings } from '../../src/copy/copy.ts';
import { completenessOf } from '../../src/store/completeness.ts';
import { RegistryChain } from '../../src/store/registry.ts';
import type { WriterRecord } from '../../src/store/registry.ts';
import type { RowStore, TableName } from '../../src/store/row-store.ts';
import { StoreLink } from '../../src/store/store-link.ts';
import { ad, hardIds, latestOf, linesOf, site, someQuarter } from '../support/cells.ts';
import { MemoryRowStore } from '../support/memory-row-store.ts';
import { inTime, scanCells } from '../support/rows.ts';

export const retentionDays = 400;

export async function linkTo(rows: RowStore, salts: number): Promise<StoreLink> {
  const guard = { createIfMissing: true, salts };
  const link = new StoreLink({ rows, guard, clock: systemClock, log: createLog('silent') });
  await link.reach();
  return link;
}

export interface MemoryStore {
  readonly rows: MemoryRowStore;
  readonly link: StoreLink;
  readonly salts: number;
}

export async function memoryStore(salts: number): Promise<MemoryStore> {
  const rows = new MemoryRowStore();
  return { rows, link: await linkTo(rows, salts), salts };
}

export function recordOf(change: Partial<WriterRecord> = {}): WriterRecord {
  return {
    state: 'sealed',
    sealedBy: 'recoverer',
    registeredMs: 0,
    watermarkMs: 0,
    position: 1,
    trimmed: 1,
    host: 'h',
    bootId: 'b',
    startedMs: 5,
    folder: { device: '1', inode: '2' },
    ...change,
  };
}

export async function putCells(link: StoreLink, cells: readonly Cell[]): Promise<void> {
  const outcome = await link.opened.putCells(cells, inTime);
  for (const failure of outcome.failures.reasons()) throw failure;
}

/** Writes the record over whatever stands. */
export async function register(
  link: StoreLink,
  writer: WriterId,
  record: WriterRecord,
): Promise<void> {
  const chain = new RegistryChain(link.registry, writer, await link.registry.read(writer));
  await chain.advance(() => record);
}

/** Puts cells, and registers each of their writers as one that accepted all of them and is over. */
export async function count(
  link: StoreLink,
  cells: readonly Cell[],
  change: Partial<WriterRecord> = {},
): Promise<void> {
  await putCells(link, cells);
  for (const writer of new Set(cells.map((cell) => processWriterOf(cell.writer)))) {
    const quarters = cells
      .filter((cell) => processWriterOf(cell.writer) === writer)
      .map(({ eventQuarter, lag }) => eventQuarter + lag);
    const registeredMs = Math.min(...quarters) * quarterMs;
    const watermarkMs = (Math.max(...quarters) + 1) * quarterMs;
    await register(link, writer, recordOf({ registeredMs, watermarkMs, ...change }));
  }
}

export interface CopyCall {
  readonly isCompared?: boolean;
  readonly onProgress?: (progress: CopyProgress) => void;
}

export async function copyAll(
  source: { readonly link: StoreLink },
  target: { readonly link: StoreLink },
  { isCompared = true, onProgress }: CopyCall = {},
): Promise<{ readonly holdings: Holdings; readonly copied: Copied }> {
  const copy = new StoreCopy({
    source: source.link,
    target: target.link,
    retentionDays,
    waitFor: () => Promise.resolve(),
    ...(onProgress === undefined ? {} : { onProgress }),
  });
  const holdings = await copy.look();
  return { holdings, copied: await copy.run(holdings, { isCompared }) };
}

const everything = { start: Buffer.alloc(0), stop: Buffer.alloc(0) };

export function cellsOf(rows: RowStore, table: TableName): Promise<readonly Put[]> {
  return scanCells(rows, table, everything);
}

/** Row without its salt, qualifier, version and value of each cell, a line each, in order. */
export async function linesIn(rows: RowStore, table: TableName): Promise<string[]> {
  const lines = (await cellsOf(rows, table)).map(({ row, qualifier, version, value }) => {
    const bytes = [row.subarray(1), qualifier, value].map((part) => part.toString('hex'));
    return `${bytes.join(' ')} ${version}`;
  });
  return lines.sort();
}

/** What the registry says of each writer, without what every replacement changes. */
export async function recordsIn(link: StoreLink): Promise<ReadonlyMap<WriterId, WriterRecord>> {
  const { entries } = await link.registry.readAll();
  return new Map(entries.map(({ writer, record }) => [writer, record]));
}

/** The cells that the store calls complete and does not have. */
export async function missingThough(
  link: StoreLink,
  cells: readonly Cell[],
): Promise<readonly string[]> {
  const reading = await link.registry.readAll();
  const known = new Set(reading.entries.map(({ writer }) => writer));
  const { completeThroughMs } = completenessOf(reading);
  const promised = cells.filter(
    ({ writer, eventQuarter, lag }) =>
      known.has(processWriterOf(writer)) &&
      (eventQuarter + lag + 1) * quarterMs <= (completeThroughMs ?? 0),
  );
  const there = new Set<string>();
  for (const id of new Set(promised.map((cell) => cell.ad))) {
    const quarters = { first: 0, end: 65_536 * 96 };
    await link.opened.readAd(
      id,
      quarters,
      (entry) => {
        for (const line of linesOf([entry])) there.add(`${id} ${line}`);
      },
      inTime,
    );
  }
  return promised
    .map((cell) => `${cell.ad} ${linesOf([cell]).join()}`)
    .filter((line) => !there.has(line));
}

const someWriters = [1, 2, 3].map((i) => `00000000000000${i}0` as WriterId);

const anyCell = fc.record({
  writer: fc.constantFrom(...someWriters, ...someWriters.map(claimedWriterOf)),
  ad: fc.constantFrom(...hardIds.slice(0, 8)).map(ad),
  site: fc.constantFrom(...hardIds.slice(4, 12)).map(site),
  eventQuarter: fc.integer({ min: someQuarter - 300, max: someQuarter - 4 }),
  lag: fc.nat(3),
  counts: fc.tuple(fc.constant(1), fc.integer({ min: 1, max: 2 ** 51 })),
});

/** Each once. */
export const anyCells = fc.array(anyCell, { minLength: 1, maxLength: 40 }).map(latestOf);

export const anySalts = fc.constantFrom(1, 2, 7, 16, 32, 256);

/**
 * The process that writes dies: after so many steps nothing it asks for happens any more. A step
 * is a call, or one put of a batch; `lost`: the last one still happens, and nobody hears of it.
 */
export function dieAfter(rows: MemoryRowStore, steps: number, lost: boolean): void {
  let left = steps;
  const dead = new CounterError('STORE_CLOSED', 'give-up');
  const step = (): Error | undefined => (left-- > 0 ? undefined : dead);
  rows.failBefore = step;
  rows.failPut = step;
  rows.failAfter = () => (lost && left <= 0 ? dead : undefined);
}

export function revive(rows: MemoryRowStore): void {
  rows.failBefore = undefined;
  rows.failPut = undefined;
  rows.failAfter = undefined;
}
