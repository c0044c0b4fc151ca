// Owns why puts of one call were not confirmed, by their number. Promises that a million of them
// with one reason cost no more than one: no step of a flush may grow with all that failed.
interface Part {
  readonly first: number;
  readonly end: number;
  /** One for all, or by number from `first` on. */
  readonly why: Error | ReadonlyMap<number, Error>;
}

export class PutFailures {
  readonly #parts: Part[] = [];
  #size = 0;
  #last = 0;

  get size(): number {
    return this.#size;
  }

  /** All from `first` on, before `end`; behind everything that was added before. */
  addAll(first: number, end: number, why: Error): void {
    this.#parts.push({ first, end, why });
    this.#size += end - first;
  }

  /** Those of a batch that begins at `first`, by their number in it. */
  addBatch(first: number, end: number, why: ReadonlyMap<number, Error>): void {
    if (why.size === 0) return;
    this.#parts.push({ first, end, why });
    this.#size += why.size;
  }

  /** Fast where it is asked for one number after the other. */
  get(i: number): Error | undefined {
    let part = this.#parts[this.#last];
    if (part === undefined || i < part.first || i >= part.end) {
      this.#last = this.#parts.findIndex(({ first, end }) => i >= first && i < end);
      part = this.#parts[this.#last];
    }
    if (part === undefined) return undefined;
    return part.why instanceof Error ? part.why : part.why.get(i - part.first);
  }

  /** Why, once for each that has a reason of its own. */
  *reasons(): Generator<Error, void> {
    for (const { why } of this.#parts) {
      if (why instanceof Error) yield why;
      else yield* why.values();
    }
  }
}
