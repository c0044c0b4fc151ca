// Decides when a worker that ended is started again: at once, unless it does so again and again;
// and whether its ends are an alarm. Never starts anything.
import {
  workerCrashesMax,
  workerRestartMs,
  workerRestartMsMax,
  workerStartsPerHourMax,
  workerSteadyMs,
} from '../limits.ts';

const hourMs = 3_600_000;

/** Of one slot: of the workers that followed one another in one place. */
export class RestartWaits {
  readonly #random: () => number;
  #crashes = 0;

  constructor(random: () => number) {
    this.#random = random;
  }

  /** Crashes in a row, none of them after a steady time. */
  get crashes(): number {
    return this.#crashes;
  }

  get isLoop(): boolean {
    return this.#crashes >= workerCrashesMax;
  }

  /** It ended after so long: how long until the next one is started. */
  waitMs(livedMs: number): number {
    if (livedMs >= workerSteadyMs) this.#crashes = 0;
    this.#crashes++;
    if (this.#crashes === 1) return 0;
    const doubled = workerRestartMs * 2 ** Math.min(this.#crashes - 2, 20);
    return Math.min(doubled, workerRestartMsMax) * (0.5 + this.#random() / 2);
  }
}

/** Each start is a writer of its own, with a row in the registry and cells in every hot ad. */
export class StartsOfHour {
  #startsMs: number[] = [];

  add(nowMs: number): void {
    this.#startsMs = this.#startsMs.filter((startMs) => nowMs - startMs < hourMs);
    // More than the bound is as good as the bound and one more.
    if (this.#startsMs.length > workerStartsPerHourMax) this.#startsMs.shift();
    this.#startsMs.push(nowMs);
  }

  isStorm(nowMs: number): boolean {
    const recent = this.#startsMs.filter((startMs) => nowMs - startMs < hourMs);
    return recent.length > workerStartsPerHourMax;
  }
}
