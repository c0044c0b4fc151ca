// Puts a batch: sorts it to regions, sends it as Multi calls of bounded size, and sends again
// what failed and may succeed. Promises an outcome for every put by itself, within the deadline.
// Repeating a put is harmless by design (absolute values, explicit versions); nothing else is sent.
import { CounterError } from '../model/errors.ts';
import type { PutBatch, PutOutcome } from '../model/rows.ts';
import {
  hbaseGroupSlicePuts,
  hbaseLookupFailuresMax,
  hbaseMultiPerServerMax,
  hbaseRowBytesMax,
  hbaseValueBytesMax,
} from '../limits.ts';
import type { Connections } from './connections.ts';
import { abortedFailure, Deadline, timeoutFailure, waitMs } from './deadline.ts';
import { endsTheCall, toCounterError } from './failures.ts';
import { addressText } from './host-map.ts';
import type { Locator } from './locator.ts';
import { chunksOf, halvesOf } from './multi-chunks.ts';
import type { Chunk } from './multi-chunks.ts';
import { encodeMulti, readMultiReply } from './multi-codec.ts';
import type { Durability } from './multi-codec.ts';
import type { HBaseObserver } from './observer.ts';
import { holds } from './regions.ts';
import type { Region } from './regions.ts';

export interface PutOptions {
  readonly table: string;
  readonly family: Buffer;
  readonly batch: PutBatch;
  readonly durability: Durability;
  readonly deadline: Deadline;
}

export interface Multi {
  readonly connections: Connections;
  readonly locator: Locator;
  readonly observer: HBaseObserver;
  readonly rpcTimeoutMs: number;
}

/** Puts whose outcome is not known yet, as indices, and why the last try failed. */
interface Rounds {
  waiting: Int32Array;
  readonly confirmed: Uint8Array;
  readonly failures: Map<number, CounterError>;
}

export async function putBatch(room: Multi, options: PutOptions): Promise<PutOutcome> {
  const { batch, deadline } = options;
  const rounds: Rounds = {
    waiting: new Int32Array(batch.count).map((_, i) => i),
    confirmed: new Uint8Array(batch.count),
    failures: new Map(),
  };
  setAsideImpossible(batch, rounds);
  for (let attempt = 0; rounds.waiting.length > 0; attempt++) {
    const over = deadline.over();
    if (over !== null) return outcomeOf(rounds, over);
    await oneRound(room, options, rounds);
    const waiting = rounds.waiting.filter((i) => mayTryAgain(rounds, i));
    rounds.waiting = rotated(waiting);
    if (waiting.length === 0) break;
    const worst = waiting.some((i) => rounds.failures.get(i)?.remedy === 'throttle');
    const ms = waitMs(worst ? 'throttle' : 'retry', attempt);
    if (!(await deadline.wait(ms))) {
      return outcomeOf(rounds, deadline.signal?.aborted === true ? abortedFailure() : null);
    }
    room.observer.retry('Multi');
  }
  return outcomeOf(rounds, null);
}

/** Begins elsewhere each time, so that no region stands behind another that cannot be found. */
function rotated(puts: Int32Array): Int32Array {
  const at = Math.floor(Math.random() * puts.length);
  const turned = new Int32Array(puts.length);
  turned.set(puts.subarray(at));
  turned.set(puts.subarray(0, at), puts.length - at);
  return turned;
}

function mayTryAgain(rounds: Rounds, i: number): boolean {
  if (rounds.confirmed[i] === 1) return false;
  const failure = rounds.failures.get(i);
  if (failure === undefined) return true;
  return failure.remedy !== 'give-up' && !endsTheCall.has(failure.code);
}

function outcomeOf(rounds: Rounds, why: CounterError | null): PutOutcome {
  let confirmedCount = 0;
  for (let i = 0; i < rounds.confirmed.length; i++) {
    if (rounds.confirmed[i] === 1) {
      confirmedCount++;
      rounds.failures.delete(i);
    } else if (!rounds.failures.has(i)) {
      rounds.failures.set(i, why ?? timeoutFailure('the put was not answered in time'));
    }
  }
  return { confirmed: rounds.confirmed, confirmedCount, failures: rounds.failures };
}

/** What HBase would refuse, and the rest of its Multi with it, is not sent at all. */
function setAsideImpossible(batch: PutBatch, rounds: Rounds): void {
  for (let i = 0; i < batch.count; i++) {
    const row = batch.rowLengths[i] ?? 0;
    if (row > 0 && row <= hbaseRowBytesMax && (batch.valueLengths[i] ?? 0) <= hbaseValueBytesMax) {
      continue;
    }
    const detail = 'a row has 1 to 32767 bytes, a value at most 10 MiB';
    rounds.failures.set(i, new CounterError('STORE_REFUSED', 'give-up', { detail }));
  }
  if (rounds.failures.size > 0) {
    rounds.waiting = rounds.waiting.filter((i) => !rounds.failures.has(i));
  }
}

