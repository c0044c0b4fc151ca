// Owns the writers' rows of `meta`: who writes, how far the store is complete because of them.
// A record is one cell, only ever replaced by check-and-put, each time with a fresh nonce: a lost
// reply to one's own write is told from a foreign link by it. Never judges who is dead.
import { randomBytes } from 'node:crypto';
import { registryAttemptsMax, registryNoncesKept, registryTimeoutMs } from '../limits.ts';
import { assert } from '../model/assert.ts';
import { CounterError, toError } from '../model/errors.ts';
import type { FolderIdentity } from '../model/folder-identity.ts';
import type { CellCursor, RowRange } from '../model/rows.ts';
import { processWriterOf, writerIdBytes, writerIdFromBytes } from '../model/writer-id.ts';
import type { WriterId } from '../model/writer-id.ts';
import { metaQualifier, writerRow, writerRowsRange } from './key-layout.ts';
import type { RowStore } from './row-store.ts';

const recordFormat = 1;
/** The last moment that a date can tell. */
const momentMsMax = 8_640_000_000_000_000;

export const writerStates = ['open', 'sealed', 'lost'] as const;
export type WriterState = (typeof writerStates)[number];

/** What a writer has said of itself; moments are ms since 1970 UTC. */
export interface WriterRecord {
  readonly state: WriterState;
  /** Null while it is not sealed. */
  readonly sealedBy: (typeof sealers)[number] | null;
  /** End of the registration; the acceptance moment of unregistered frames. Null: not yet. */
  readonly registeredMs: number | null;
  /** Everything that the writer accepted before it is in the store. */
  readonly watermarkMs: number;
  /** Of the last synced frame. */
  readonly position: number;
  /** First position that the journal still holds. */
  readonly trimmed: number;
  readonly host: string;
  readonly bootId: string;
  readonly startedMs: number;
  /** The journal folder, so that a copied folder's lock proves nothing. */
  readonly folder: FolderIdentity;
  /** When an operator called it lost, by the store's clock; absent: nobody did. */
  readonly lostMs?: number;
}

/** Whoever sealed itself has put all that will ever count; behind a recoverer more may turn up. */
export const sealers = ['itself', 'recoverer'] as const;

/** A record as it stands in the store; `bytes` is what the next check-and-put expects. */
export interface RegistryEntry {
  readonly writer: WriterId;
  readonly record: WriterRecord;
  readonly nonce: string;
  readonly bytes: Buffer;
  /** When the store last changed it, by the store's clock; absent: written here, not read. */
  readonly changedMs?: number;
}

/** What stands in a writer's place and cannot be read. */
export interface UnreadableEntry {
  readonly writer: WriterId;
  readonly record: undefined;
  readonly bytes: Buffer;
  readonly changedMs: number;
  /** For a person. */
  readonly reason: string;
}

/** Everything that the registry holds, at one look. */
export interface RegistryReading {
  readonly entries: readonly RegistryEntry[];
  readonly unreadable: readonly UnreadableEntry[];
  /** Cells whose key or qualifier is no writer's: nobody can have counted under them. */
  readonly strangers: number;
}

/** Stands for the position of a writer whose record could not be read: beyond any journal's. */
export const unknownPosition = Number.MAX_SAFE_INTEGER;

export class WriterRegistry {
  readonly #rows: RowStore;

  constructor(rows: RowStore) {
    this.#rows = rows;
  }

  /** One record that cannot be read never hides the others. */
  readAll(): Promise<RegistryReading> {
    return this.#read(writerRowsRange);
  }

  async read(writer: WriterId): Promise<RegistryEntry | UnreadableEntry | undefined> {
    const row = writerRow(writer);
    const found = await this.#read({ start: row, stop: Buffer.concat([row, Buffer.from([0])]) });
    return found.entries[0] ?? found.unreadable[0];
  }

  /** True: it stood as expected (null: absent) and is `next` now. */
  replace(
    writer: WriterId,
    expected: Buffer | null,
    next: Buffer,
    timeoutMs: number,
  ): Promise<boolean> {
    const check = { row: writerRow(writer), qualifier: metaQualifier, expected, value: next };
    return this.#rows.checkAndPut('meta', check, { timeoutMs });
  }

