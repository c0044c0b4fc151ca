// What this process last saw in the registry: how far the store is complete, who holds it back,
// who is dead or lost. Says only what was seen; proves nobody's death (death-proof.ts does).
import { deadAfterMs } from '../limits.ts';
import type { WriterId } from '../model/writer-id.ts';
import { completenessOf } from '../store/completeness.ts';
import type { Completeness } from '../store/completeness.ts';
import type {
  RegistryEntry,
  RegistryReading,
  UnreadableEntry,
  WriterState,
} from '../store/registry.ts';
import { begunWithinHour } from './writer-storm.ts';
import { SilenceWatch } from './silence-watch.ts';

export interface WritersSeenOptions {
  readonly isOwn: (writer: WriterId) => boolean;
  /** Whoever holds the embedded store's LOCK is alone with the folder: all others are dead. */
  readonly holdsStore: boolean;
  readonly monotonicMs: () => number;
}

/** `dead`: open, and its registry cell stood still for minutes; `unreadable`: nobody can tell. */
export type SeenState = WriterState | 'dead' | 'unreadable';

export interface SeenWriter extends RegistryEntry {
  readonly seenState: SeenState;
}

export class WritersSeen {
  readonly #options: WritersSeenOptions;
  readonly #silence: SilenceWatch;
  #entries: readonly SeenWriter[] = [];
  #begunWithinHour = 0;
  #unreadable: readonly UnreadableEntry[] = [];
  /** Of the last look at which every record could be read. */
  #completeThroughMs: number | null = null;

  constructor(options: WritersSeenOptions) {
    this.#options = options;
    this.#silence = new SilenceWatch(options.monotonicMs);
  }

  get all(): readonly SeenWriter[] {
    return this.#entries;
  }

  /** More of them than usual are an alarm. */
  get begunWithinHour(): number {
    return this.#begunWithinHour;
  }

  get unreadable(): readonly UnreadableEntry[] {
    return this.#unreadable;
  }

  /** What was once complete stays so, also behind a record that cannot be read any more. */
  get completeness(): Completeness {
    const now = completenessOf({ entries: this.#entries, unreadable: this.#unreadable });
    if (now.unreadable.length === 0) return now;
    return { ...now, completeThroughMs: this.#completeThroughMs };
  }

  get byState(): Readonly<Record<SeenState, number>> {
    const unreadable = this.#unreadable.length;
    const counts = { open: 0, dead: 0, sealed: 0, lost: 0, unreadable };
    for (const { seenState } of this.#entries) counts[seenState]++;
    return counts;
  }

  /** Those that hold back what is complete, and are silent. */
  get dead(): readonly { readonly writer: WriterId; readonly watermarkMs: number }[] {
    return this.#entries
      .filter(({ seenState }) => seenState === 'dead')
      .map(({ writer, record }) => ({ writer, watermarkMs: record.watermarkMs }));
  }

  /** What the registry held at that moment of the store's clock. */
  see({ entries, unreadable }: RegistryReading, nowMs: number): void {
    this.#begunWithinHour = begunWithinHour({ entries }, nowMs);
    this.#entries = entries.map((entry) => ({ ...entry, seenState: this.#stateOf(entry) }));
    this.#unreadable = unreadable;
    this.#completeThroughMs = this.completeness.completeThroughMs;
  }

  #stateOf({ writer, record, nonce }: RegistryEntry): SeenState {
    const { isOwn, holdsStore } = this.#options;
    if (record.state !== 'open' || isOwn(writer)) {
      this.#silence.forget(writer);
      return record.state;
    }
    const silentMs = this.#silence.lookedAt(writer, nonce);
    return holdsStore || silentMs >= deadAfterMs ? 'dead' : 'open';
  }
}
