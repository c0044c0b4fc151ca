// The real side of the comparison: one table of a real HBase that compacts nothing by itself, and
// the steps of many rows at once. Promises that a step is done when it returns, and that no call
// was sent twice without saying so.
import { HBaseClient } from '../../src/hbase/hbase-client.ts';
import { silentObserver } from '../../src/hbase/observer.ts';
import { PutBatch } from '../../src/model/rows.ts';
import type { Put } from '../../src/model/rows.ts';
import { read } from '../hbase/cells.ts';
import { clientOptions } from '../hbase/client-options.ts';
import { startingWith } from '../support/rows.ts';
import type { Step, TableStep } from './random-steps.ts';

/** What a check-and-put answered, and when, by the clock that the server shares. */
export interface Done {
  readonly processed: boolean;
  readonly fromMs: number;
  readonly toMs: number;
}

const inLongTime = { timeoutMs: 60_000 };
const callsAtOnce = 32;
const family = Buffer.from('c');
let tables = 0;

export class RealTable {
  readonly ttlMs: number | undefined;
  readonly #client: HBaseClient;
  readonly #place: { readonly table: string; readonly family: Buffer };
  #retries = 0;

  static async create(zookeeper: string, ttlMs?: number): Promise<RealTable> {
    const real = new RealTable(zookeeper, ttlMs);
    const attributes = [['VERSIONS', '1']] as [string, string][];
    if (ttlMs !== undefined) attributes.push(['TTL', String(ttlMs / 1000)]);
    await real.#client.createTable(
      {
        name: real.#place.table,
        families: new Map([['c', new Map(attributes)]]),
        // Else the third file would be compacted with the others, at a moment that nobody knows.
        attributes: new Map([['hbase.hstore.compaction.min', '1000']]),
        splitKeys: [],
      },
      inLongTime,
    );
    return real;
  }

  private constructor(zookeeper: string, ttlMs: number | undefined) {
    this.ttlMs = ttlMs;
    const retry = (): void => void this.#retries++;
    const observer = { ...silentObserver, retry };
    this.#client = new HBaseClient({ ...clientOptions(zookeeper), observer });
    this.#place = { table: `compare${process.pid}_${Date.now()}_${tables++}`, family };
  }

  /** A repeated check-and-put or an older put that comes late would look like a difference. */
  get retries(): number {
    return this.#retries;
  }

  /** One step of each row; what check-and-puts answered, by their rows. */
  async act(steps: ReadonlyMap<Buffer, Step>): Promise<ReadonlyMap<Buffer, Done>> {
    const batch = new PutBatch();
    const calls: (() => Promise<void>)[] = [];
    const done = new Map<Buffer, Done>();
    for (const [row, step] of steps) {
      if (step.kind === 'put') for (const one of step.puts) batch.add({ row, ...one });
      else calls.push(async () => await this.#call(row, step, done));
    }
    await Promise.all([
      this.#put(batch),
      ...Array.from({ length: callsAtOnce }, async () => {
        for (let call = calls.pop(); call !== undefined; call = calls.pop()) await call();
      }),
    ]);
    return done;
  }

  async actOnAll({ kind }: TableStep): Promise<void> {
    for (const region of await this.#client.regions(this.#place.table, inLongTime)) {
      if (kind === 'flush') await this.#client.flushRegion(region, inLongTime);
      else await this.#client.compactRegion(region, { major: true }, inLongTime);
    }
  }

  /** By row, as text. */
  async read(prefix: string): Promise<ReadonlyMap<string, readonly Put[]>> {
    const { cells } = await read(this.#client, this.#place, startingWith(Buffer.from(prefix)));
    const rows = new Map<string, Put[]>();
    for (const cell of cells) {
      const name = cell.row.toString();
      const row = rows.get(name);
      if (row === undefined) rows.set(name, [cell]);
      else row.push(cell);
    }
    return rows;
  }

  close(): void {
    this.#client.close();
  }

  async #put(batch: PutBatch): Promise<void> {
    const { failures } = await this.#client.put(this.#place, batch, inLongTime);
    for (const failure of failures.values()) throw failure;
  }

  async #call(row: Buffer, step: Step, done: Map<Buffer, Done>): Promise<void> {
    switch (step.kind) {
      case 'checkAndPut': {
        const fromMs = Date.now();
        const { qualifier, expected, value } = step;
        const check = { row, qualifier, expected, value };
        const processed = await this.#client.checkAndPut(this.#place, check, inLongTime);
        done.set(row, { processed, fromMs, toMs: Date.now() });
        break;
      }
      case 'delete':
        await this.#client.mutateRow(
          this.#place,
          { row, puts: [], deletes: [step.one] },
          inLongTime,
        );
        break;
      case 'mutateRow':
        if (step.puts.length + step.deletes.length === 0) break;
        await this.#client.mutateRow(this.#place, { row, ...step }, inLongTime);
        break;
      case 'put':
      case 'flush':
      case 'majorCompact':
        throw new Error(`${step.kind} is no call of one row`);
      default:
        step satisfies never;
    }
  }
}
