// How long a flush of a million dirty cells holds the event loop: by the real path (counters,
// rounds, store, client) into a real HBase, while events go on being counted. A turn is all that
// the event loop does until somebody who waits gets his turn; the collector's work, and the time
// that other processes had the processor, are told apart. Exits 1 where it is beyond the bar.
// usage: npm run bench:flush-slices -- [cells] [rounds] [region servers]
import { rmSync } from 'node:fs';
import path from 'node:path';
import { performance } from 'node:perf_hooks';
import { Counters } from '../src/counters/counters.ts';
import { FlushRounds } from '../src/flush/rounds.ts';
import { cellBytesOf } from '../src/hbase/cell-block.ts';
import { silentObserver } from '../src/hbase/observer.ts';
import { hbaseMultiBytesMax, hbaseMultiPutsMax } from '../src/limits.ts';
import type { AdId, SiteId } from '../src/model/cell.ts';
import { quarterOf } from '../src/model/quarter.ts';
import type { WriterId } from '../src/model/writer-id.ts';
import { CounterStore } from '../src/store/counter-store.ts';
import { HBaseRowStore } from '../src/store/hbase/hbase-row-store.ts';
import { hbaseRoot, startHBase } from '../test/hbase/server/standalone.ts';
import { watchTurns } from './turn-watch.ts';
import type { TurnFigures } from './turn-watch.ts';

const cellCount = Number(process.argv[2] ?? 1_000_000);
const roundCount = Number(process.argv[3] ?? 3);
const regionServers = Number(process.argv[4] ?? 2);
const salts = 16;
const barMs = 10;
const frameCells = 5_000;
const inTime = { timeoutMs: 120_000 };
const family = Buffer.from('c');

const writerId = '00000000000000a0' as WriterId;
const acceptMs = Date.now();
const stamp = { acceptMs, acceptanceQuarter: quarterOf(acceptMs) };
const counters = new Counters(writerId);
let position = 0;

function count(first: number, cells: number): void {
  const events = Array.from({ length: cells }, (_, k) => {
    const i = (first + k) % cellCount;
    const ad = `ad-${String(Math.floor(i / 200)).padStart(6, '0')}` as AdId;
    const site = `site-${String(i % 200).padStart(4, '0')}.example` as SiteId;
    return { measure: 1, ad, site, n: 1, tsMs: undefined };
  });
  counters.apply(counters.form([events], stamp), ++position);
}

const folder = path.join(hbaseRoot, 'bench-slices');
const server = await startHBase({ folder, fresh: true, heapMiB: 2_048, regionServers });
let multis = 0;
const rows = new HBaseRowStore({
  zookeeper: server.zookeeper,
  znode: '/hbase',
  hostMap: new Map(),
  user: 'adcounter',
  durability: 'sync_wal',
  rpcTimeoutMs: 30_000,
  observer: {
    ...silentObserver,
    request: (op) => {
      if (op === 'Multi') multis++;
    },
  },
  tablePrefix: 'slices_',
  salts,
  retentionDays: 400,
});
await rows.createTables(inTime);
let puts = 0;
let blockBytes = 0;
const putRows = rows.put.bind(rows);
rows.put = (table, batch, options) => {
  puts += batch.count;
  for (let i = 0; i < batch.count; i += 1_000) {
    blockBytes += cellBytesOf(batch, i, family) * Math.min(1_000, batch.count - i);
  }
  return putRows(table, batch, options);
};
const store = await CounterStore.open(rows, { createIfMissing: true, salts }, inTime);
const rounds = new FlushRounds({
  store: () => store,
  writers: () => [
    {
      writer: writerId,
      counters,
      registered: true,
      boundary: () => ({ watermarkMs: acceptMs, position, isLast: false }),
      publish: () => Promise.resolve(),
      showLife: () => Promise.resolve(),
    },
  ],
  prepare: () => Promise.resolve(),
  metrics: {
    readBackFailed: () => undefined,
    flushDone: () => undefined,
    ledgerConfirmed: () => undefined,
  },
  log: { info: () => undefined, warn: () => undefined, error: () => undefined },
  wallMs: Date.now,
  monotonicMs: () => performance.now(),
  retentionDays: 400,
  onBroken: (error) => {
    throw error;
  },
});

const all: TurnFigures[] = [];
for (let round = 0; round <= roundCount; round++) {
  for (let i = 0; i < cellCount; i += frameCells) {
    count(i, Math.min(frameCells, cellCount - i));
    if (i % 100_000 === 0) await new Promise(setImmediate);
  }
  [multis, puts, blockBytes] = [0, 0, 0];
  const cpu = process.cpuUsage();
  let counted = 0;
  const counting = setInterval(() => count((counted += 100), 100), 10);
  let seconds = 0;
  const figures = await watchTurns(async () => {
    const { outcome, cells, ms } = await rounds.flush();
    seconds = ms / 1_000;
    if (outcome !== 'success') process.stdout.write(`${outcome}: ${cells} cells in time\n`);
  });
  clearInterval(counting);
  const { user, system } = process.cpuUsage(cpu);
  if (round > 0) all.push(figures);
  say(round === 0 ? 'warm' : String(round), { figures, seconds, cpuMs: (user + system) / 1_000 });
}
const longestMs = Math.max(...all.map(({ ownMs }) => ownMs));
process.stdout.write(`longest own turn ${longestMs.toFixed(1)} ms, bar <= ${barMs} ms\n`);
await store.close();
await server.kill9();
rmSync(folder, { recursive: true });
process.exitCode = longestMs <= barMs ? 0 : 1;

function say(
  name: string,
  run: { readonly figures: TurnFigures; readonly seconds: number; readonly cpuMs: number },
): void {
  const { figures, seconds, cpuMs } = run;
  const { turns, wallMs, ownMs, ownP99Ms, collectorMs } = figures;
  const byBytes = regionServers * Math.ceil(blockBytes / regionServers / hbaseMultiBytesMax);
  const byPuts = regionServers * Math.ceil(puts / regionServers / hbaseMultiPutsMax);
  process.stdout.write(
    `${name.padEnd(5)} ${Math.round(puts / seconds).toLocaleString('en')} Puts/s, ` +
      `${((cpuMs / puts) * 1_000).toFixed(2)} µs CPU a put; ${turns} turns, ` +
      `own longest ${ownMs.toFixed(1)} ms, p99 ${ownP99Ms.toFixed(1)} ms; ` +
      `most of the collector in one ${collectorMs.toFixed(1)} ms, longest in all ` +
      `${wallMs.toFixed(1)} ms; ${multis} RPCs (${byBytes} by 2 MiB, ${byPuts} by 5,000 puts)\n`,
  );
}
