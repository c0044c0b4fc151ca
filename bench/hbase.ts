// How fast cells reach a real HBase and come back, and what that costs the client's processor: our
// client, hbase-rpc-client and HBase's own Java client take turns on the same cells and one
// server, so only the ratios of one run are claims. Then a table says for each bar: asked, seen.
// usage: npm run bench:hbase -- [puts] [rounds] [seconds for the JVM to warm up]
import { mkdirSync, rmSync, writeFileSync } from 'node:fs';
import { availableParallelism } from 'node:os';
import path from 'node:path';
import type { Client } from 'hbase-rpc-client';
import { HBaseRowStore } from '../src/store/hbase/hbase-row-store.ts';
import { countsRanges } from '../src/store/key-layout.ts';
import { hbaseVersion } from '../test/hbase/server/conf.ts';
import { hbaseRoot, startHBase } from '../test/hbase/server/standalone.ts';
import { measureBytes } from './hbase-bytes.ts';
import {
  cellFile,
  day,
  digestOf,
  flushCells,
  queriedAd,
  queryCells,
  salts,
} from './hbase-cells.ts';
import { countIn } from './hbase-cells.ts';
import { cpuMicros, measured, median, perSecond, ratios } from './hbase-figures.ts';
import { say, sayBars, sayRounds, short, spread } from './hbase-figures.ts';
import type { Bar, Figures, Rounds } from './hbase-figures.ts';
import { JavaClient } from './hbase-java.ts';
import { openOurs, putByUs, queryByUs, scanByUs } from './hbase-ours.ts';
import { closePackage, openPackage, putByPackage, scanByPackage } from './hbase-package.ts';
import type { ScanSum } from './hbase-package.ts';

const putCount = Number(process.argv[2] ?? 200_000);
const roundCount = Number(process.argv[3] ?? 5);
const warmSeconds = Number(process.argv[4] ?? 20);
const warmRounds = 3;
/** Of the write buffer; with 32 MiB it was always the slowest. */
const bufferMiBs = [1, 2, 8] as const;
const scanSites = 20_000;
const scanQuarters = 20;
const firstVersion = Date.now();
/** More HFiles than usual before a compaction, which would cost one of the players its round. */
const site = {
  'hbase.hstore.compaction.min': '200',
  'hbase.hstore.blockingStoreFiles': '400',
};

type Turns = Readonly<Record<string, () => Promise<Figures>>>;

const folder = path.join(hbaseRoot, 'bench');
const results = path.join(hbaseRoot, 'bench-results');
const puts = flushCells(putCount);
const scanned = queryCells(scanSites, scanQuarters);
const expectedSum = scanned.reduce((sum, { value }) => sum + countIn(value, 0), 0);
const quarters = { first: day * 96, end: (day + 1) * 96 };
const ranges = countsRanges(queriedAd as never, quarters, salts);

const server = await startHBase({ folder, fresh: true, heapMiB: 3_072, site });
mkdirSync(results, { recursive: true });
const closers: (() => Promise<void> | void)[] = [];
try {
  await measureAll();
} finally {
  for (const close of closers.toReversed()) await close();
  await server.kill9();
  rmSync(folder, { recursive: true });
}

async function measureAll(): Promise<void> {
  const { zookeeper, jars } = server;
  const stores = new Map<string, HBaseRowStore>();
  for (const name of ['ours', 'package', 'java', 'scanned']) {
    const store = await openOurs(zookeeper, `${name}_`);
    closers.push(() => store.close());
    stores.set(name, store);
  }
  const client = openPackage(zookeeper);
  closers.push(() => closePackage(client));
  const cells = path.join(folder, 'cells');
  writeFileSync(cells, cellFile(puts));
  const logFile = path.join(results, 'java.log');
  const java = new JavaClient({ jars, zookeeper, table: 'java_counts', cellFile: cells, logFile });
  closers.push(() => java.close());

  const putRounds = await measurePuts(stores.get('ours') as HBaseRowStore, client, java);
  const scanRounds = await measureScans(stores.get('scanned') as HBaseRowStore, client, java);
  const bytes = await measureBytes({ puts, scanned, rounds: roundCount });
  report(putRounds, scanRounds, bytes);
}

async function measurePuts(ours: HBaseRowStore, client: Client, java: JavaClient): Promise<Rounds> {
  let version = firstVersion;
  const turns: Turns = {
    ours: () => measured(() => putByUs(ours, puts, version)),
    package: () => measured(() => putByPackage(client, 'package_counts', puts, version)),
    ...Object.fromEntries(
      bufferMiBs.map((mib) => [`java${mib}`, () => java.put(mib, version, putCount)]),
    ),
  };
  const tables = ['ours_counts', 'package_counts', 'java_counts'];
  say(`Java warms up for ${warmSeconds} s`);
  await java.warm(warmSeconds, firstVersion - 1_000_000);
  const rounds = await takeTurns(turns, {
    before: async () => {
      version++;
      await java.flush(tables);
    },
  });
  const expected = digestOf(puts, version);
  for (const table of tables) {
    const seen = await java.digest(table);
    if (seen !== expected) throw new Error(`${table} holds ${seen}, not ${expected}`);
  }
  say(`Java reads all ${putCount} cells at their version, byte for byte, from each of the tables`);
  return rounds;
}

