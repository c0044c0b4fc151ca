// Puts a batch: sorts it to regions, sends it as Multi calls of bounded size, and sends again
// what failed and may succeed. Promises an outcome for every put by itself, within the deadline.
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
import { interrupted, timeoutFailure, waitMs } from './deadline.ts';
import { endsTheCall, toCounterError } from './failures.ts';
import { groupsByServer } from './multi-chunks.ts';
import { sendToServer } from './multi-lanes.ts';
import type { Multi, PutOptions, Rounds } from './multi-lanes.ts';
import { holds } from './regions.ts';
import type { Region } from './regions.ts';

export async function putBatch(room: Multi, options: PutOptions): Promise<PutOutcome> {
  const { batch, deadline } = options;
  const rounds: Rounds = {
    waiting: numbersBelow(batch.count),
    confirmed: new Uint8Array(batch.count),
    failures: new Map(),
    bounds: { puts: hbaseMultiPutsMax },
    refusals: 0,
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
    // What a server or a region has too much to do for is held back by its pace, not here.
    if (!(await deadline.wait(waitMs(attempt)))) {
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

async function oneRound(room: Multi, options: PutOptions, rounds: Rounds): Promise<void> {
  const groups = await groupByRegion(room, options, rounds);
  await Promise.all(
    [...groupsByServer(groups).values()].map(
      async (ofServer) => await sendToServer(room, options, rounds, ofServer),
    ),
  );
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
      if (region instanceof CounterError) {
        rounds.failures.set(i, region);
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
