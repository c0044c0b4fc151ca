// What the processes of a run hold of the machine's memory, looked at every so often.
import type { Instance } from './instance.ts';

export class Memory {
  /** A line a look: of each instance its processes, in MiB. */
  readonly lines: string[] = [];
  /** Of any one process. */
  highestMiB = 0;
  readonly #timer: NodeJS.Timeout;
  readonly #instances: readonly Instance[];
  readonly #beganMs = performance.now();

  constructor(instances: readonly Instance[], everyMs: number) {
    this.#instances = instances;
    this.#timer = setInterval(() => this.#look(), everyMs);
  }

  stop(): void {
    this.#look();
    clearInterval(this.#timer);
  }

  #look(): void {
    const parts = this.#instances.map((instance) => {
      const each = instance.rssMiB();
      this.highestMiB = Math.max(this.highestMiB, ...each);
      return `${instance.name} ${each.join(' + ') || 'away'}`;
    });
    const minutes = (performance.now() - this.#beganMs) / 60_000;
    this.lines.push(`${minutes.toFixed(1)} min: ${parts.join(', ')}`);
  }
}
