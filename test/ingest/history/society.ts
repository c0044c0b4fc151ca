// The processes of one history, the folders that others left behind, and what all of them share:
// the store, the weather on the way to it, the clocks, the book. Never decides what happens next.
import path from 'node:path';
import { CounterError } from '../../../src/model/errors.ts';
import type { AdEvent } from '../../../src/model/event.ts';
import { parseWriterId } from '../../../src/model/writer-id.ts';
import { CoreHarness, freshFolder, SteeredClock } from '../../support/core-harness.ts';
import { MemoryRowStore } from '../../support/memory-row-store.ts';
import { Book } from './book.ts';
import { Frost } from './frost.ts';
import { MortalDisk } from './mortal-disk.ts';
import type { ImagePlace } from './mortal-disk.ts';
import { Weather, WeatheredRows } from './weather.ts';

/** A folder that nobody uses, as somebody left it behind. */
export interface Left {
  readonly disk: MortalDisk;
  readonly dataDir: string;
  readonly isCopy: boolean;
}

export interface Process {
  readonly harness: CoreHarness;
  readonly disk: MortalDisk;
  readonly rows: WeatheredRows;
  readonly frost: Frost;
  /** Requests without an answer yet. */
  readonly waiting: Set<readonly AdEvent[]>;
  /** Set while its disk hangs. */
  releaseDisk: (() => void) | undefined;
  isDead: boolean;
}

type Image = Omit<ImagePlace, 'from' | 'to'>;

export const wholeCopy: Image = { isCopy: true, keeps: () => 1, keepsNames: true };
const asItIs: Image = { ...wholeCopy, isCopy: false };

export class Society {
  readonly kind: 'memory' | 'hbase';
  /** Of the machine, and of the store: the embedded one has no other. */
  readonly clock = new SteeredClock();
  readonly storeClock = new SteeredClock();
  readonly rows: MemoryRowStore;
  readonly weather = new Weather();
  readonly book: Book;
  readonly living: Process[] = [];
  readonly left: Left[] = [];
  readonly copies: Left[] = [];
  /** Dead processes that still run in this one: waited for in the end. */
  readonly #burials: Promise<unknown>[] = [];
  #folders = 0;

  constructor(kind: 'memory' | 'hbase') {
    this.kind = kind;
    this.rows = new MemoryRowStore(kind === 'memory' ? this.clock.wallMs : this.storeClock.wallMs);
    this.book = new Book(this.rows);
  }

  /** Whoever has the embedded store's LOCK is alone. */
  get isFull(): boolean {
    return this.living.length >= (this.kind === 'hbase' ? 3 : 1);
  }

  get isHanging(): boolean {
    return this.weather.isHolding || this.living.some((process) => process.releaseDisk);
  }

  pass(ms: number): void {
    this.clock.pass(ms);
    this.storeClock.pass(ms);
  }

  async start(from: Left | undefined): Promise<Process> {
    this.weather.release();
    const dataDir = from?.dataDir ?? path.join(await freshFolder(), 'data');
    const empty = new MortalDisk();
    const disk = from?.disk ?? empty.image({ ...wholeCopy, from: '/none', to: dataDir });
    if (from?.isCopy === true) await this.#namesClones(from);
    const frost = new Frost(this.clock);
    const rows = new WeatheredRows(this.rows, this.weather, { kind: this.kind, frost });
    disk.frost = frost.passed;
    const asMemory = rows as unknown as MemoryRowStore;
    const clock = frost as unknown as SteeredClock;
    const harness = await CoreHarness.start({ rows: asMemory, clock, dataDir, disk });
    const waiting = new Set<readonly AdEvent[]>();
    const process = { harness, disk, rows, frost, waiting, releaseDisk: undefined, isDead: false };
    this.living.push(process);
    return process;
  }

  /**
   * Sends one request and keeps the book of its outcome: true, it was acknowledged. Rejects where
   * the answer is none.
   */
  async send(process: Process, events: readonly AdEvent[]): Promise<boolean> {
    const { ingest } = process.harness.core;
    const before = ingest.current;
    const wasRegistered = before?.registered === true;
    process.waiting.add(events);
    try {
      await ingest.accept(events, 'journal');
      if (process.isDead) return false;
      const writer = before === ingest.current ? before?.writer : undefined;
      const acceptMsMax = before?.clock.nowMs() ?? Infinity;
      this.book.acknowledge(events, { writer, wasRegistered, acceptMsMax });
      return true;
    } catch (thrown) {
      if (process.isDead) return false;
      const code = thrown instanceof CounterError ? thrown.code : String(thrown);
      if (code === 'OUTCOME_UNKNOWN') this.book.outcomeUnknown(events);
      else if (code !== 'INGEST_REFUSED') throw thrown;
      return false;
    } finally {
      process.waiting.delete(events);
    }
  }

  async stop(process: Process): Promise<boolean> {
    const stopping = process.harness.core.stop(200);
    await settled();
    process.releaseDisk?.();
    this.weather.release();
    const isSealed = await stopping;
    await settled();
    this.kill(process);
    return isSealed;
  }

  /** Its folder is left behind as it is in this instant; nothing of it is heard again. */
  kill(process: Process, image: Image = asItIs): void {
    this.leave(process, image, this.left);
    process.isDead = true;
    process.frost.thaw();
    process.disk.isDead = true;
    process.rows.isCut = true;
    for (const events of process.waiting) this.book.outcomeUnknown(events);
    process.releaseDisk?.();
    this.living.splice(this.living.indexOf(process), 1);
    this.#burials.push(process.harness.core.stop(1).catch(() => undefined));
  }

  leave({ harness, disk }: Process, image: Image, to: Left[]): void {
    // Beside the one that it comes from: both are in the folder that is removed in the end.
    const dataDir = path.join(path.dirname(harness.dataDir), `data-${this.#folders++}`);
    const next = disk.image({ ...image, from: harness.dataDir, to: dataDir });
    to.push({ disk: next, dataDir, isCopy: image.isCopy });
  }

  /** Throws where a law is broken. */
  async check(): Promise<void> {
    await this.book.check();
    for (const { harness, waiting } of this.living) {
      if (harness.broken[0] !== undefined) throw harness.broken[0];
      if (waiting.size > 0) continue;
      const { unaccounted } = await harness.ledger();
      if (unaccounted !== 0) throw new Error(`unaccounted: ${unaccounted}`);
    }
  }

  async bury(): Promise<void> {
    this.weather.release();
    while (this.living[0] !== undefined) this.kill(this.living[0]);
    await Promise.all(this.#burials.splice(0));
  }

  async #namesClones({ disk, dataDir }: Left): Promise<void> {
    const names = await disk.list(path.join(dataDir, 'journal')).catch(() => []);
    for (const name of names) this.book.cloned.add(parseWriterId(name) ?? name);
  }
}

/** Lets everything run that does not wait for somebody. */
export async function settled(): Promise<void> {
  for (let i = 0; i < 20; i++) await new Promise(setImmediate);
}
