// Puts a batch: sorts it to regions, sends it as Multi calls of bounded size, and sends again
// what failed and may succeed. Promises an outcome for every put by itself, within the deadline,
// and that no server's puts wait for another server.
// Repeating a put is harmless by design (absolute values, explicit versions); nothing else is sent.
import { CounterError } from '../model/errors.ts';
import type { PutBatch, PutOutcome } from '../model/rows.ts';
import { nextTurn } from '../model/slice.ts';
import {
  hbaseGroupSlicePuts,
  hbaseLookupFailuresMax,
  hbaseMultiPutsMax,
  hbaseRowBytesMax,
  hbaseValueBytesMax,
} from '../limits.ts';
import { timeoutFailure, waitMs } from './deadline.ts';
import { endsTheCall, toCounterError } from './failures.ts';
import { groupsByServer } from './multi-chunks.ts';
import type { RegionGroup } from './multi-chunks.ts';
import { sendToServer } from './multi-lanes.ts';
import type { Multi, PutOptions, Rounds } from './multi-lanes.ts';
import { holds } from './regions.ts';
import type { Region } from './regions.ts';

export async function putBatch(room: Multi, options: PutOptions): Promise<PutOutcome> {
  const { batch, deadline } = options;
  const rounds: Rounds = {
    confirmed: new Uint8Array(batch.count),
    failures: new Map(),
    bounds: { puts: hbaseMultiPutsMax },
    refusals: 0,
  };
  const sending = new Sending(room, options, rounds);
  let puts: readonly number[] = possible(batch, rounds);
  for (let attempt = 0; puts.length > 0 && deadline.over() === null; attempt++) {
    await sending.send(puts);
    puts = rotated(await sending.returned());
    if (puts.length === 0) break;
    // What a server or a region has too much to do for is held back by its pace, not here.
    if (!(await deadline.wait(waitMs(attempt)))) break;
    room.observer.retry('Multi');
  }
  await sending.ended();
  return outcomeOf(rounds, deadline.over());
}

/** What is under way at one server, and what is to follow it there. */
interface UnderWay {
  readonly ended: Promise<void>;
  readonly next: Groups;
}

/**
 * The puts of one batch on their way to servers: one call of sendToServer for each server at a
 * time, and none waits for another's. So a server that went dark holds up its own puts alone.
 */
class Sending {
  readonly #room: Multi;
  readonly #options: PutOptions;
  readonly #rounds: Rounds;
  readonly #underWay = new Map<string, UnderWay>();
  /** Failed, and may succeed. */
  #returned: number[] = [];

  constructor(room: Multi, options: PutOptions, rounds: Rounds) {
    this.#room = room;
    this.#options = options;
    this.#rounds = rounds;
  }

