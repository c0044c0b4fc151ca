// Sends puts that are sorted by region to one server: as Multi calls of bounded size, two at a
// time, and what the server refused as a whole in smaller parts. Promises that each put of a chunk
// is confirmed or has a failure, and that refusals cost a bounded number of calls.
import { CounterError } from '../model/errors.ts';
import type { PutBatch } from '../model/rows.ts';
import { nextTurn } from '../model/slice.ts';
import { hbaseMultiPerServerMax, hbaseRefusalsInARowMax, hbaseRefusalsMax } from '../limits.ts';
import type { Connections } from './connections.ts';
import type { Deadline } from './deadline.ts';
import { toCounterError } from './failures.ts';
import type { Locator } from './locator.ts';
import { chunksOf, countOf, halvesOf } from './multi-chunks.ts';
import type { Chunk, ChunkBounds, RegionGroup } from './multi-chunks.ts';
import { encodeMulti, readMultiReply } from './multi-codec.ts';
import type { Durability, RegionAnswer } from './multi-codec.ts';
import type { HBaseObserver } from './observer.ts';
import type { Turn } from './pace.ts';
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

/** What became of the puts of a batch, by their indices, and why the last try failed. */
export interface Rounds {
  readonly confirmed: Uint8Array;
  readonly failures: Map<number, CounterError>;
  readonly bounds: ChunkBounds;
  /** Calls that were refused as a whole. */
  refusals: number;
}

/** Chunks of one server, taken by its lanes in turn. */
interface ServerQueue {
  readonly chunks: Generator<Chunk, undefined>;
  /** Parts of a chunk that was refused as a whole. */
  cut: Chunk[];
  /** The server is away or has too much to do: what is left is not tried in this round. */
  away: CounterError | null;
  refusedInARow: number;
  /** So many refusals in a row are taken for poisoned puts; more, for a server that takes none. */
  patience: number;
}

export async function sendToServer(
  room: Multi,
  options: PutOptions,
  rounds: Rounds,
  groups: readonly RegionGroup[],
): Promise<void> {
  const queue: ServerQueue = {
    chunks: chunksOf(options, groups, rounds.bounds),
    cut: [],
    away: null,
    refusedInARow: 0,
    patience: hbaseRefusalsInARowMax,
  };
  const put = { room, options, rounds, queue };
  await Promise.all(Array.from({ length: hbaseMultiPerServerMax }, async () => await lane(put)));
}

interface Put {
  readonly room: Multi;
  readonly options: PutOptions;
  readonly rounds: Rounds;
  readonly queue: ServerQueue;
}

/** Takes the next chunk when the one before is answered, and reuses its buffer. */
async function lane(put: Put): Promise<void> {
  const { queue, options } = put;
  let spare: Buffer | null = null;
  for (;;) {
    await nextTurn();
    const chunk: Chunk | undefined = queue.cut.pop() ?? queue.chunks.next().value;
    if (chunk === undefined || options.deadline.over() !== null) return;
    if (queue.away === null) spare = await sendChunk(put, chunk, spare);
    else failAll(put, chunk, queue.away);
  }
}

/** Answers the buffer that may be written to again, if there is one. */
async function sendChunk(put: Put, whole: Chunk, spare: Buffer | null): Promise<Buffer | null> {
  const { room, options } = put;
  const turns = new Map<Region, Turn>();
  const chunk = withoutBusyRegions(put, whole, turns);
  const leaveAll = (failure: CounterError): void => {
    for (const [region, turn] of turns)
      room.connections.paces.leaveRegion(region.name, turn, failure);
  };
  if (chunk.parts.length === 0) return spare;
  const { family, durability, batch } = options;
  const { body, cellBytes } = encodeMulti(batch, chunk.parts, { family, durability, spare });
  try {
    const answers = await call(put, chunk, { body, cellBytes });
    put.queue.refusedInARow = 0;
    put.queue.patience = hbaseRefusalsInARowMax;
    for (const answer of answers) take(put, answer, turns.get(answer.part.region));
  } catch (error) {
    const failure = toCounterError(error);
    leaveAll(failure);
    onWhole(put, chunk, failure);
    return null; // perhaps still on its way out of the socket
  }
  return spare !== null && spare.length >= body.length ? spare : body;
}