  async #read(range: RowRange): Promise<RegistryReading> {
    const entries: RegistryEntry[] = [];
    const unreadable: UnreadableEntry[] = [];
    let strangers = 0;
    const visit = (cell: CellCursor): void => {
      const writer = writerIn(cell);
      if (writer === undefined) {
        strangers++;
        return;
      }
      const bytes = Buffer.from(cell.bytes.subarray(cell.valueStart, cell.valueEnd));
      const changedMs = cell.version;
      try {
        entries.push({ writer, bytes, changedMs, ...decodeRecord(writer, bytes) });
      } catch (thrown) {
        const reason = toError(thrown).message;
        unreadable.push({ writer, record: undefined, bytes, changedMs, reason });
      }
    };
    await this.#rows.scan('meta', range, visit, { timeoutMs: registryTimeoutMs });
    return { entries, unreadable, strangers };
  }
}

/** Whose record the cell is; undefined: nobody's. */
function writerIn(cell: CellCursor): WriterId | undefined {
  const { bytes, rowStart, rowEnd, qualifierStart, qualifierEnd } = cell;
  if (rowEnd - rowStart !== 1 + writerIdBytes) return undefined;
  const writer = writerIdFromBytes(bytes, rowStart + 1);
  if (processWriterOf(writer) !== writer) return undefined;
  const isRecord = metaQualifier.equals(bytes.subarray(qualifierStart, qualifierEnd));
  return isRecord ? writer : undefined;
}

/**
 * The chain of one writer's records, as its owner (or the recoverer who took over) continues it.
 * Every nonce that was ever sent is remembered until a later one is known to stand: a late write
 * of one's own is not a foreign link.
 */
export class RegistryChain {
  readonly writer: WriterId;
  readonly #registry: WriterRegistry;
  readonly #sent = new Set<string>();
  /** The last nonces of our own, also those that are known to be replaced. */
  readonly #ours: string[] = [];
  #standing: RegistryEntry | UnreadableEntry | undefined;

  /** Where what stands cannot be read the first advance() replaces exactly that. */
  constructor(
    registry: WriterRegistry,
    writer: WriterId,
    standing?: RegistryEntry | UnreadableEntry,
  ) {
    this.#registry = registry;
    this.writer = writer;
    this.#standing = standing;
  }

  get record(): WriterRecord | undefined {
    return this.#standing?.record;
  }

  /**
   * Replaces what stands by `change` of it. Done: it stands. Foreign: somebody else continued
   * this chain; it is not ours any more. Throws (retry) where it did not happen or stays
   * unknown: call again.
   */
  async advance(
    change: (standing: WriterRecord | undefined) => WriterRecord,
  ): Promise<'done' | 'foreign'> {
    for (let attempt = 0; attempt < registryAttemptsMax; attempt++) {
      const entry = this.#nextEntry(change);
      if (await this.#tryReplace(entry.bytes)) return this.#stands(entry);
      const found = await this.#registry.read(this.writer);
      if (nonceOf(found) === entry.nonce) return this.#stands(entry);
      if (!this.#isOurs(found)) return 'foreign';
      // An earlier write of our own landed late, or none did: go on from what stands.
      this.#standing = found;
    }
    throw new CounterError('REGISTRY_BUSY', 'retry', { detail: `writer ${this.writer}` });
  }

  /**
   * Reads what stands: has anybody else continued this chain? May run beside an advance(): a
   * record of our own that is already replaced is no foreign link. Throws where it cannot be read.
   */
  async verify(): Promise<'ours' | 'foreign'> {
    const wasAbsent = this.#standing === undefined;
    const found = await this.#registry.read(this.writer);
    if (found === undefined) return wasAbsent ? 'ours' : 'foreign';
    return this.#ours.includes(nonceOf(found) ?? '') || this.#isOurs(found) ? 'ours' : 'foreign';
  }

  /** One call and no look at what came of it. False: it may stand, or land later. */
  async tryOnce(
    change: (standing: WriterRecord | undefined) => WriterRecord,
    timeoutMs: number,
  ): Promise<boolean> {
    const entry = this.#nextEntry(change);
    const isDone = await this.#tryReplace(entry.bytes, timeoutMs);
    if (isDone) this.#stands(entry);
    return isDone;
  }

  #nextEntry(change: (standing: WriterRecord | undefined) => WriterRecord): RegistryEntry {
    const record = change(this.record);
    const nonce = randomBytes(8).toString('hex');
    this.#sent.add(nonce);
    this.#ours.push(nonce);
    if (this.#ours.length > registryNoncesKept) this.#ours.shift();
    return { writer: this.writer, record, nonce, bytes: encodeRecord(record, nonce) };
  }

  /** An unknown outcome counts as not done: the read that follows decides. */
  async #tryReplace(bytes: Buffer, timeoutMs = registryTimeoutMs): Promise<boolean> {
    const expected = this.#standing?.bytes ?? null;
    try {
      return await this.#registry.replace(this.writer, expected, bytes, timeoutMs);
    } catch (thrown) {
      if (thrown instanceof CounterError && thrown.remedy !== 'give-up') return false;
      throw thrown;
    }
  }

  /** What cannot be read any more was not written by us. */
  #isOurs(found: RegistryEntry | UnreadableEntry | undefined): boolean {
    if (found === undefined) return this.#standing === undefined;
    return (
      this.#sent.has(nonceOf(found) ?? '') || this.#standing?.bytes.equals(found.bytes) === true
    );
  }

