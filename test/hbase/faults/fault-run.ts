// A run of faults under load, and the verdict: what each fault cost, and whether the table is what
// the writer's book says, by our scans during the run, by our scan and HBase's own client after it.
// Works on any running HBase; which faults there are is told by its caller.
import { createHash } from 'node:crypto';
import { setTimeout as sleep } from 'node:timers/promises';
import { HBaseClient } from '../../../src/hbase/hbase-client.ts';
import type { Place } from '../../../src/hbase/hbase-client.ts';
import { everything, lineOf, randomOf } from '../cells.ts';
import { until } from '../../support/until.ts';
import { clientOptions } from '../client-options.ts';
import { checkByJava } from '../java/check-ledger.ts';
import type { JavaVerdict } from '../java/check-ledger.ts';
import { Proxies } from '../proxy/proxies.ts';
import type { SharedHBase } from '../server/shared.ts';
import { Cutter } from './cutter.ts';
import { Ledger } from './ledger.ts';
import { Load, writers } from './load.ts';
import { RegionChanges } from './region-changes.ts';
import { addTo, noViolations, ScanCheck } from './scan-check.ts';
import type { Violations } from './scan-check.ts';
import { Watch } from './watch.ts';
import type { Felt } from './watch.ts';

export interface Tools {
  readonly proxies: Proxies;
  readonly changes: RegionChanges;
  readonly ledger: Ledger;
  readonly counts: Place;
  readonly claims: Place;
  readonly load: Load;
  /** How often the client has forgotten where a region is. */
  readonly relocations: () => number;
  /** What was measured beside the run, for the reader. */
  readonly facts: string[];
}

export interface Cause {
  readonly name: string;
  /** Outside of what is measured: what must be so before it. */
  before?(tools: Tools): Promise<void>;
  /** Returns when it is over and mended; whether it was seen to strike the load. */
  run(tools: Tools): Promise<boolean>;
  /** Outside of what is measured: the cluster as the next cause wants it. */
  after?(tools: Tools): Promise<void>;
}

export interface FaultRunOptions {
  readonly hbase: SharedHBase;
  readonly seed: number;
  readonly rows: number;
  readonly putsPerSecond: number;
  readonly cutsPerKind: number;
  /** Mean pause between two cuts of a kind: while they are all there is, and beside the causes. */
  readonly cutPauseMs: number;
  readonly causes: readonly Cause[];
  /** The load goes on for so long at least. */
  readonly leastMs: number;
  /** A cause, and puts being as before, may take so long. */
  readonly causeTimeoutMs: number;
  readonly say: (line: string) => void;
}

export interface FeltCause extends Felt {
  readonly name: string;
  readonly hit: boolean;
  /** It did not end, or puts did not come back: why. */
  readonly failed: string | null;
}

export interface FaultReport {
  readonly felt: readonly FeltCause[];
  readonly cuts: ReadonlyMap<string, number>;
  readonly swallowed: ReadonlyMap<string, number>;
  readonly putsPerSecond: number;
  readonly sent: number;
  readonly confirmed: number;
  readonly unknownCells: number;
  readonly scans: number;
  readonly scannedCells: number;
  readonly claims: number;
  readonly claimsDoneBefore: number;
  readonly retries: number;
  readonly failures: ReadonlyMap<string, number>;
  readonly brokenCalls: ReadonlyMap<string, number>;
  readonly logged: ReadonlyMap<string, number>;
  readonly violations: Violations;
  readonly java: readonly JavaVerdict[];
  /** Our last scan reads what Java's reads, cell by cell. */
  readonly sameAsJava: boolean;
  readonly facts: readonly string[];
}

const warmUpMs = 3_000;
const catchUpTimeoutMs = 60_000;
const cutsTimeoutMs = 15 * 60_000;

export async function faultRun(options: FaultRunOptions): Promise<FaultReport> {
  const { hbase, seed, say } = options;
  const proxies = await Proxies.around(hbase.zookeeper);
  const watch = new Watch(proxies);
  const client = new HBaseClient({
    ...clientOptions(hbase.zookeeper),
    hostMap: proxies.hostMap,
    observer: watch.observer,
  });
  try {
    const changes = new RegionChanges(hbase.zookeeper, randomOf(seed));
    const ledger = new Ledger(seed, options.rows);
    const counts = await changes.newTable(`counts_${seed}_${Date.now()}`, [64, 128, 192]);
    const claims = await changes.newTable(`claims_${seed}_${Date.now()}`, [128]);
    const { putsPerSecond } = options;
    const load = new Load({ client, counts, claims, ledger, watch, putsPerSecond });
    const relocations = (): number => watch.relocations;
    const tools = { proxies, changes, ledger, counts, claims, load, relocations, facts: [] };
    const startMs = performance.now();
    load.start();
    await sleep(warmUpMs);
    const cutter = new Cutter(proxies);
    const felt = await allFaults(options, { tools, watch, cutter });
    await sleep(Math.max(0, startMs + options.leastMs - performance.now()));
    // What was owed while puts stood still is put as well.
    const isCaughtUp = (): boolean => load.reachedPerSecond >= putsPerSecond;
    await until(isCaughtUp, catchUpTimeoutMs).catch(() => undefined);
    say('the load ends; the table is read and compared');
    await load.stop();
    return { ...(await verdict(options, client, tools)), ...seenBy(watch, cutter), felt };
  } finally {
    client.close();
    await proxies.close();
  }
}

