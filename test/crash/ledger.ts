// The sender's book: what it sent, what was acknowledged, what nobody knows. Lives in another
// process than the service, so that kill -9 takes none of it.

/** One request: an event of its own on a site of its own, and events on shared sites. */
export interface Sent {
  readonly ad: string;
  /** On a site that no other request names, so that each request can be found again. */
  readonly mark: string;
  readonly markN: number;
  readonly sharedN: number;
}

export interface Acknowledged extends Sent {
  readonly atMs: number;
}

export class Ledger {
  readonly acknowledged: Acknowledged[] = [];
  readonly unknown: Sent[] = [];
  refused = 0;
  readonly #sums = new Map<string, { acknowledged: number; unknown: number }>();

  acknowledge(sent: Sent): void {
    this.acknowledged.push({ ...sent, atMs: Date.now() });
    this.sumOf(sent.ad).acknowledged += sent.markN + sent.sharedN;
  }

  outcomeUnknown(sent: Sent): void {
    this.unknown.push(sent);
    this.sumOf(sent.ad).unknown += sent.markN + sent.sharedN;
  }

  sumOf(ad: string): { acknowledged: number; unknown: number } {
    const found = this.#sums.get(ad) ?? { acknowledged: 0, unknown: 0 };
    this.#sums.set(ad, found);
    return found;
  }

  get ads(): string[] {
    return [...this.#sums.keys()];
  }
}