  /** Returns when all are on their way; those whose region is known do not wait for the others. */
  async send(puts: readonly number[]): Promise<void> {
    const { known, unknown } = await sortKnown(this.#room, this.#options, puts);
    this.#begin(known);
    if (unknown.length === 0) return;
    const { found, lost } = await lookUpAll(this.#room, this.#options, unknown);
    for (const [i, failure] of lost) this.#rounds.failures.set(i, failure);
    this.#takeBack(lost.keys());
    this.#begin(found);
  }

  /** What is to be sent again, as soon as there is some; nothing: all have ended. */
  async returned(): Promise<readonly number[]> {
    while (this.#returned.length === 0 && this.#underWay.size > 0) {
      await Promise.race([...this.#underWay.values()].map(({ ended }) => ended));
    }
    const puts = this.#returned;
    this.#returned = [];
    return puts;
  }

  async ended(): Promise<void> {
    await Promise.all([...this.#underWay.values()].map(({ ended }) => ended));
  }

  #begin(groups: ReadonlyMap<Region, readonly number[]>): void {
    for (const [server, ofServer] of groupsByServer(groups)) {
      const before = this.#underWay.get(server);
      if (before !== undefined) {
        // Puts of a region may come back one after the other, and find the same place.
        for (const [region, puts] of ofServer) {
          for (const i of puts) addTo(before.next, region, i);
        }
        continue;
      }
      const ended = this.#sendTo(server, ofServer);
      // Whoever waits for it hears of a mistake of ours; nobody may be waiting yet.
      ended.catch(() => undefined);
      this.#underWay.set(server, { ended, next: new Map() });
    }
  }

  async #sendTo(server: string, groups: readonly RegionGroup[]): Promise<void> {
    await sendToServer(this.#room, this.#options, this.#rounds, groups);
    const returned = groups.map(([, puts]) => this.#takeBack(puts)).includes(true);
    const next: Groups = this.#underWay.get(server)?.next ?? new Map();
    this.#underWay.delete(server);
    // Where the server is away, what would follow looks for its regions anew, with the others.
    if (returned) for (const puts of next.values()) for (const i of puts) this.#returned.push(i);
    else this.#begin(next);
  }

  #takeBack(puts: Iterable<number>): boolean {
    const { failures } = this.#rounds;
    const before = this.#returned.length;
    if (failures.size > 0) {
      for (const i of puts) if (mayTryAgain(failures.get(i))) this.#returned.push(i);
    }
    return this.#returned.length > before;
  }
}

/** Begins elsewhere each time, so that no region stands behind another that cannot be found. */
function rotated(puts: readonly number[]): readonly number[] {
  const at = Math.floor(Math.random() * puts.length);
  return [...puts.slice(at), ...puts.slice(0, at)];
}

function mayTryAgain(failure: CounterError | undefined): boolean {
  return failure !== undefined && failure.remedy !== 'give-up' && !endsTheCall.has(failure.code);
}

function outcomeOf(rounds: Rounds, why: CounterError | null): PutOutcome {
  let confirmedCount = 0;
  for (let i = 0; i < rounds.confirmed.length; i++) {
    if (rounds.confirmed[i] === 1) {
      confirmedCount++;
    } else if (!rounds.failures.has(i)) {
      rounds.failures.set(i, why ?? timeoutFailure('the put was not answered in time'));
    }
  }
  return { confirmed: rounds.confirmed, confirmedCount, failures: rounds.failures };
}

/** What HBase would refuse, and the rest of its Multi with it, is not sent at all. */
function possible(batch: PutBatch, rounds: Rounds): readonly number[] {
  const puts: number[] = [];
  for (let i = 0; i < batch.count; i++) {
    const row = batch.rowLengths[i] ?? 0;
    if (row > 0 && row <= hbaseRowBytesMax && (batch.valueLengths[i] ?? 0) <= hbaseValueBytesMax) {
      puts.push(i);
      continue;
    }
    const detail = 'a row has 1 to 32767 bytes, a value at most 10 MiB';
    rounds.failures.set(i, new CounterError('STORE_REFUSED', 'give-up', { detail }));
  }
  return puts;
}

type Groups = Map<Region, number[]>;

function addTo(groups: Groups, region: Region, i: number): void {
  const puts = groups.get(region);
  if (puts === undefined) groups.set(region, [i]);
  else puts.push(i);
}

/** Without asking anybody. */
async function sortKnown(
  room: Multi,
  { table, batch }: PutOptions,
  puts: readonly number[],
): Promise<{ readonly known: Groups; readonly unknown: readonly number[] }> {
  const known: Groups = new Map();
  const unknown: number[] = [];
  let last: { readonly region: Region; readonly puts: number[] } | null = null;
  let slice = 0;
  for (const i of puts) {
    if (++slice % hbaseGroupSlicePuts === 0) await nextTurn();
    const start = batch.starts[i] ?? 0;
    const end = start + (batch.rowLengths[i] ?? 0);
    if (last === null || !holds(last.region, batch.bytes, start, end)) {
      const region = room.locator.known(table, batch.bytes, start, end);
      if (region === null) {
        unknown.push(i);
        continue;
      }
      const ofRegion = known.get(region) ?? [];
      known.set(region, ofRegion);
      last = { region, puts: ofRegion };
    }
    last.puts.push(i);
  }
  return { known, unknown };
}

async function lookUpAll(
  room: Multi,
  options: PutOptions,
  puts: readonly number[],
): Promise<{ readonly found: Groups; readonly lost: ReadonlyMap<number, CounterError> }> {
  const { table, batch } = options;
  const found: Groups = new Map();
  const lost = new Map<number, CounterError>();
  const search: Search = { failuresLeft: hbaseLookupFailuresMax, lastFailure: null };
  let slice = 0;
  for (const i of puts) {
    if (++slice % hbaseGroupSlicePuts === 0) await nextTurn();
    const start = batch.starts[i] ?? 0;
    const end = start + (batch.rowLengths[i] ?? 0);
    const known = room.locator.known(table, batch.bytes, start, end);
    const region = known ?? (await lookUp(room, options, search, { start, end }));
    if (region instanceof CounterError) lost.set(i, region);
    else addTo(found, region, i);
  }
  return { found, lost };
}

/** A region that is nowhere must not cost a question for each of its puts. */
interface Search {
  failuresLeft: number;
  lastFailure: CounterError | null;
}

async function lookUp(
  room: Multi,
  { table, batch, deadline }: PutOptions,
  search: Search,
  row: { readonly start: number; readonly end: number },
): Promise<Region | CounterError> {
  const nowhere = room.locator.nowhere(table, batch.bytes, row.start, row.end);
  if (nowhere !== null) return nowhere;
  if (search.failuresLeft === 0) return search.lastFailure ?? timeoutFailure('no region was found');
  try {
    const bytes = Buffer.from(batch.bytes.subarray(row.start, row.end));
    return await room.locator.locate(table, bytes, deadline);
  } catch (error) {
    const failure = toCounterError(error);
    search.lastFailure = failure;
    // Only of a region on its way it is worth asking for others; else meta itself is away.
    search.failuresLeft = failure.code === 'STORE_NOT_READY' ? search.failuresLeft - 1 : 0;
    return failure;
  }
}