async function call(
  { room, options }: Put,
  chunk: Chunk,
  { body, cellBytes }: { readonly body: Buffer; readonly cellBytes: number },
): Promise<readonly RegionAnswer[]> {
  const { deadline } = options;
  let overload: CounterError | null = null;
  const request = {
    method: 'Multi',
    body,
    cellBytes,
    timeoutMs: room.rpcTimeoutMs,
    deadline,
    signal: deadline.signal,
    // Puts for other servers must not stand behind it.
    patient: false,
    overload: () => overload,
  };
  return await room.connections.ask(chunk.server, 'ClientService', request, (reply) => {
    const answers = readMultiReply(reply, chunk.parts);
    overload = answers.find(({ whole }) => whole?.code === 'STORE_BUSY')?.whole ?? null;
    return answers;
  });
}

/** Puts of overloaded regions fail as those before them did, until one may try again. */
function withoutBusyRegions(put: Put, chunk: Chunk, turns: Map<Region, Turn>): Chunk {
  const { paces } = put.room.connections;
  const parts = chunk.parts.filter(({ region, puts }) => {
    const turn = paces.tryRegion(region.name);
    if (turn instanceof CounterError) {
      for (const i of puts) put.rounds.failures.set(i, turn);
      return false;
    }
    if (turn !== undefined) turns.set(region, turn);
    return true;
  });
  return parts.length === chunk.parts.length ? chunk : { ...chunk, parts };
}

/** What one region answered. */
function take(put: Put, { part, whole, failures }: RegionAnswer, turn: Turn | undefined): void {
  const { room, options, rounds } = put;
  const { region, puts } = part;
  let busy: CounterError | null = null;
  for (const i of puts) {
    const failure = whole ?? failures.get(i);
    if (failure === undefined) {
      rounds.confirmed[i] = 1;
      if (rounds.failures.size > 0) rounds.failures.delete(i);
    } else {
      rounds.failures.set(i, failure);
      if (failure.remedy === 'throttle') busy = failure;
      if (whole === null) room.locator.failed(options.table, region, failure);
    }
  }
  if (whole !== null) room.locator.failed(options.table, region, whole);
  room.connections.paces.leaveRegion(region.name, turn, whole ?? busy);
}

/** The call failed as a whole: with all its puts, or because of some of them. */
function onWhole(put: Put, chunk: Chunk, failure: CounterError): void {
  const { rounds, queue } = put;
  const halves = cutCodes.has(failure.code) ? halvesOf(chunk) : null;
  if (failure.code === 'STORE_BATCH_TOO_LARGE') {
    rounds.bounds.puts = Math.max(1, Math.min(rounds.bounds.puts, countOf(chunk) >>> 1));
  } else if (failure.code === 'STORE_REFUSED') {
    rounds.refusals++;
    queue.refusedInARow++;
    if (queue.refusedInARow > queue.patience || rounds.refusals > hbaseRefusalsMax) {
      giveUpCutting(put, chunk, failure);
      return;
    }
  }
  if (halves === null) failAll(put, chunk, failure);
  else queue.cut.push(...halves);
  if (awayCodes.has(failure.code)) queue.away = failure;
}

/**
 * The server refuses whatever it is given, it seems. What is left of this chunk is not proven to
 * be refused for good: it may be put again later. The next chunk gets less patience.
 */
function giveUpCutting(put: Put, chunk: Chunk, cause: CounterError): void {
  const { queue } = put;
  const detail = `too many calls were refused as a whole: ${cause.message}`;
  const alone = countOf(chunk) === 1;
  const failure = new CounterError('STORE_BATCH_REFUSED', 'retry', { detail, cause });
  failAll(put, chunk, alone ? cause : failure);
  for (const rest of queue.cut) failAll(put, rest, failure);
  queue.cut = [];
  queue.refusedInARow = 0;
  queue.patience >>>= 1;
}

/** One put that a server refuses takes its whole call with it; others refuse what is too much. */
const cutCodes: ReadonlySet<string> = new Set(['STORE_REFUSED', 'STORE_BATCH_TOO_LARGE']);

/** Each further chunk would wait as long for nothing. */
const awayCodes: ReadonlySet<string> = new Set([
  'STORE_UNREACHABLE',
  'STORE_CONNECTION_LOST',
  'STORE_SERVER_STOPPING',
  'STORE_TIMEOUT',
  'STORE_BUSY',
]);

function failAll({ room, options, rounds }: Put, chunk: Chunk, failure: CounterError): void {
  for (const { region, puts } of chunk.parts) {
    room.locator.failed(options.table, region, failure);
    for (const i of puts) {
      if (rounds.confirmed[i] !== 1) rounds.failures.set(i, failure);
    }
  }
}
