// Owns whose turn it is on the event loop: each turn of it goes to one of those who wait, so that
// the work of many lanes never adds up to one long slice. First come, first served.

export class Turns {
  readonly #waiting: (() => void)[] = [];

  /** Resolves in a turn that is nobody else's here. */
  next(): Promise<void> {
    return new Promise<void>((resolve) => {
      this.#waiting.push(resolve);
      if (this.#waiting.length === 1) this.#serveNext();
    });
  }

  #serveNext(): void {
    setImmediate(() => {
      this.#waiting.shift()?.();
      if (this.#waiting.length > 0) this.#serveNext();
    });
  }
}
