// Knows whether a worker hangs: nothing was heard of it for long, by the primary's own looks. Time
// in which the primary stood still as well counts for nobody: a machine that was stopped, or had no
// time for anybody, must not end in a storm of kills. Asks nobody and kills nobody.
import { workerLateLookMs, workerLookMs, workerSilenceLooksMax } from '../limits.ts';

export interface Watched {
  readonly id: number;
  /** Messages that ever came from it, late answers too. */
  readonly signs: number;
}

interface Silence extends Watched {
  /** Looks in a row at which nothing new had come. */
  readonly looks: number;
}

export class HangWatch {
  readonly #monotonicMs: () => number;
  #silences = new Map<number, Silence>();
  #lookedAtMs: number | undefined;

  constructor(monotonicMs: () => number) {
    this.#monotonicMs = monotonicMs;
  }

  /**
   * To be called every `workerLookMs`, with those that serve. Answers the one that was silent for
   * longest, if that is too long: one at a time, so that not all go at once.
   */
  look(workers: readonly Watched[]): number | undefined {
    const nowMs = this.#monotonicMs();
    const wasAwake = nowMs - (this.#lookedAtMs ?? nowMs) <= workerLookMs + workerLateLookMs;
    this.#lookedAtMs = nowMs;
    const silences = workers.map(({ id, signs }): Silence => {
      const before = this.#silences.get(id);
      const isSilent = wasAwake && before?.signs === signs;
      return { id, signs, looks: isSilent ? before.looks + 1 : 0 };
    });
    const [longest] = silences.toSorted((a, b) => b.looks - a.looks);
    const isHung = longest !== undefined && longest.looks >= workerSilenceLooksMax;
    // The others get their time anew: what made one hang may have held them up too.
    this.#silences = new Map(isHung ? [] : silences.map((silence) => [silence.id, silence]));
    return isHung ? longest.id : undefined;
  }
}
