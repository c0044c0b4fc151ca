// Says from the registry how far the store is complete, and because of whom no further. Pure.
// A record that cannot be read is an open writer of which nobody knows how far it is: while one
// stands, nothing more is called complete (docs/decisions/0016-a-record-that-cannot-be-read.md).
import type { WriterId } from '../model/writer-id.ts';
import type { RegistryReading } from './registry.ts';

/** A writer whose disk is gone: what it accepted between these moments may be missing. */
export interface LostWriter {
  readonly writer: WriterId;
  readonly watermarkMs: number;
  readonly lostMs: number;
}

/** Where the store is complete, by all writers that it knows. */
export interface Completeness {
  /**
   * Least watermark of the open writers, greatest of all where none is open; null: no writer, or
   * a record that cannot be read.
   */
  readonly completeThroughMs: number | null;
  /** Greatest watermark of all that can be read; null: no writer. */
  readonly greatestWatermarkMs: number | null;
  readonly lost: readonly LostWriter[];
  /** Writers whose records cannot be read. */
  readonly unreadable: readonly WriterId[];
  /** Whose record cannot be read, or the open writer whose watermark is the least; null: nobody. */
  readonly heldBackBy: WriterId | null;
}

export function completenessOf(
  reading: Pick<RegistryReading, 'entries' | 'unreadable'>,
): Completeness {
  const lost: LostWriter[] = [];
  const unreadable = reading.unreadable.map(({ writer }) => writer);
  let heldBackBy: WriterId | null = null;
  let leastOpen = Infinity;
  let greatest = -Infinity;
  for (const { writer, record } of reading.entries) {
    const { state, watermarkMs, lostMs = Infinity } = record;
    if (state === 'lost') lost.push({ writer, watermarkMs, lostMs });
    if (state === 'open' && watermarkMs < leastOpen) {
      leastOpen = watermarkMs;
      heldBackBy = writer;
    }
    greatest = Math.max(greatest, watermarkMs);
  }
  const greatestWatermarkMs = greatest === -Infinity ? null : greatest;
  const known = leastOpen === Infinity ? greatestWatermarkMs : leastOpen;
  return {
    completeThroughMs: unreadable.length === 0 ? known : null,
    greatestWatermarkMs,
    lost,
    unreadable,
    heldBackBy: unreadable[0] ?? heldBackBy,
  };
}