async function oneRound(room: Multi, options: PutOptions, rounds: Rounds): Promise<void> {
  const groups = await groupByRegion(room, options, rounds);
  const byServer = new Map<string, Chunk[]>();
  for (const chunk of chunksOf(options, groups)) {
    const key = addressText(chunk.server);
    const queue = byServer.get(key);
    if (queue === undefined) byServer.set(key, [chunk]);
    else queue.push(chunk);
  }
  const lanes: Promise<void>[] = [];
  for (const queue of byServer.values()) {
    for (let lane = 0; lane < Math.min(hbaseMultiPerServerMax, queue.length); lane++) {
      lanes.push(sendAll(room, options, rounds, queue));
    }
  }
  await Promise.all(lanes);
}

async function groupByRegion(
  room: Multi,
  options: PutOptions,
  rounds: Rounds,
): Promise<ReadonlyMap<Region, number[]>> {
  const { batch } = options;
  const groups = new Map<Region, number[]>();
  const search: Search = { failuresLeft: hbaseLookupFailuresMax, lastFailure: null };
  let last: { readonly region: Region; readonly puts: number[] } | null = null;
  let slice = 0;
  for (const i of rounds.waiting) {
    if (++slice % hbaseGroupSlicePuts === 0) await nextTurn();
    const start = batch.starts[i] ?? 0;
    const end = start + (batch.rowLengths[i] ?? 0);
    if (last === null || !holds(last.region, batch.bytes, start, end)) {
      const known = room.locator.known(options.table, batch.bytes, start, end);
      const region = known ?? (await lookUp(room, options, search, { start, end }));
      if (region === null) {
        rounds.failures.set(i, search.lastFailure ?? timeoutFailure('no region was found'));
        continue;
      }
      const puts = groups.get(region) ?? [];
      groups.set(region, puts);
      last = { region, puts };
    }
    last.puts.push(i);
  }
  return groups;
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
): Promise<Region | null> {
  if (search.failuresLeft === 0) return null;
  try {
    const bytes = Buffer.from(batch.bytes.subarray(row.start, row.end));
    return await room.locator.locate(table, bytes, deadline);
  } catch (error) {
    const failure = toCounterError(error);
    search.lastFailure = failure;
    // Only of a region on its way it is worth asking for others; else meta itself is away.
    search.failuresLeft = failure.code === 'STORE_NOT_READY' ? search.failuresLeft - 1 : 0;
    return null;
  }
}

/** One lane: takes the next chunk when the one before is answered, and reuses its buffer. */
async function sendAll(
  room: Multi,
  options: PutOptions,
  rounds: Rounds,
  queue: Chunk[],
): Promise<void> {
  let spare: Buffer | null = null;
  for (let chunk = queue.shift(); chunk !== undefined; chunk = queue.shift()) {
    const leftMs = options.deadline.leftMs();
    if (leftMs <= 0) return;
    const { family, durability, batch, deadline } = options;
    const { body, cellBytes } = encodeMulti(batch, chunk.parts, { family, durability, spare });
    const owner: Buffer = spare !== null && spare.length >= body.length ? spare : body;
    spare = null;
    try {
      const reply = await room.connections.call(chunk.server, 'ClientService', {
        method: 'Multi',
        body,
        cellBytes,
        timeoutMs: Math.min(room.rpcTimeoutMs, leftMs),
        signal: deadline.signal,
      });
      spare = owner; // answered, so the socket has let go of it
      readMultiReply(reply, chunk.parts, {
        done: (i) => {
          rounds.confirmed[i] = 1;
        },
        failed: (i, failure, region) => {
          rounds.failures.set(i, failure);
          if (failure.remedy === 'relocate') room.locator.forget(options.table, region);
        },
      });
    } catch (error) {
      const failure = toCounterError(error);
      // One put that a server refuses takes its whole call with it: cut until it is alone.
      const halves = failure.code === 'STORE_REFUSED' ? halvesOf(chunk) : null;
      if (halves === null) failAll(room, options, rounds, { chunk, failure });
      else queue.push(...halves);
    }
    await nextTurn();
  }
}

function failAll(
  room: Multi,
  options: PutOptions,
  rounds: Rounds,
  { chunk, failure }: { readonly chunk: Chunk; readonly failure: CounterError },
): void {
  for (const { region, puts } of chunk.parts) {
    if (failure.remedy === 'relocate') room.locator.forget(options.table, region);
    for (const i of puts) {
      if (rounds.confirmed[i] !== 1) rounds.failures.set(i, failure);
    }
  }
}

async function nextTurn(): Promise<void> {
  await new Promise<void>((resolve) => {
    setImmediate(resolve);
  });
}
