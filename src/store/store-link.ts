// Owns the way to the store: opens it when it can be reached, refuses one of another schema by
// name, and remembers its clock. A store that is away is no error here: who needs it asks again.
import { storeAnswerTimeoutMs, storeCallTimeoutMs } from '../limits.ts';
import type { Log } from '../log.ts';
import type { Clock } from '../model/clock.ts';
import { CounterError, toError } from '../model/errors.ts';
import { CounterStore } from './counter-store.ts';
import type { LayoutGuard } from './layout.ts';
import { readLayout } from './layout.ts';
import { WriterRegistry } from './registry.ts';
import type { RowStore } from './row-store.ts';

export interface StoreLinkOptions {
  readonly rows: RowStore;
  readonly guard: LayoutGuard;
  readonly clock: Clock;
  readonly log: Log;
}

/** What is wrong with the tables; `detail` is for an operator. */
export interface SchemaRefusal {
  readonly reason: 'schema_missing' | 'schema_mismatch';
  readonly detail: string;
}

export class StoreLink {
  readonly rows: RowStore;
  readonly registry: WriterRegistry;
  readonly #options: StoreLinkOptions;
  #store: CounterStore | undefined;
  #refusal: SchemaRefusal | undefined;
  #up = false;
  #hearing: Promise<void> | undefined;
  #heard: { readonly storeMs: number; readonly monotonicMs: number } | undefined;

  constructor(options: StoreLinkOptions) {
    this.#options = options;
    this.rows = options.rows;
    this.registry = new WriterRegistry(options.rows);
  }

  /** Undefined until it was reached once. */
  get store(): CounterStore | undefined {
    return this.#store;
  }

  /** The open store. Errors: STORE_UNAVAILABLE (retry), SCHEMA_MISSING or SCHEMA_MISMATCH. */
  get opened(): CounterStore {
    if (this.#store !== undefined) return this.#store;
    if (this.#refusal !== undefined) {
      throw new CounterError(this.#refusal.reason.toUpperCase(), 'give-up', {
        detail: this.#refusal.detail,
      });
    }
    throw new CounterError('STORE_UNAVAILABLE', 'retry', { detail: this.rows.place });
  }

  /** What is wrong with its tables: nothing may be counted into a store of another shape. */
  get refusal(): SchemaRefusal | undefined {
    return this.#refusal;
  }

  /** Whether the last call said so. */
  get up(): boolean {
    return this.#up;
  }

  /** The store's clock as it runs on since it was heard; undefined: never heard. */
  nowMs(): number | undefined {
    if (this.#heard === undefined) return undefined;
    const sinceMs = this.#options.clock.monotonicMs() - this.#heard.monotonicMs;
    // Whole: a moment of the registry is an integer, and the monotonic clock counts in parts.
    return Math.floor(this.#heard.storeMs + sinceMs);
  }

  /** The same. Error: STORE_CLOCK_UNKNOWN (retry), for what must not go by another clock. */
  get clockMs(): number {
    const nowMs = this.nowMs();
    if (nowMs === undefined) throw new CounterError('STORE_CLOCK_UNKNOWN', 'retry');
    return nowMs;
  }

  /** Opens the store if it is not yet, and hears its clock. Throws where it cannot be opened. */
  async reach(): Promise<CounterStore> {
    try {
      const store = this.#store ?? (await this.#open());
      await this.#hear(store);
      return store;
    } catch (thrown) {
      this.#say(false, toError(thrown));
      throw thrown;
    }
  }

  /** Puts may well succeed while nobody tells the time: HBase's master does, not its servers. */
  async #hear(store: CounterStore): Promise<void> {
    try {
      const storeMs = await store.nowMs({ timeoutMs: storeCallTimeoutMs });
      this.#heard = { storeMs, monotonicMs: this.#options.clock.monotonicMs() };
      this.#say(true);
    } catch (thrown) {
      this.#say(await this.#answers(), toError(thrown));
    }
  }

  /** Without a clock: whoever holds the counts may be there all the same. */
  async #answers(): Promise<boolean> {
    return await readLayout(this.rows, { timeoutMs: storeAnswerTimeoutMs }).then(
      () => true,
      () => false,
    );
  }

  /** A call of somebody else failed: looks at once, not only at the next round. Never throws. */
  suspect(): void {
    if (!this.#up || this.#store === undefined || this.#hearing !== undefined) return;
    this.#hearing = this.#hear(this.#store).finally(() => {
      this.#hearing = undefined;
    });
  }

  async #open(): Promise<CounterStore> {
    const { rows, guard, log } = this.#options;
    try {
      const store = await CounterStore.open(rows, guard, { timeoutMs: storeCallTimeoutMs });
      this.#refusal = undefined;
      this.#store = store;
      return store;
    } catch (thrown) {
      if (thrown instanceof CounterError && thrown.code.startsWith('SCHEMA_')) {
        const reason = thrown.code === 'SCHEMA_MISSING' ? 'schema_missing' : 'schema_mismatch';
        this.#refusal = { reason, detail: thrown.message };
        log.error('store.schema_refused', 'The tables are not as they must be', { err: thrown });
      }
      throw thrown;
    }
  }

  #say(up: boolean, err?: Error): void {
    if (up === this.#up) return;
    this.#up = up;
    const { log, rows } = this.#options;
    if (up) log.info('store.up', 'The store answers', { store: rows.kind, place: rows.place });
    else log.warn('store.down', 'The store does not answer; counting goes on', { err });
  }
}