  #stands(entry: RegistryEntry): 'done' {
    this.#standing = entry;
    this.#sent.clear();
    return 'done';
  }
}

function nonceOf(found: RegistryEntry | UnreadableEntry | undefined): string | undefined {
  return found?.record === undefined ? undefined : found.nonce;
}

/** 01 · UTF-8 JSON. */
export function encodeRecord(record: WriterRecord, nonce: string): Buffer {
  const { registeredMs, watermarkMs, startedMs, lostMs, ...rest } = record;
  const whole = [registeredMs ?? 0, watermarkMs, startedMs, lostMs ?? 0, rest.position];
  // A record that cannot be read would stand in everybody's way.
  assert(whole.every(Number.isSafeInteger), 'moments and positions are whole');
  const moments = { registered: registeredMs, watermark: watermarkMs, started: startedMs };
  const json = { ...rest, ...moments, ...(lostMs === undefined ? {} : { lost: lostMs }) };
  return Buffer.concat([
    Buffer.from([recordFormat]),
    Buffer.from(JSON.stringify({ ...json, nonce })),
  ]);
}

export function decodeRecord(
  writer: WriterId,
  bytes: Buffer,
): { readonly record: WriterRecord; readonly nonce: string } {
  const invalid = (cause?: unknown): CounterError =>
    new CounterError('RECORD_INVALID', 'give-up', { detail: `writer ${writer} in meta`, cause });
  if (bytes[0] !== recordFormat) throw invalid();
  let json: unknown;
  try {
    json = JSON.parse(bytes.toString('utf8', 1));
  } catch (cause) {
    throw invalid(cause);
  }
  if (typeof json !== 'object' || json === null) throw invalid();
  const { nonce, registered, watermark, started, lost, ...rest } = json as Record<string, unknown>;
  const state = writerStates.find((name) => name === rest['state']);
  const moments = [watermark, started, registered ?? 0, lost ?? 0];
  const whole = [rest['position'], rest['trimmed']].every(Number.isSafeInteger);
  if (state === undefined || typeof nonce !== 'string') throw invalid();
  if (!whole || !moments.every(isMoment) || !saysWhere(rest)) throw invalid();
  if (registered === undefined || lost === null) throw invalid();
  const sealedBy = sealers.find((sealer) => sealer === rest['sealedBy']) ?? null;
  if ((state === 'sealed') !== (sealedBy !== null)) throw invalid();
  const known = { registeredMs: registered, watermarkMs: watermark, startedMs: started };
  const record = { ...rest, ...known, ...(lost === undefined ? {} : { lostMs: lost }) };
  return { record: record as unknown as WriterRecord, nonce };
}

/** Whoever is told of a moment can be told it as a date. */
function isMoment(ms: unknown): boolean {
  return Number.isSafeInteger(ms) && Math.abs(Number(ms)) <= momentMsMax;
}

function saysWhere({ host, bootId, folder }: Record<string, unknown>): boolean {
  const { device, inode } = (folder ?? {}) as Record<string, unknown>;
  return [host, bootId, device, inode].every((text) => typeof text === 'string');
}
