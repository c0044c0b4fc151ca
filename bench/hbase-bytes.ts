// What the bytes alone cost, without a server: a flush encoded, and scan replies decoded and
// summed, by our codec and by the package's, from the same cells. Both know the region of each
// cell; ours has the cells in a batch, as a flush has, and once more fills that batch before.
import { chunksOf } from '../src/hbase/multi-chunks.ts';
import { encodeMulti } from '../src/hbase/multi-codec.ts';
import {
  cellBytesOf,
  checkResults,
  decodeScanResponse,
  visitResults,
  writeCell,
} from '../src/hbase/cell-block.ts';
import type { Reply } from '../src/hbase/connection.ts';
import { messages } from '../src/hbase/messages.ts';
import type { Region } from '../src/hbase/regions.ts';
import type { CellCursor } from '../src/model/rows.ts';
import { countIn, family, inOrder, newBatch, salts } from './hbase-cells.ts';
import type { BenchCell } from './hbase-cells.ts';
import { measured } from './hbase-figures.ts';
import type { Rounds } from './hbase-figures.ts';
import { PackageBytes } from './hbase-package.ts';
import type { ScanSum } from './hbase-package.ts';

const warmRounds = 2;
/** Ours takes so little time that one pass would measure what runs beside it. */
const ourPasses = 5;
const version = Date.now();
const server = { host: 'localhost', port: 16_020 };
const rowsPerReply = 100;

export async function measureBytes(options: {
  readonly puts: readonly BenchCell[];
  readonly scanned: readonly BenchCell[];
  readonly rounds: number;
}): Promise<Rounds> {
  const { puts, scanned } = options;
  const library = new PackageBytes();
  const regions = Array.from({ length: salts }, (_, salt) => regionOf(salt));
  const indices = groupsOf(puts, regions);
  const batches = packageBatches(puts, regions);
  const filled = newBatch(puts, version);
  const replies = repliesOf(scanned);
  const ours = replies.map(ourReply);
  const theirs = replies.map((rows) => library.scanReply(rows, version));
  if (JSON.stringify(sumOurs(ours)) !== JSON.stringify(sumTheirs(library, theirs))) {
    throw new Error('the two codecs read different sums');
  }
  const turns: Readonly<Record<string, () => number>> = {
    'ours encode': () => passes(() => encodeOurs(filled, indices)),
    'ours fill and encode': () => passes(() => encodeOurs(newBatch(puts, version), indices)),
    'package encode': () => {
      for (const batch of batches) library.encode(batch, version);
      return puts.length;
    },
    'ours decode': () => passes(() => sumOurs(ours).cells),
    'package decode': () => sumTheirs(library, theirs).cells,
  };
  const rounds: Rounds = {};
  for (let round = 0; round < warmRounds + options.rounds; round++) {
    for (const [name, turn] of Object.entries(turns)) {
      const figures = await measured(turn);
      if (round >= warmRounds) (rounds[name] ??= []).push(figures);
    }
  }
  return rounds;
}

function passes(work: () => number): number {
  let count = 0;
  for (let pass = 0; pass < ourPasses; pass++) count += work();
  return count;
}

function encodeOurs(
  batch: ReturnType<typeof newBatch>,
  groups: readonly (readonly [Region, readonly number[]])[],
): number {
  let spare: Buffer | null = null;
  let count = 0;
  for (const { parts } of chunksOf({ batch, family }, groups)) {
    const { body } = encodeMulti(batch, parts, { family, durability: 'sync_wal', spare });
    if (spare === null || body.length > spare.length) spare = body;
    for (const { puts } of parts) count += puts.length;
  }
  return count;
}

function sumOurs(replies: readonly Reply[]): ScanSum {
  let cells = 0;
  let sum = 0;
  for (const reply of replies) {
    const response = decodeScanResponse(reply);
    checkResults(reply, response);
    const add = ({ bytes, valueStart }: CellCursor): void => {
      sum += countIn(bytes, valueStart);
    };
    cells += visitResults(reply, add, response).cells;
  }
  return { cells, sum };
}

function sumTheirs(library: PackageBytes, replies: readonly Buffer[]): ScanSum {
  const sums = replies.map((reply) => library.decode(reply));
  return {
    cells: sums.reduce((all, { cells }) => all + cells, 0),
    sum: sums.reduce((all, { sum }) => all + sum, 0),
  };
}

function regionOf(salt: number): Region {
  return {
    name: Buffer.from(`counts,${String.fromCharCode(salt)},1700000000000.${'0'.repeat(32)}.`),
    startKey: salt === 0 ? Buffer.alloc(0) : Buffer.from([salt]),
    endKey: salt === salts - 1 ? Buffer.alloc(0) : Buffer.from([salt + 1]),
    server,
  };
}

function groupsOf(
  cells: readonly BenchCell[],
  regions: readonly Region[],
): readonly (readonly [Region, readonly number[]])[] {
  return regions.map((region, salt) => [
    region,
    cells.flatMap(({ row }, i) => (row[0] === salt ? [i] : [])),
  ]);
}

/** As mput of the bench has them: 5,000 cells as they come, by region. */
function packageBatches(
  cells: readonly BenchCell[],
  regions: readonly Region[],
): readonly ReadonlyMap<Buffer, readonly BenchCell[]>[] {
  return slicesOf(cells, 5_000).map(
    (slice) =>
      new Map(regions.map(({ name }, salt) => [name, slice.filter(({ row }) => row[0] === salt)])),
  );
}

/** Rows of a scan, by reply: as many as the package asks for at a time. */
function repliesOf(cells: readonly BenchCell[]): readonly (readonly BenchCell[][])[] {
  const rows: BenchCell[][] = [];
  for (const cell of inOrder(cells)) {
    const last = rows.at(-1);
    if (last?.[0]?.row.equals(cell.row) === true) last.push(cell);
    else rows.push([cell]);
  }
  return slicesOf(rows, rowsPerReply);
}

function ourReply(rows: readonly (readonly BenchCell[])[]): Reply {
  const batch = newBatch(rows.flat(), version);
  const message = messages.scanResponse.encode({
    cellsPerResult: rows.map((cells) => cells.length),
    moreResults: true,
    moreResultsInRegion: true,
  } as never);
  let length = message.length;
  for (let i = 0; i < batch.count; i++) length += cellBytesOf(batch, i, family);
  const bytes = Buffer.alloc(length);
  message.copy(bytes, 0);
  let at = message.length;
  for (let i = 0; i < batch.count; i++) at = writeCell(bytes, at, { batch, i, family });
  return { bytes, messageStart: 0, messageEnd: message.length, cellsStart: message.length };
}

function slicesOf<T>(all: readonly T[], size: number): readonly T[][] {
  return Array.from({ length: Math.ceil(all.length / size) }, (_, k) =>
    all.slice(k * size, (k + 1) * size),
  );
}
