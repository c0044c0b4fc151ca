// Waiting in tests: for a condition, with a deadline, never for a guess of time.

export async function until(
  condition: () => boolean | Promise<boolean>,
  timeoutMs: number,
): Promise<void> {
  const deadlineMs = performance.now() + timeoutMs;
  while (!(await condition())) {
    if (performance.now() > deadlineMs) throw new Error(`not within ${timeoutMs} ms`);
    await new Promise((resolve) => setTimeout(resolve, 5));
  }
}

/** Something that is held until the test lets it go. */
export class Held {
  #letGo: (() => void) | undefined;
  readonly passed = new Promise<void>((resolve) => {
    this.#letGo = resolve;
  });

  letGo(): void {
    this.#letGo?.();
  }
}
