// Knows for how long a registry cell has stood unchanged, by our own monotonic clock alone: no
// clock of another machine is believed. Silence is only what was watched; a look that came late
// begins anew, since while the store was out of reach a living writer could not be heard either.
import { silenceGapMs } from '../limits.ts';
import type { WriterId } from '../model/writer-id.ts';

interface Standing {
  readonly nonce: string;
  readonly sinceMs: number;
  readonly lookedAtMs: number;
}

export class SilenceWatch {
  readonly #monotonicMs: () => number;
  readonly #stands = new Map<WriterId, Standing>();

  constructor(monotonicMs: () => number) {
    this.#monotonicMs = monotonicMs;
  }

  /** To be called with each look at the cell; a nonce `absent` stands for no cell. */
  lookedAt(writer: WriterId, nonce: string): number {
    const nowMs = this.#monotonicMs();
    const before = this.#stands.get(writer);
    const watched = before !== undefined && nowMs - before.lookedAtMs <= silenceGapMs;
    const sinceMs = watched && before.nonce === nonce ? before.sinceMs : nowMs;
    this.#stands.set(writer, { nonce, sinceMs, lookedAtMs: nowMs });
    return nowMs - sinceMs;
  }

  forget(writer: WriterId): void {
    this.#stands.delete(writer);
  }
}
