// The load of a fault run, by one client as the product has it: puts in batches as a flush makes
// them, at a rate that is caught up with after a stall; scans of the whole table, each held to the
// writer's book; claims; the cluster's clock. Promises that all of it has ended after stop().
import { setTimeout as sleep } from 'node:timers/promises';
import { CounterError } from '../../../src/model/errors.ts';
import { PutBatch } from '../../../src/model/rows.ts';
import type { HBaseClient, Place } from '../../../src/hbase/hbase-client.ts';
import { everything } from '../cells.ts';
import { Claims } from './claims.ts';
import type { Ledger } from './ledger.ts';
import { addTo, noViolations, ScanCheck } from './scan-check.ts';
import { codeOf, count } from './watch.ts';
import type { Watch } from './watch.ts';

export interface LoadOptions {
  readonly client: HBaseClient;
  readonly counts: Place;
  readonly claims: Place;
  readonly ledger: Ledger;
  readonly watch: Watch;
  readonly putsPerSecond: number;
}

/** Each with rows of its own, all over the table. */
export const writers = 4;
const scanners = 2;
/** As the product's. */
const flushTimeoutMs = 25_000;
const scanTimeoutMs = 180_000;
const batchesPerSecond = 1.5;
/** Faster than asked, so that over the whole run it is reached, the stalls of faults included. */
const haste = 1.2;
const scanPauseMs = 100;
const claimPauseMs = 20;
const clockPauseMs = 100;

export class Load {
  readonly claims: Claims;
  readonly violations = noViolations();
  confirmed = 0;
  sent = 0;
  scans = 0;
  scannedCells = 0;
  readonly #options: LoadOptions;
  readonly #loops: Promise<void>[] = [];
  #stopped = false;
  #held: Promise<void> | null = null;
  #letGo: () => void = () => undefined;
  #idle = 0;
  /** When the load ran, so that a hold is no time in which puts were owed. */
  #ranMs = 0;
  #runningSinceMs: number | null = null;

  constructor(options: LoadOptions) {
    this.#options = options;
    const { client, claims: place, watch } = options;
    this.claims = new Claims({ client, place, watch });
  }

  start(): void {
    this.#runningSinceMs = performance.now();
    for (let writer = 0; writer < writers; writer++) this.#loops.push(this.#write(writer));
    for (let i = 0; i < scanners; i++) this.#loops.push(this.#repeat(scanPauseMs, this.#scan));
    this.#loops.push(this.#repeat(claimPauseMs, () => this.claims.step()));
    this.#loops.push(this.#repeat(clockPauseMs, this.#askClock));
  }

  async stop(): Promise<void> {
    this.#stopped = true;
    this.release();
    await Promise.all(this.#loops);
    this.#clockStops();
  }

  /** Returns when nothing is under way; until release() nothing begins. */
  async hold(): Promise<void> {
    this.#held = new Promise((resolve) => {
      this.#letGo = resolve;
    });
    while (this.#idle < this.#loops.length && !this.#stopped) await sleep(20);
    this.#clockStops();
  }

  release(): void {
    this.#runningSinceMs ??= performance.now();
    this.#held = null;
    this.#letGo();
  }

  /** Confirmed puts per second of the time in which the load ran. */
  get reachedPerSecond(): number {
    return this.confirmed / (this.#runMs() / 1000);
  }

  #runMs(): number {
    const since = this.#runningSinceMs;
    return this.#ranMs + (since === null ? 0 : performance.now() - since);
  }

  #clockStops(): void {
    this.#ranMs = this.#runMs();
    this.#runningSinceMs = null;
  }

  async #write(writer: number): Promise<void> {
    const { ledger, putsPerSecond } = this.#options;
    const own = cellsOf(ledger, writer);
    const perSecond = (haste * putsPerSecond) / writers;
    let at = 0;
    let done = 0;
    await this.#repeat(0, async () => {
      const owed = Math.floor((perSecond * this.#runMs()) / 1000) - done;
      const least = Math.ceil(perSecond / batchesPerSecond);
      if (owed < least) {
        await sleep(Math.max(1, ((least - owed) * 1000) / perSecond));
        return;
      }
      // A cell is in a batch once: it is absolute, as the product's are.
      const puts = Math.min(owed, own.length);
      const cells = Array.from({ length: puts }, (_, k) => own[(at + k) % own.length] ?? 0);
      at = (at + puts) % own.length;
      done += puts;
      await this.#putAll(writer, cells);
    });
  }

  async #putAll(writer: number, cells: readonly number[]): Promise<void> {
    const { client, counts, ledger, watch } = this.#options;
    const batch = new PutBatch(cells.length);
    for (const i of cells) batch.add(ledger.next(i));
    this.sent += cells.length;
    const call = watch.putBegins(writer);
    const outcome = await client.put(counts, batch, { timeoutMs: flushTimeoutMs });
    for (const [k, i] of cells.entries()) {
      if (outcome.confirmed[k] === 1) ledger.confirm(i, batch.versions[k] ?? 0);
    }
    this.confirmed += outcome.confirmedCount;
    const failure = [...outcome.failures.values()][0];
    watch.putEnded(call, failure === undefined ? null : `put ${codeOf(failure)}`);
  }

  readonly #scan = async (): Promise<void> => {
    const { client, counts, ledger } = this.#options;
    const check = new ScanCheck(ledger);
    const timeoutMs = scanTimeoutMs;
    const tally = await client.scan(counts, everything, check.visit, { timeoutMs });
    addTo(this.violations, check.end());
    this.scans++;
    this.scannedCells += tally.cells;
  };

  readonly #askClock = async (): Promise<void> => {
    await this.#options.client.nowMs({ timeoutMs: 5_000 });
  };

  /** Failures of the cluster are counted, and what fails is done again; ours end the run. */
  async #repeat(pauseMs: number, step: () => Promise<void>): Promise<void> {
    while (!this.#stopped) {
      try {
        await step();
      } catch (error) {
        if (!(error instanceof CounterError)) throw error;
        count(this.#options.watch.brokenCalls, `${step.name || 'call'} ${error.code}`);
      }
      if (pauseMs > 0) await sleep(pauseMs);
      if (this.#held === null) continue;
      this.#idle++;
      await this.#held;
      this.#idle--;
    }
  }
}

/** Rows of one cell and of two: both cells of a row belong to one writer. */
function cellsOf(ledger: Ledger, writer: number): number[] {
  const own: number[] = [];
  let row = -1;
  for (const [i, cell] of ledger.cells.entries()) {
    if (ledger.cells[i - 1]?.row !== cell.row) row++;
    if (row % writers === writer) own.push(i);
  }
  return own;
}
