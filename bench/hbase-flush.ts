// How fast 100,000 dirty cells reach a real HBase, and what that costs the client: our adapter and
// hbase-rpc-client's mput take turns on the same rows, so only the ratios of one run are claims.
// usage: npm run bench:hbase-flush -- [cells] [rounds]
import { rmSync } from 'node:fs';
import path from 'node:path';
import hbase from 'hbase-rpc-client';
import { silentObserver } from '../src/hbase/observer.ts';
import { PutBatch } from '../src/model/rows.ts';
import { HBaseRowStore } from '../src/store/hbase/hbase-row-store.ts';
import { liveQualifierBytes, writeCountsRow, writeLiveQualifier } from '../src/store/key-layout.ts';
import { hbaseRoot, startHBase } from '../test/hbase/server/standalone.ts';

const cellCount = Number(process.argv[2] ?? 100_000);
const roundCount = Number(process.argv[3] ?? 7);
const warmRounds = 2;
const batchPuts = 5_000;
const salts = 16;
const inTime = { timeoutMs: 120_000 };
const bars = { putsPerSecond: 3, cpu: 20 };

interface Figures {
  readonly seconds: number;
  readonly cpuSeconds: number;
}

interface Cell {
  readonly row: Buffer;
  readonly qualifier: Buffer;
  readonly value: Buffer;
}

const folder = path.join(hbaseRoot, 'bench');
const server = await startHBase({ folder, fresh: true, heapMiB: 2_048 });
const open = (tablePrefix: string): HBaseRowStore =>
  new HBaseRowStore({
    zookeeper: server.zookeeper,
    znode: '/hbase',
    hostMap: new Map(),
    user: 'adcounter',
    durability: 'sync_wal',
    rpcTimeoutMs: 30_000,
    observer: silentObserver,
    tablePrefix,
    salts,
    retentionDays: 400,
  });
const ours = open('ours_');
const theirTables = open('theirs_');
await ours.createTables(inTime);
await theirTables.createTables(inTime);
const theirs = hbase({
  zookeeperHosts: [server.zookeeper],
  zookeeperRoot: '/hbase',
  callTimeout: 120_000,
});
theirs.on('error', (error) => {
  throw error;
});

const cells = makeCells();
const rounds: { ours: Figures; theirs: Figures }[] = [];
for (let round = 0; round < warmRounds + roundCount; round++) {
  const version = Date.now() + round;
  const oursFirst = round % 2 === 0;
  const first = await measured(() => (oursFirst ? putOurs(version) : putTheirs(version)));
  const second = await measured(() => (oursFirst ? putTheirs(version) : putOurs(version)));
  const pair = oursFirst ? { ours: first, theirs: second } : { ours: second, theirs: first };
  if (round >= warmRounds) rounds.push(pair);
  say(round < warmRounds ? 'warm' : `${round - warmRounds + 1}`, pair);
}
report();

await ours.close();
await theirTables.close();
theirs.zk.close();
for (const connection of Object.values(theirs.servers)) connection.socket.destroy();
await server.kill9();
rmSync(folder, { recursive: true });

function makeCells(): readonly Cell[] {
  const day = Math.floor(Date.now() / 86_400_000);
  return Array.from({ length: cellCount }, (_, i) => {
    const bytes = Buffer.alloc(300);
    const ad = `ad-${String(Math.floor(i / 20)).padStart(8, '0')}`;
    const site = `site-${String(i % 5_000).padStart(6, '0')}.example`;
    const end = writeCountsRow(bytes, { ad: ad as never, site: site as never, day, salts }, 0);
    const qualifier = Buffer.alloc(liveQualifierBytes);
    const writer = '0123456789abcdef' as never;
    writeLiveQualifier(qualifier, { eventQuarter: day * 96, lag: 0, writer }, 0);
    return { row: bytes.subarray(0, end), qualifier, value: Buffer.from([1, 0x80 | (i & 63), 3]) };
  });
}

async function putOurs(version: number): Promise<void> {
  const batch = new PutBatch(cellCount);
  for (const { row, qualifier, value } of cells) {
    const start = batch.reserve(300);
    const rowEnd = start + row.copy(batch.bytes, start);
    const qualifierEnd = rowEnd + qualifier.copy(batch.bytes, rowEnd);
    batch.commit(
      rowEnd,
      qualifierEnd,
      qualifierEnd + value.copy(batch.bytes, qualifierEnd),
      version,
    );
  }
  const { confirmedCount, failures } = await ours.put('counts', batch, inTime);
  for (const failure of failures.values()) throw failure;
  if (confirmedCount !== cellCount) throw new Error('not all cells were confirmed');
}

async function putTheirs(version: number): Promise<void> {
  for (let from = 0; from < cellCount; from += batchPuts) {
    const puts = cells.slice(from, from + batchPuts).map(({ row, qualifier, value }) => {
      const put = new hbase.Put(row, version);
      put.add('c', qualifier, value);
      return put;
    });
    await new Promise<void>((resolve, reject) => {
      theirs.mput('theirs_counts', puts, (error, results) => {
        if (error === null || error === undefined) {
          if (results.length === puts.length) resolve();
          else reject(new Error(`${results.length} results for ${puts.length} puts`));
        } else {
          reject(new Error('mput failed', { cause: error }));
        }
      });
    });
  }
}

async function measured(work: () => Promise<void>): Promise<Figures> {
  const cpu = process.cpuUsage();
  const startMs = performance.now();
  await work();
  const seconds = (performance.now() - startMs) / 1_000;
  const { user, system } = process.cpuUsage(cpu);
  return { seconds, cpuSeconds: (user + system) / 1e6 };
}

function say(round: string, pair: { readonly ours: Figures; readonly theirs: Figures }): void {
  const text = ({ seconds, cpuSeconds }: Figures): string => {
    const perSecond = Math.round(cellCount / seconds).toLocaleString('en');
    return `${perSecond.padStart(8)} Puts/s ${((cpuSeconds / cellCount) * 1e6).toFixed(2)} µs CPU/put`;
  };
  process.stdout.write(`${round.padEnd(5)} ours ${text(pair.ours)} · mput ${text(pair.theirs)}\n`);
}

function report(): void {
  const speed = rounds.map((round) => round.theirs.seconds / round.ours.seconds);
  const cpu = rounds.map((round) => round.theirs.cpuSeconds / round.ours.cpuSeconds);
  say('med.', {
    ours: medians(rounds.map((round) => round.ours)),
    theirs: medians(rounds.map((round) => round.theirs)),
  });
  process.stdout.write(`${cellCount} cells, ${rounds.length} rounds, median of ratios\n`);
  process.stdout.write(`Puts/s, ours ÷ mput: ${ratios(speed)}, bar ≥ ${bars.putsPerSecond}\n`);
  process.stdout.write(`client CPU, mput ÷ ours: ${ratios(cpu)}, bar ≥ ${bars.cpu}\n`);
}

function ratios(values: readonly number[]): string {
  const [least, most] = [Math.min(...values), Math.max(...values)];
  return `${median(values).toFixed(1)} (${least.toFixed(1)}-${most.toFixed(1)})`;
}

function medians(figures: readonly Figures[]): Figures {
  return {
    seconds: median(figures.map((figure) => figure.seconds)),
    cpuSeconds: median(figures.map((figure) => figure.cpuSeconds)),
  };
}

function median(values: readonly number[]): number {
  const sorted = values.toSorted((a, b) => a - b);
  return sorted[Math.floor(sorted.length / 2)] ?? Number.NaN;
}
