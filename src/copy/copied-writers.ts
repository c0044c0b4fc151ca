// The writers of a copied store in the registry of the other one. First each is there as open, at
// a watermark from before all that it counted, so nobody calls complete what is still on its way,
// also where the copy is killed; in the end it is what it is in the source. Promises that a record
// never goes back, whatever copies of whatever age run: what stands and is further stays.
import { registryAttemptsMax, watermarkBeyondStoreMs } from '../limits.ts';
import { CounterError } from '../model/errors.ts';
import type { WriterId } from '../model/writer-id.ts';
import { RegistryChain } from '../store/registry.ts';
import type {
  RegistryEntry,
  UnreadableEntry,
  WriterRecord,
  WriterRegistry,
  WriterState,
} from '../store/registry.ts';

type Found = RegistryEntry | UnreadableEntry;

/** Also those whose record cannot be read: somebody put it there. */
export async function knownWriters(registry: WriterRegistry): Promise<ReadonlySet<WriterId>> {
  const { entries, unreadable } = await registry.readAll();
  return new Set([...entries, ...unreadable].map(({ writer }) => writer));
}

/**
 * The writers of a store that is copied. Error: RECORD_INVALID where one cannot be read; without
 * its record the other store would call complete what nobody knows to be.
 */
export async function writersToCopy(source: WriterRegistry): Promise<readonly RegistryEntry[]> {
  const { entries, unreadable } = await source.readAll();
  if (unreadable[0] !== undefined) throw unreadableRecord(unreadable[0], 'the embedded store');
  return entries;
}

/** Registers those that the other store does not know; answers how many. */
export async function holdWriters(
  writers: readonly RegistryEntry[],
  target: WriterRegistry,
): Promise<number> {
  const known = await knownWriters(target);
  let held = 0;
  for (const { writer, record } of writers) {
    if (known.has(writer)) continue;
    const chain = new RegistryChain(target, writer);
    // Foreign: another copy was faster, and said the same.
    const outcome = await chain.advance((standing) => standing ?? heldRecord(record));
    if (outcome === 'done') held++;
  }
  return held;
}

/**
 * All their cells are there: says of each what the source says. Answers how many changed. Error:
 * RECORD_INVALID where one cannot be read there; the others are settled all the same.
 */
export async function settleWriters(
  writers: readonly RegistryEntry[],
  target: WriterRegistry,
  targetMs: number,
): Promise<number> {
  const { entries, unreadable } = await target.readAll();
  const standing = new Map([...entries, ...unreadable].map((entry) => [entry.writer, entry]));
  let settled = 0;
  let unreadableOne: UnreadableEntry | undefined;
  for (const { writer, record } of writers) {
    const found = standing.get(writer);
    // It holds back what is complete; and what it says may be further than what we would say.
    if (found !== undefined && found.record === undefined) unreadableOne = found;
    else {
      const said = { ...record, watermarkMs: cappedMs(record, targetMs) };
      if (await settle(said, target, writer, found)) settled++;
    }
  }
  if (unreadableOne !== undefined) throw unreadableRecord(unreadableOne, 'HBase');
  return settled;
}

async function settle(
  said: WriterRecord,
  target: WriterRegistry,
  writer: WriterId,
  standing: RegistryEntry | undefined,
): Promise<boolean> {
  let found: Found | undefined = standing;
  for (let attempt = 0; attempt < registryAttemptsMax; attempt++) {
    if (found?.record !== undefined && isNoFurther(said, found.record)) return false;
    const chain = new RegistryChain(target, writer, found);
    const outcome = await chain.advance((record) => settledRecord(said, record));
    if (outcome === 'done') return true;
    // Another copy, or an operator, changed it meanwhile.
    found = await target.read(writer);
    if (found !== undefined && found.record === undefined) break;
  }
  throw new CounterError('REGISTRY_BUSY', 'retry', { detail: `writer ${writer}` });
}

/**
 * Open, and nothing of it is there: that is true of every moment before `registered`. Nor does a
 * recovery on a part of its journal seal it, since that part is not whole from position 1 on.
 */
export function heldRecord(record: WriterRecord): WriterRecord {
  const { lostMs: _, ...rest } = record;
  const watermarkMs = Math.min(record.watermarkMs, record.registeredMs ?? 0);
  return { ...rest, state: 'open', sealedBy: null, watermarkMs, trimmed: 1 };
}

/** What stands and what the source says, joined; whoever said it later changes nothing more. */
export function settledRecord(
  said: WriterRecord,
  standing: WriterRecord | undefined,
): WriterRecord {
  if (standing === undefined) return said;
  if (isNoFurther(said, standing)) return standing;
  const isBack = ranks[said.state] < ranks[standing.state];
  const { lostMs: saidLostMs, ...rest } = said;
  const { state, sealedBy, lostMs } = isBack ? standing : { ...said, lostMs: saidLostMs };
  return {
    ...rest,
    state,
    sealedBy,
    ...(lostMs === undefined ? {} : { lostMs }),
    watermarkMs: Math.max(said.watermarkMs, standing.watermarkMs),
    trimmed: Math.max(said.trimmed, standing.trimmed),
  };
}

const ranks: Readonly<Record<WriterState, number>> = { open: 0, lost: 1, sealed: 2 };

/**
 * A source whose writer is at an earlier position is an older copy of the folder: it does not
 * know all that this writer counted, so it has nothing to say of it.
 */
function isNoFurther(said: WriterRecord, standing: WriterRecord): boolean {
  if (said.position !== standing.position) return said.position < standing.position;
  if (said.state !== standing.state) return ranks[said.state] < ranks[standing.state];
  return said.watermarkMs <= standing.watermarkMs && said.trimmed <= standing.trimmed;
}

/** A watermark from another clock is never further beyond the store's than one of its own. */
function cappedMs({ watermarkMs }: WriterRecord, targetMs: number): number {
  return Math.min(watermarkMs, targetMs + watermarkBeyondStoreMs);
}

function unreadableRecord({ writer }: UnreadableEntry, where: string): CounterError {
  const what = `the record of writer ${writer} in ${where} cannot be read`;
  const detail = `${what}; adcounter writers lost ${writer} gives it up there`;
  return new CounterError('RECORD_INVALID', 'give-up', { detail });
}
