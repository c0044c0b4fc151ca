// Puts copied cells into the other store, batch by batch, while the next one is filled. Promises
// that whatever it was given is confirmed or counted as refused once `done` resolves; what passes
// is tried again for a while. Puts are absolute, so any of them may be repeated by another run.
import { copyAttemptsMax, copyBatchBytesMax, copyPutMs, copyRetryMs } from '../limits.ts';
import { CounterError, toError } from '../model/errors.ts';
import { PutBatch } from '../model/rows.ts';
import type { Put } from '../model/rows.ts';
import { isRefusal } from '../store/refusals.ts';
import type { RowStore, TableName } from '../store/row-store.ts';

export interface CellPutsOptions {
  readonly rows: RowStore;
  readonly table: TableName;
  readonly waitFor: (ms: number) => Promise<unknown>;
  /** So many more are confirmed or refused. */
  readonly onCells: (cells: number) => void;
}

export class CellPuts {
  /** Cells that the store does not take, whoever brings them. */
  refused = 0;
  firstRefusal: Error | undefined;
  readonly #options: CellPutsOptions;
  #batch = new PutBatch();
  /** Settles to what went wrong: nobody need listen to it meanwhile. */
  #underWay: Promise<Error | undefined> = Promise.resolve(undefined);

  constructor(options: CellPutsOptions) {
    this.#options = options;
  }

  /** Resolves when there is room for more. Throws what a batch before it failed with. */
  async add(put: Put): Promise<void> {
    this.#batch.add(put);
    if (this.#batch.byteLength >= copyBatchBytesMax) await this.#send();
  }

  async done(): Promise<void> {
    await this.#send();
    await this.#settled();
  }

  async #send(): Promise<void> {
    await this.#settled();
    const batch = this.#batch;
    this.#batch = new PutBatch(batch.count);
    if (batch.count > 0) this.#underWay = this.#putAll(batch).then(() => undefined, toError);
  }

  async #settled(): Promise<void> {
    const failure = await this.#underWay;
    if (failure !== undefined) throw failure;
  }

  async #putAll(batch: PutBatch): Promise<void> {
    const { onCells, waitFor } = this.#options;
    let left = batch;
    for (let attempt = 1; left.count > 0; attempt++) {
      const before = left.count;
      const failed = await this.#put(left);
      left = failed.left;
      onCells(before - left.count);
      if (left.count === 0) return;
      if (attempt === copyAttemptsMax) throw failed.why;
      await waitFor(copyRetryMs);
    }
  }

  /** What may be tried again. */
  async #put(batch: PutBatch): Promise<{ readonly left: PutBatch; readonly why: Error }> {
    const { rows, table } = this.#options;
    let why: Error = new CounterError('STORE_FAILED', 'retry');
    try {
      const { failures } = await rows.put(table, batch, { timeoutMs: copyPutMs });
      const left = new PutBatch(failures.size);
      for (const [i, failure] of failures) {
        if (isRefusal(failure)) {
          this.refused++;
          this.firstRefusal ??= failure;
        } else {
          why = failure;
          left.add(batch.at(i));
        }
      }
      return { left, why };
    } catch (thrown) {
      if (!(thrown instanceof CounterError) || thrown.remedy === 'give-up') throw thrown;
      return { left: batch, why: thrown };
    }
  }
}
