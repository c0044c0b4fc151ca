// Owns the identities of this process that have ended: flushed from memory until the store has
// everything and knows that they are over, then closed. Forgets none before that.
import type { Log } from '../log.ts';
import type { WriterRun } from './writer-run.ts';

export interface EndedRunsOptions {
  readonly log: Log;
  readonly metrics: { foreignLink(): void };
}

export class EndedRuns {
  readonly #log: Log;
  readonly #metrics: EndedRunsOptions['metrics'];
  /** Whose record somebody else continued, as was told. */
  readonly #told = new WeakSet<WriterRun>();
  #runs: WriterRun[] = [];
  readonly #closing = new Set<Promise<void>>();

  constructor({ log, metrics }: EndedRunsOptions) {
    this.#log = log;
    this.#metrics = metrics;
  }

  get all(): readonly WriterRun[] {
    return this.#runs;
  }

  add(run: WriterRun): void {
    this.#runs.push(run);
    const what = 'This identity ends; its counts are flushed from memory';
    this.#log.warn('writer.ended', what, { writer_id: run.writer, reason: run.endedBecause });
    this.#tellForeign(run);
  }

  /** Those that are sealed, or another's and flushed. */
  dropFinished(): void {
    for (const run of this.#runs) this.#tellForeign(run);
    for (const run of this.#runs) if (run.finished) this.close(run);
    this.#runs = this.#runs.filter((run) => !run.finished);
  }

  /** Not waited for by a round: a disk that hangs must not hold up the others. */
  close(run: WriterRun): void {
    const closing = run.close().catch((err: unknown) => {
      const what = 'The files of an identity that is over could not be closed';
      this.#log.warn('writer.close_failed', what, { writer_id: run.writer, err });
    });
    this.#closing.add(closing);
    void closing.then(() => this.#closing.delete(closing));
  }

  async closed(): Promise<void> {
    await Promise.all(this.#closing);
  }

  /** Also of one that had ended before, and learns it when it publishes for the last time. */
  #tellForeign(run: WriterRun): void {
    if (!run.foreign || this.#told.has(run)) return;
    this.#told.add(run);
    this.#metrics.foreignLink();
    const what = 'Somebody else continued the record of this writer: a copy of this machine runs,';
    const fields = { writer_id: run.writer };
    this.#log.error('writer.foreign_link', `${what} or it was taken for dead`, fields);
  }
}
