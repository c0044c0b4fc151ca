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
import { interrupted, timeoutFailure, waitMs } from './deadline.ts';
import type { Deadline } from './deadline.ts';
import { endsTheCall, toCounterError } from './failures.ts';
import type { Locator } from './locator.ts';
import { chunksOf, groupsByServer, halvesOf } from './multi-chunks.ts';
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
    waiting: numbersBelow(batch.count),
    confirmed: new Uint8Array(batch.count),
    failures: new Map(),
  };
  setAsideImpossible(batch, rounds);
  for (let attempt = 0; rounds.waiting.length > 0; attempt++) {
    const over = deadline.over();
    if (over !== null) return outcomeOf(rounds, over);
    await oneRound(room, options, rounds);
    const waiting = Int32Array.from(
      [...rounds.failures.keys()].filter((i) => mayTryAgain(rounds, i)),
    );
    rounds.waiting = rotated(waiting);
    if (waiting.length === 0) break;
    const worst = waiting.some((i) => rounds.failures.get(i)?.remedy === 'throttle');
    const ms = waitMs(worst ? 'throttle' : 'retry', attempt);
    if (!(await deadline.wait(ms))) {
      return outcomeOf(rounds, interrupted(deadline));
    }
    room.observer.retry('Multi');
  }
  return outcomeOf(rounds, deadline.over());
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
  const failure = rounds.failures.get(i);
  return failure !== undefined && failure.remedy !== 'give-up' && !endsTheCall.has(failure.code);
}

function numbersBelow(count: number): Int32Array {
  const numbers = new Int32Array(count);
  for (let i = 0; i < count; i++) numbers[i] = i;
  return numbers;
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

/** Chunks of one server, taken by its lanes in turn. */
interface ServerQueue {
  readonly chunks: Generator<Chunk, undefined>;
  /** Parts of a chunk that was refused as a whole. */
  readonly cut: Chunk[];
  /** The server is away: what is left is not tried in this round. */
  away: CounterError | null;
}

async function oneRound(room: Multi, options: PutOptions, rounds: Rounds): Promise<void> {
  const groups = await groupByRegion(room, options, rounds);
  const lanes: Promise<void>[] = [];
  for (const ofServer of groupsByServer(groups).values()) {
    const queue: ServerQueue = { chunks: chunksOf(options, ofServer), cut: [], away: null };
    for (let lane = 0; lane < hbaseMultiPerServerMax; lane++) {
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
  queue: ServerQueue,
): Promise<void> {
  let spare: Buffer | null = null;
  for (;;) {
    const chunk: Chunk | undefined = queue.cut.pop() ?? queue.chunks.next().value;
    const over = options.deadline.over();
    if (chunk === undefined || over !== null) return;
    if (queue.away === null) {
      spare = await sendChunk(room, options, rounds, { queue, chunk, spare });
    } else {
      failAll(room, options, rounds, { chunk, failure: queue.away });
    }
    await nextTurn();
  }
}

/** Answers the buffer that may be written to again, if there is one. */
async function sendChunk(
  room: Multi,
  options: PutOptions,
  rounds: Rounds,
  at: { readonly queue: ServerQueue; readonly chunk: Chunk; readonly spare: Buffer | null },
): Promise<Buffer | null> {
  const { queue, chunk, spare } = at;
  const { family, durability, batch, deadline, table } = options;
  const { body, cellBytes } = encodeMulti(batch, chunk.parts, { family, durability, spare });
  try {
    const reply = await room.connections.call(chunk.server, 'ClientService', {
      method: 'Multi',
      body,
      cellBytes,
      timeoutMs: Math.min(room.rpcTimeoutMs, deadline.leftMs()),
      signal: deadline.signal,
    });
    readMultiReply(reply, chunk.parts, {
      done: (i) => {
        rounds.confirmed[i] = 1;
        if (rounds.failures.size > 0) rounds.failures.delete(i);
      },
      failed: (i, failure, region) => {
        rounds.failures.set(i, failure);
        if (failure.remedy === 'relocate') room.locator.forget(table, region);
      },
    });
  } catch (error) {
    const failure = toCounterError(error);
    const halves = cutCodes.has(failure.code) ? halvesOf(chunk) : null;
    if (halves === null) failAll(room, options, rounds, { chunk, failure });
    else queue.cut.push(...halves);
    if (awayCodes.has(failure.code)) queue.away = failure;
    return null; // perhaps still on its way out of the socket
  }
  return spare !== null && spare.length >= body.length ? spare : body;
}

/** One put that a server refuses takes its whole call with it; others refuse what is too much. */
const cutCodes: ReadonlySet<string> = new Set(['STORE_REFUSED', 'STORE_BATCH_TOO_LARGE']);

/** Each further chunk would wait as long for nothing. */
const awayCodes: ReadonlySet<string> = new Set([
  'STORE_UNREACHABLE',
  'STORE_CONNECTION_LOST',
  'STORE_SERVER_STOPPING',
  'STORE_TIMEOUT',
]);

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
