// What happened, as a number that two equal runs share, and its last lines for a person.
const linesKept = 400;

export class Trace {
  readonly #lines: string[] = [];
  #high = 0x9e3779b9;
  #low = 0x85ebca6b;

  /** Part of the hash only. */
  add(what: string, number: number): void {
    for (let i = 0; i < what.length; i++) this.#mix(what.charCodeAt(i));
    this.#mix(Math.floor(number * 1000) | 0);
  }

  tell(atMs: number, line: string): void {
    this.add(line, atMs);
    if (this.#lines.push(`${(atMs / 1000).toFixed(3).padStart(9)} s  ${line}`) > 2 * linesKept) {
      this.#lines.splice(0, linesKept);
    }
  }

  get hash(): string {
    return hexOf(this.#high) + hexOf(this.#low);
  }

  lastLines(count: number): readonly string[] {
    return this.#lines.slice(-count);
  }

  #mix(value: number): void {
    this.#high = Math.imul(this.#high ^ value, 0x5bd1e995) ^ (this.#low >>> 15);
    this.#low = Math.imul(this.#low ^ value, 0x1b873593) ^ (this.#high >>> 13);
  }
}

function hexOf(part: number): string {
  return (part >>> 0).toString(16).padStart(8, '0');
}
