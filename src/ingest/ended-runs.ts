// Owns the identities of this process that have ended: flushed from memory until the store has
// everything and knows that they are over, then closed. Forgets none before that.
import type { Log } from '../log.ts';
import type { WriterRun } from './writer-run.ts';

export class EndedRuns {
  readonly #log: Log;
  #runs: WriterRun[] = [];
  readonly #closing = new Set<Promise<void>>();

  constructor(log: Log) {
    this.#log = log;
  }

  get all(): readonly WriterRun[] {
    return this.#runs;
  }

  add(run: WriterRun): void {
    this.#runs.push(run);
    const what = 'This identity ends; its counts are flushed from memory';
    this.#log.warn('writer.ended', what, { writer_id: run.writer, reason: run.endedBecause });
    if (!run.foreign) return;
    const why =
      'Somebody else continued the record of this writer: a copy of this machine runs, or';
    this.#log.error('writer.foreign_link', `${why} it was taken for dead`, {
      writer_id: run.writer,
    });
  }

  /** Those that are sealed, or another's and flushed. */
  dropFinished(): void {
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
}
