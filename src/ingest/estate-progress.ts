// Owns what the store has confirmed of dead writers' quarters while their recovery is not at its
// end: an attempt that fails is followed by one that goes on, not by one that begins again.
// Only memory: another process, or the next start, puts all of it once more, which is harmless.
import type { SegmentFound } from '../journal/replay.ts';
import type { WriterId } from '../model/writer-id.ts';

/** Of one acceptance quarter of one writer, for as long as its segments are the same. */
export class QuarterProgress {
  readonly segments: string;
  #confirmed = new Uint8Array(0);
  #counts = 0;
  #alarms: number | undefined;

  constructor(segments: string) {
    this.segments = segments;
  }

  get isDone(): boolean {
    return this.#alarms !== undefined;
  }

  /** What was found wrong in its frames. */
  get alarms(): number {
    return this.#alarms ?? 0;
  }

  /** Which of its cells are still to be put; all of them if it reads otherwise than before. */
  unconfirmed(cells: number, counts: number): (cell: number) => boolean {
    if (this.#confirmed.length !== cells || this.#counts !== counts) {
      this.#confirmed = new Uint8Array(cells);
      this.#counts = counts;
    }
    return (cell) => this.#confirmed[cell] === 0;
  }

  confirm(cell: number): void {
    this.#confirmed[cell] = 1;
  }

  /** The store confirmed it and does not show it: as if nothing had been put. */
  isNotShown(): void {
    this.#confirmed = new Uint8Array(0);
  }

  done(alarms: number): void {
    this.#alarms = alarms;
    this.#confirmed = new Uint8Array(0);
  }
}

export class EstateProgress {
  readonly #quarters = new Map<WriterId, Map<number, QuarterProgress>>();

  of(
    writer: WriterId,
    acceptanceQuarter: number,
    segments: readonly SegmentFound[],
  ): QuarterProgress {
    let quarters = this.#quarters.get(writer);
    if (quarters === undefined) {
      quarters = new Map();
      this.#quarters.set(writer, quarters);
    }
    const named = segments.map(({ name, bytes, frames }) => `${name} ${bytes} ${frames}`).join();
    const known = quarters.get(acceptanceQuarter);
    if (known?.segments === named) return known;
    const fresh = new QuarterProgress(named);
    quarters.set(acceptanceQuarter, fresh);
    return fresh;
  }

  forget(writer: WriterId): void {
    this.#quarters.delete(writer);
  }
}
