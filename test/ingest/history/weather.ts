// The way of one process to the store that all of them share: down, slow, deaf, or cut off for
// good when the process is killed. The store itself stays as it is, so that the laws can read it.
import type { PutBatch, PutOutcome, RowRange, ScanTally } from '../../../src/model/rows.ts';
import type { CallOptions, CellCursor, CheckAndPut } from '../../../src/model/rows.ts';
import { CounterError } from '../../../src/model/errors.ts';
import type { RowStore, TableName } from '../../../src/store/row-store.ts';
import type { Frost } from './frost.ts';
import type { MemoryOperation, MemoryRowStore } from '../../support/memory-row-store.ts';

export class Weather {
  isDown = false;
  /** So many replies of writes are still to be lost. */
  repliesLost = 0;
  /** Operation that waits, and what it waits for. */
  #held: { readonly operation: MemoryOperation; readonly until: Promise<void> } | undefined;
  #release: () => void = () => undefined;

  get isHolding(): boolean {
    return this.#held !== undefined;
  }

  hold(operation: MemoryOperation): void {
    this.release();
    const until = new Promise<void>((resolve) => (this.#release = resolve));
    this.#held = { operation, until };
  }

  release(): void {
    this.#held = undefined;
    this.#release();
  }

  async before(operation: MemoryOperation): Promise<void> {
    if (this.#held?.operation === operation) await this.#held.until;
    if (this.isDown) throw new CounterError('STORE_DOWN', 'retry');
  }

  after(): void {
    if (this.repliesLost === 0) return;
    this.repliesLost--;
    throw new CounterError('STORE_REPLY_LOST', 'retry');
  }
}

export class WeatheredRows implements RowStore {
  readonly kind: RowStore['kind'];
  readonly place = 'memory, through the weather';
  isCut = false;
  /** Its way to the store is cut, and only its own. */
  isPartitioned = false;
  readonly #frost: Frost;
  readonly #rows: MemoryRowStore;
  readonly #weather: Weather;

  constructor(
    rows: MemoryRowStore,
    weather: Weather,
    { kind, frost }: { readonly kind: RowStore['kind']; readonly frost: Frost },
  ) {
    this.#frost = frost;
    this.#rows = rows;
    this.#weather = weather;
    this.kind = kind;
  }

  async put(table: TableName, batch: PutBatch, options: CallOptions): Promise<PutOutcome> {
    return this.#through('put', true, () => this.#rows.put(table, batch, options));
  }

  async scan(
    table: TableName,
    range: RowRange,
    visit: (cell: CellCursor) => void,
    options: CallOptions,
  ): Promise<ScanTally> {
    return this.#through('scan', false, () => this.#rows.scan(table, range, visit, options));
  }

  async checkAndPut(table: TableName, check: CheckAndPut, options: CallOptions): Promise<boolean> {
    const call = (): Promise<boolean> => this.#rows.checkAndPut(table, check, options);
    return this.#through('checkAndPut', true, call);
  }

  async nowMs(options: CallOptions): Promise<number> {
    return this.#through('nowMs', false, () => this.#rows.nowMs(options));
  }

  verifyTables(): Promise<readonly string[]> {
    return this.#rows.verifyTables();
  }

  createTables(): Promise<readonly TableName[]> {
    return this.#rows.createTables();
  }

  close(): Promise<void> {
    return Promise.resolve();
  }

  /** A call that is held when its process is killed still arrives: only its reply goes nowhere. */
  async #through<T>(
    operation: MemoryOperation,
    isWrite: boolean,
    call: () => Promise<T>,
  ): Promise<T> {
    if (this.isCut) throw new CounterError('STORE_CUT', 'retry');
    await this.#frost.passed();
    await this.#weather.before(operation);
    if (this.isPartitioned) throw new CounterError('STORE_UNREACHABLE', 'retry');
    const answer = await call();
    await this.#frost.passed();
    if (this.isCut) throw new CounterError('STORE_CUT', 'retry');
    if (isWrite) this.#weather.after();
    return answer;
  }
}