async function measureScans(
  store: HBaseRowStore,
  client: Client,
  java: JavaClient,
): Promise<Rounds> {
  await putByUs(store, scanned);
  await java.flush(['scanned_counts']);
  const whole = async (scan: Promise<ScanSum>): Promise<number> => {
    const { cells, sum } = await scan;
    if (cells !== scanned.length || sum !== expectedSum) throw new Error(`${cells} cells, ${sum}`);
    return cells;
  };
  return await takeTurns({
    ours: () => measured(() => whole(scanByUs(store, ranges))),
    query: () => measured(() => whole(queryByUs(store, ranges))),
    package: () =>
      measured(async () => (await scanByPackage(client, 'scanned_counts', ranges)).cells),
  });
}

/** Each round begins with another player; the first rounds only warm up. */
async function takeTurns(
  turns: Turns,
  { before }: { before: () => Promise<void> } = { before: () => Promise.resolve() },
): Promise<Rounds> {
  const names = Object.keys(turns);
  const rounds: Rounds = Object.fromEntries(names.map((name) => [name, []]));
  for (let round = 0; round < warmRounds + roundCount; round++) {
    await before();
    const at = round % names.length;
    const line: string[] = [];
    for (const name of [...names.slice(at), ...names.slice(0, at)]) {
      const figures = await turns[name]?.();
      if (figures === undefined) continue;
      if (round >= warmRounds) rounds[name]?.push(figures);
      line.push(`${name} ${Math.round(perSecond(figures))}`);
    }
    say(`${round < warmRounds ? 'warm' : round - warmRounds + 1}: ${line.join(' · ')}`);
  }
  return rounds;
}

function report(put: Rounds, scan: Rounds, bytes: Rounds): void {
  const javas = bufferMiBs.map((mib) => `java${mib}`);
  const best = javas.toSorted((a, b) => median(speed(put, b)) - median(speed(put, a)))[0] ?? '';
  say('\nPuts');
  sayRounds(put);
  say('Cells scanned');
  sayRounds(scan);
  say('Cells in bytes alone, without a server');
  sayRounds(bytes);
  const came = (scan['package'] ?? []).map(({ count }) => count);
  say(`the package's scanner returned ${Math.min(...came)}-${Math.max(...came)} of the`);
  say(`${scanned.length} cells, without an error; ours all of them, with the right sum`);
  const javaCpu = ratios(cpu(put, best), cpu(put, 'ours'));
  say(`CPU per Put, the Java client ÷ ours: ${spread(javaCpu, short)}`);
  const bars: readonly Bar[] = [
    {
      what: 'Puts/s, ours ÷ the package',
      asked: 3,
      seen: ratios(speed(put, 'ours'), speed(put, 'package')),
    },
    {
      what: 'CPU per Put, the package ÷ ours',
      asked: 20,
      seen: ratios(cpu(put, 'package'), cpu(put, 'ours')),
    },
    {
      what: 'the same, encoding alone',
      asked: 40,
      seen: ratios(cpu(bytes, 'package encode'), cpu(bytes, 'ours encode')),
    },
    {
      what: 'CPU per scanned cell, the package ÷ ours',
      asked: 8,
      seen: ratios(cpu(scan, 'package'), cpu(scan, 'ours')),
    },
    {
      what: 'the same, decoding and summing alone',
      asked: 8,
      seen: ratios(cpu(bytes, 'package decode'), cpu(bytes, 'ours decode')),
    },
    {
      what: `Puts/s, ours ÷ BufferedMutator with ${best.slice(4)} MiB, its best`,
      asked: 0.7,
      seen: ratios(speed(put, 'ours'), speed(put, best)),
    },
  ];
  sayBars(bars);
  const file = path.join(results, `hbase-${firstVersion}.json`);
  const machine = { node: process.version, hbaseVersion, cores: availableParallelism() };
  writeFileSync(file, JSON.stringify({ machine, putCount, put, scan, bytes, bars }, null, 1));
  say(`all rounds: ${path.relative(process.cwd(), file)}`);
}

function speed(rounds: Rounds, name: string): readonly number[] {
  return (rounds[name] ?? []).map(perSecond);
}

function cpu(rounds: Rounds, name: string): readonly number[] {
  return (rounds[name] ?? []).map(cpuMicros);
}
