// Owns what must be seen before a quarter is forgotten: a sample of its cells is read back from the
// store. Where one is missing the whole quarter is put again and looked at anew; until the store
// shows it, it is in doubt: its table and segments stay, and its writer completes nothing more.
// Never holds up a round for longer than it is told, never asks again sooner than its back-off.
import { setTimeout as passes } from 'node:timers/promises';
import type { ConfirmedTable } from '../counters/confirmed-table.ts';
import type { Counters } from '../counters/counters.ts';
import { flushTimeoutMs, readBackCellsMax, readBackTimeoutMs } from '../limits.ts';
import type { Log, LogFields } from '../log.ts';
import { AssertionError } from '../model/assert.ts';
import type { Cell } from '../model/cell.ts';
import { CounterError, toError } from '../model/errors.ts';
import { quarterStartMs } from '../model/quarter.ts';
import type { CounterStore } from '../store/counter-store.ts';
import { SetAsideBackOff } from '../store/refusals.ts';
import { firstQuarterKept, hiddenCells } from '../store/shown-cells.ts';
import type { HiddenCell, QuarterInDoubt } from '../store/shown-cells.ts';

export interface ReadBackOptions {
  readonly metrics: { readBackFailed(): void };
  readonly log: Log;
  readonly wallMs: () => number;
  readonly monotonicMs: () => number;
  readonly retentionDays: number;
  /** A promise of our own is broken: the process must stop. */
  readonly onBroken: (error: Error) => void;
}

export interface ReadBackCall {
  /** The round goes on after it, whatever is read by then. */
  readonly waitMs: number;
  /** Somebody asked: what failed before is read again now. */
  readonly isAsked: boolean;
}

export class ReadBack {
  readonly #options: ReadBackOptions;
  readonly #running = new Map<Counters, Promise<void>>();
  /** By writer and acceptance quarter. */
  readonly #doubts = new Map<string, QuarterInDoubt>();
  readonly #backOffs = new Map<string, SetAsideBackOff>();
  #failedAtMs = -Infinity;

  constructor(options: ReadBackOptions) {
    this.#options = options;
  }

  /** Reads back what is closed and confirmed; what passed may be forgotten. Never throws. */
  async look(store: CounterStore, counters: Counters, call: ReadBackCall): Promise<void> {
    const running = this.#running.get(counters) ?? this.#begin(store, counters, call.isAsked);
    if (running === undefined) return;
    await Promise.race([running, passes(call.waitMs, undefined, { ref: false })]);
  }

  /** Quarters of the writer of which the store lacks something. */
  inDoubt(writer: string): QuarterInDoubt[] {
    return [...this.#doubts.values()].filter((doubt) => doubt.writer === writer);
  }

  /** Since something was missing; Infinity: never yet. */
  get failedAgoMs(): number {
    return this.#options.monotonicMs() - this.#failedAtMs;
  }

  #begin(store: CounterStore, counters: Counters, isAsked: boolean): Promise<void> | undefined {
    const due = counters
      .toReadBack()
      .filter((table) => isAsked || this.#backOffs.get(nameOf(table))?.isDue !== false);
    if (due.length === 0) return undefined;
    const running = this.#readAll(store, due).finally(() => this.#running.delete(counters));
    this.#running.set(counters, running);
    return running;
  }

  async #readAll(store: CounterStore, tables: readonly ConfirmedTable[]): Promise<void> {
    for (const table of tables) {
      try {
        await this.#read(store, table);
      } catch (thrown) {
        const err = toError(thrown);
        if (err instanceof AssertionError) this.#options.onBroken(err);
        this.#later(table);
        const what = 'What was confirmed could not be read back yet: its segments stay';
        this.#options.log.warn('read_back.unfinished', what, { ...fieldsOf(table), err });
        // A store that is away is away for the next quarter too.
        return;
      }
    }
  }

