// Owns whether a request is let in to be counted: refused as a whole, before anything of it is
// journaled, where it could not be counted to its end. Never counts, never forgets.
import { memoryFlushGapMs, unregisteredMs } from '../limits.ts';
import type { AdEvent } from '../model/event.ts';
import { quarterOf } from '../model/quarter.ts';
import { IngestRefused } from './accept.ts';
import type { RefusalReason } from './accept.ts';
import type { MemoryBound } from './memory-bound.ts';
import type { WaitingLine } from './waiting-line.ts';
import type { WriterRun } from './writer-run.ts';

export interface AdmissionOptions {
  readonly memory: MemoryBound;
  readonly monotonicMs: () => number;
  /** A lasting reason to refuse all counting, like a schema that does not fit. */
  readonly refusal: () => RefusalReason | undefined;
  /** Memory is short: what is confirmed could be forgotten. */
  readonly flushSoon: () => void;
}

/** Where ingest stands. */
export interface Standing {
  readonly isStopped: boolean;
  /** No journal could be begun; another attempt follows. */
  readonly hasNoJournal: boolean;
  readonly run: WriterRun | undefined;
  /** Since when no identity of this process has reached the store, if this one has not. */
  readonly unregisteredSinceMs: number;
  /** Of all cells that are held. */
  readonly cellBytes: number;
  readonly line: WaitingLine;
}

const roomReasons = {
  full: 'journal_full',
  disk_full: 'disk_full',
  failed: 'journal_failed',
} as const satisfies Record<string, RefusalReason>;

export class Admission {
  readonly #options: AdmissionOptions;
  #flushAskedAtMs = -Infinity;

  constructor(options: AdmissionOptions) {
    this.#options = options;
  }

  /** Why nothing can be counted now; undefined: all is well. */
  refusal(standing: Standing): RefusalReason | undefined {
    const { run, unregisteredSinceMs, cellBytes } = standing;
    const { monotonicMs, refusal, memory } = this.#options;
    if (standing.isStopped) return 'draining';
    if (standing.hasNoJournal) return 'no_journal';
    const lasting = refusal();
    if (lasting !== undefined) return lasting;
    // Between two identities requests wait; there is room, or the next one says that there is none.
    if (run === undefined) return undefined;
    if (!run.registered && monotonicMs() - unregisteredSinceMs > unregisteredMs)
      return 'unregistered';
    const room = run.journal.reason();
    if (room !== 'ok') return roomReasons[room];
    return memory.room(cellBytes) === 'ok' ? undefined : 'memory_full';
  }

  /** Errors: IngestRefused. */
  admit(events: readonly AdEvent[], standing: Standing): void {
    const { memory } = this.#options;
    const { run, line, cellBytes } = standing;
    const reason = this.refusal(standing);
    if (reason !== undefined && reason !== 'memory_full') throw new IngestRefused(reason);
    const waiting = line.events + events.length;
    if (reason === 'memory_full' || !memory.mayHold({ cellBytes, waiting })) {
      this.#flushSoon();
      // What counts in cells that are there needs no more room than it takes while it waits.
      const isReused = memory.mayReuse && run !== undefined && holds(run, events);
      if (!isReused) throw new IngestRefused('memory_full');
    }
    if (!line.hasRoomFor(events.length)) throw new IngestRefused('overloaded');
  }

  /** Every refused request asks; a store that is away is not to be asked all the time. */
  #flushSoon(): void {
    const nowMs = this.#options.monotonicMs();
    if (nowMs - this.#flushAskedAtMs < memoryFlushGapMs) return;
    this.#flushAskedAtMs = nowMs;
    this.#options.flushSoon();
  }
}

/** Whether the events, accepted now, would count in cells that are there. */
function holds({ clock, counters, registered }: WriterRun, events: readonly AdEvent[]): boolean {
  const acceptMs = clock.nowMs();
  const acceptanceQuarter = registered ? quarterOf(acceptMs) : undefined;
  return counters.holds(events, { acceptMs, acceptanceQuarter });
}