/** Most cuts come alone, so that their price is known; the last quarter beside the causes. */
async function allFaults(
  options: FaultRunOptions,
  with_: { readonly tools: Tools; readonly watch: Watch; readonly cutter: Cutter },
): Promise<FeltCause[]> {
  const { tools, watch, cutter } = with_;
  const { cutsPerKind, cutPauseMs, causeTimeoutMs, say } = options;
  const felt: FeltCause[] = [];
  const alone = Math.ceil(cutsPerKind * 0.75);
  const cuts: Cause = {
    name: 'replies cut, nothing else',
    run: async () => {
      cutter.start(alone, cutPauseMs);
      await cutter.done(cutsTimeoutMs);
      await cutter.stop();
      return true;
    },
  };
  felt.push(await feelOne(cuts, { tools, watch, timeoutMs: causeTimeoutMs, say }));
  cutter.start(cutsPerKind, cutPauseMs * 4);
  for (const cause of options.causes) {
    felt.push(await feelOne(cause, { tools, watch, timeoutMs: causeTimeoutMs, say }));
  }
  await cutter.done(cutsTimeoutMs);
  await cutter.stop();
  return felt;
}

async function feelOne(
  cause: Cause,
  at: {
    readonly tools: Tools;
    readonly watch: Watch;
    readonly timeoutMs: number;
    readonly say: (line: string) => void;
  },
): Promise<FeltCause> {
  const { tools, watch, timeoutMs, say } = at;
  let hit = false;
  let failed: string | null = null;
  const work = async (): Promise<void> => {
    hit = await cause.run(tools);
  };
  const note = (error: unknown): void => {
    failed = error instanceof Error ? error.message : String(error);
  };
  await cause.before?.(tools).catch(note);
  const felt = await watch.feel(work, writers, timeoutMs).catch((error: unknown) => {
    note(error);
    return watch.felt();
  });
  await cause.after?.(tools).catch(note);
  const text = failed === null ? '' : `, FAILED: ${String(failed)}`;
  const standstill = Math.round(felt.standstillMs);
  const longest = Math.round(felt.longestPutMs);
  say(
    `${cause.name}: ${hit ? 'hit' : 'NOT HIT'}, none confirmed ${standstill} ms,` +
      ` longest put ${longest} ms, as before after ${Math.round(felt.recoveredMs)} ms${text}`,
  );
  return { ...felt, name: cause.name, hit, failed };
}

async function verdict(
  options: FaultRunOptions,
  client: HBaseClient,
  { ledger, counts, claims, load, facts }: Tools,
): Promise<
  Omit<
    FaultReport,
    'felt' | 'cuts' | 'swallowed' | 'retries' | 'failures' | 'brokenCalls' | 'logged'
  >
> {
  const violations = noViolations();
  addTo(violations, load.violations);
  addTo(violations, load.claims.violations);
  const digest = createHash('sha256');
  const check = new ScanCheck(ledger);
  await client.scan(
    counts,
    everything,
    (cell) => {
      check.visit(cell);
      const part = (start: number, end: number): Buffer => cell.bytes.subarray(start, end);
      const row = part(cell.rowStart, cell.rowEnd);
      const qualifier = part(cell.qualifierStart, cell.qualifierEnd);
      const value = part(cell.valueStart, cell.valueEnd);
      digest.update(`${lineOf({ row, qualifier, value, version: cell.version })}\n`);
    },
    { timeoutMs: 120_000 },
  );
  addTo(violations, check.end());
  const java = [
    await checkByJava(options.hbase, counts.table, ledger.lines()),
    await checkByJava(options.hbase, claims.table, load.claims.lines()),
  ];
  for (const seen of java) addTo(violations, { ...seen, examples: [...seen.examples] });
  return {
    putsPerSecond: load.reachedPerSecond,
    sent: load.sent,
    confirmed: load.confirmed,
    unknownCells: ledger.sent.filter((n, i) => n > (ledger.confirmed[i] ?? 0)).length,
    scans: load.scans,
    scannedCells: load.scannedCells,
    claims: load.claims.done,
    claimsDoneBefore: load.claims.doneBefore,
    violations,
    java,
    sameAsJava: java[0]?.digest === digest.digest('hex'),
    facts,
  };
}

function seenBy(
  watch: Watch,
  cutter: Cutter,
): Pick<FaultReport, 'cuts' | 'swallowed' | 'retries' | 'failures' | 'brokenCalls' | 'logged'> {
  const { retries, failures, brokenCalls, logged } = watch;
  const { hits: cuts, swallowed } = cutter;
  return { cuts, swallowed, retries, failures, brokenCalls, logged };
}