  async #read(store: CounterStore, table: ConfirmedTable): Promise<void> {
    const first = await this.#look(store, table);
    if (first.hidden.length === 0) return this.#passed(table);
    this.#missing(table, first);
    const again = await store.putCells(table.all(), { timeoutMs: flushTimeoutMs });
    if (again.confirmedCount < again.confirmed.length) {
      const cause = again.failures.get(again.confirmed.indexOf(0));
      throw new CounterError('READ_BACK_NOT_PUT', 'retry', { cause, detail: cause?.message ?? '' });
    }
    const same = first.hidden.map(({ cell }) => cell);
    const still = await hiddenCells(store, same, { timeoutMs: readBackTimeoutMs });
    if (still.length > 0) return this.#masked(table, { hidden: still, looked: same.length });
    const second = await this.#look(store, table);
    if (second.hidden.length === 0) this.#passed(table);
    else this.#masked(table, second);
  }

  async #look(store: CounterStore, table: ConfirmedTable): Promise<Looked> {
    const { wallMs, retentionDays } = this.#options;
    const kept = firstQuarterKept(wallMs(), retentionDays);
    const cells: Cell[] = table.sample(readBackCellsMax, kept);
    const hidden = await hiddenCells(store, cells, { timeoutMs: readBackTimeoutMs });
    return { hidden, looked: cells.length };
  }

  #passed(table: ConfirmedTable): void {
    table.passed();
    this.#backOffs.delete(nameOf(table));
    if (!this.#doubts.delete(nameOf(table))) return;
    const what = 'The store shows again what it had lost; older quarters may lack counts too';
    this.#options.log.warn('read_back.healed', what, { ...fieldsOf(table), remedy: reassert });
  }

  #missing(table: ConfirmedTable, looked: Looked): void {
    this.#failedAtMs = this.#options.monotonicMs();
    if (this.#doubts.has(nameOf(table))) return;
    const { metrics, log } = this.#options;
    this.#doubt(table, looked, 'missing');
    metrics.readBackFailed();
    const what = 'The store does not show what it had confirmed: all of the quarter is put again';
    log.error('read_back.missing', what, { ...fieldsOf(table), ...numbersOf(looked) });
  }

  /** Nothing of ours helps: every attempt is as good as the last. */
  #masked(table: ConfirmedTable, looked: Looked): void {
    const isNew = this.#doubts.get(nameOf(table))?.state !== 'masked';
    this.#doubt(table, looked, 'masked');
    this.#later(table);
    if (!isNew) return;
    const what =
      'Counts that were put again and confirmed are not shown: were they deleted by hand? A major ' +
      'compaction of the table lets them show; until then the segments of the quarter stay';
    const fields = { ...fieldsOf(table), ...numbersOf(looked), table: 'counts' };
    this.#options.log.error('read_back.masked', what, fields);
  }

  #doubt(table: ConfirmedTable, looked: Looked, state: QuarterInDoubt['state']): void {
    const { writer, acceptanceQuarter } = table;
    this.#doubts.set(nameOf(table), { writer, acceptanceQuarter, state, ...looked });
  }

  #later(table: ConfirmedTable): void {
    const name = nameOf(table);
    const backOff = this.#backOffs.get(name) ?? new SetAsideBackOff(this.#options.monotonicMs);
    this.#backOffs.set(name, backOff);
    backOff.tried({ anyConfirmed: false });
  }
}

interface Looked {
  readonly hidden: readonly HiddenCell[];
  readonly looked: number;
}

const reassert = 'adcounter reassert';

function nameOf({ writer, acceptanceQuarter }: ConfirmedTable): string {
  return `${writer} ${acceptanceQuarter}`;
}

function fieldsOf({ writer, acceptanceQuarter }: ConfirmedTable): LogFields {
  return {
    writer_id: writer,
    quarter: new Date(quarterStartMs(acceptanceQuarter)).toISOString(),
  };
}

function numbersOf({ hidden, looked }: Looked): LogFields {
  return { hidden: hidden.length, looked };
}
