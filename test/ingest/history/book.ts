// The book of a history: what was acknowledged, what nobody knows, and the laws that the store is
// held against after every step (verification.md, section 3: I1, I2, I4 and the ledger).
import { completenessOf } from '../../../src/store/completeness.ts';
import { WriterRegistry } from '../../../src/store/registry.ts';
import type { RegistryEntry } from '../../../src/store/registry.ts';
import { CounterStore } from '../../../src/store/counter-store.ts';
import type { AdId } from '../../../src/model/cell.ts';
import { sumOf } from '../../../src/model/cell.ts';
import type { AdEvent } from '../../../src/model/event.ts';
import { quarterMs } from '../../../src/model/quarter.ts';
import type { CellCursor } from '../../../src/model/rows.ts';
import { writerIdFromBytes } from '../../../src/model/writer-id.ts';
import type { WriterId } from '../../../src/model/writer-id.ts';
import { everything } from '../../support/core-harness.ts';
import type { MemoryRowStore } from '../../support/memory-row-store.ts';

export const adsOfBook = ['a', 'b', 'c'] as const;
const callOptions = { timeoutMs: 5000 };
const momentsKept = 6;

/** Who counted a request, as far as the sender can know. */
export interface CountedBy {
  /** Undefined: an identity ended meanwhile, so nobody can say which one it was. */
  readonly writer: WriterId | undefined;
  readonly wasRegistered: boolean;
  /** The accept clock when the acknowledgement came. */
  readonly acceptMsMax: number;
}

interface Acknowledged extends CountedBy {
  readonly events: readonly AdEvent[];
}

interface StoredCell {
  readonly writer: WriterId;
  readonly acceptedEndMs: number;
  readonly n: number;
}

interface Seen {
  readonly totals: ReadonlyMap<string, number>;
  /** By writer: of its cells that were accepted in quarters that ended by the moment. */
  asOf(momentMs: number): ReadonlyMap<WriterId, number>;
}

export class Book {
  readonly #rows: MemoryRowStore;
  readonly #acknowledged: Acknowledged[] = [];
  readonly #unknown: (readonly AdEvent[])[] = [];
  #highest = new Map<string, number>();
  readonly #complete = new Map<number, ReadonlyMap<WriterId, number>>();
  /**
   * Writers of which an older copy is at large, or that were given up while they lived: what is
   * called complete is not, with an alarm.
   */
  readonly cloned = new Set<string>();

  constructor(rows: MemoryRowStore) {
    this.#rows = rows;
  }

  acknowledge(events: readonly AdEvent[], by: CountedBy): void {
    this.#acknowledged.push({ events, ...by });
  }

  outcomeUnknown(events: readonly AdEvent[]): void {
    this.#unknown.push(events);
  }

  async registry(): Promise<readonly RegistryEntry[]> {
    return (await new WriterRegistry(this.#rows).readAll()).entries;
  }

  /** Throws where a law is broken. Registry first, then the store, as a query does. */
  async check(): Promise<void> {
    const registry = await this.registry();
    const seen = await this.#read();
    for (const [place, total] of this.#highest) {
      const now = seen.totals.get(place) ?? 0;
      if (now < total) throw new Error(`${place}: the total fell from ${total} to ${now}`);
    }
    this.#highest = new Map(seen.totals);
    const most = sumsOf([...this.#acknowledged.map(({ events }) => events), ...this.#unknown]);
    for (const [place, total] of seen.totals) {
      const sent = most.get(place) ?? 0;
      if (total > sent) throw new Error(`${place}: ${total} counted, ${sent} sent at most`);
    }
    const { completeThroughMs } = completenessOf({ entries: registry, unreadable: [] });
    if (completeThroughMs !== null) this.#checkComplete(completeThroughMs, registry, seen);
  }

  /** Once everything was recovered and flushed. */
  async checkAll(): Promise<void> {
    await this.check();
    const seen = await this.#read();
    this.#holds(seen, this.#acknowledged, 'acknowledged');
    const open = (await this.registry()).filter(({ record }) => record.state === 'open');
    if (open.length > 0 && this.cloned.size === 0) {
      throw new Error(`left open: ${open.map(({ writer }) => writer).join()}`);
    }
  }

  get acknowledgedCounts(): number {
    return this.#acknowledged.reduce((sum, { events }) => sum + countsOf(events), 0);
  }

  #checkComplete(momentMs: number, registry: readonly RegistryEntry[], seen: Seen): void {
    const registered = new Map(registry.map(({ writer, record }) => [writer, record.registeredMs]));
    const before = this.#acknowledged.filter(({ writer, wasRegistered, acceptMsMax }) => {
      if (writer === undefined || this.cloned.has(writer)) return false;
      // What was accepted without the store was accepted when its writer was registered.
      const acceptMs = wasRegistered
        ? acceptMsMax
        : Math.max(acceptMsMax, registered.get(writer) ?? Infinity);
      return acceptMs < momentMs;
    });
    const when = new Date(momentMs).toISOString();
    this.#holds(seen, before, `acknowledged before ${when}, through which all is complete,`);
    for (const [earlierMs, then] of this.#complete) {
      const now = seen.asOf(earlierMs);
      const moment = new Date(earlierMs).toISOString();
      for (const writer of new Set([...then.keys(), ...now.keys()])) {
        const [earlier = 0, later = 0] = [then.get(writer), now.get(writer)];
        if (earlier === later || this.cloned.has(writer)) continue;
        throw new Error(`${writer} as of ${moment}: ${earlier}, later ${later}`);
      }
    }
    this.#complete.set(momentMs, seen.asOf(momentMs));
    if (this.#complete.size > momentsKept) {
      this.#complete.delete([...this.#complete.keys()][0] ?? 0);
    }
  }

  #holds(seen: Seen, acknowledged: readonly Acknowledged[], what: string): void {
    for (const [place, n] of sumsOf(acknowledged.map(({ events }) => events))) {
      const total = seen.totals.get(place) ?? 0;
      if (total < n) throw new Error(`${place}: ${n} ${what} and ${total} in the store`);
    }
  }

  async #read(): Promise<Seen> {
    const store = await CounterStore.open(this.#rows, { createIfMissing: true }, callOptions);
    const totals = new Map<string, number>();
    for (const ad of adsOfBook) {
      const visit = (entry: Parameters<Parameters<CounterStore['readAd']>[2]>[0]): void => {
        const n = sumOf(entry.counts);
        const place = `${ad} ${entry.site}`;
        totals.set(place, (totals.get(place) ?? 0) + n);
      };
      await store.readAd(ad as AdId, everything, visit, callOptions);
    }
    const cells = await this.#cells();
    const asOf = (momentMs: number): ReadonlyMap<WriterId, number> => {
      const sums = new Map<WriterId, number>();
      for (const { writer, acceptedEndMs, n } of cells) {
        if (acceptedEndMs <= momentMs) sums.set(writer, (sums.get(writer) ?? 0) + n);
      }
      return sums;
    };
    return { totals, asOf };
  }

  /** Straight from the table, with whose they are (docs/FORMATS.md). */
  async #cells(): Promise<readonly StoredCell[]> {
    const cells: StoredCell[] = [];
    const visit = ({ bytes, qualifierStart, version }: CellCursor): void => {
      const lag = bytes.readUInt16BE(qualifierStart + 2);
      const n = version % quarterMs;
      const acceptedEndMs = version - n + (lag + 1) * quarterMs;
      cells.push({ writer: writerIdFromBytes(bytes, qualifierStart + 4), acceptedEndMs, n });
    };
    const all = { start: Buffer.alloc(0), stop: Buffer.alloc(0) };
    await this.#rows.scan('counts', all, visit, callOptions);
    return cells;
  }
}

function sumsOf(requests: readonly (readonly AdEvent[])[]): Map<string, number> {
  const sums = new Map<string, number>();
  for (const { ad, site, n } of requests.flat()) {
    const place = `${ad} ${site}`;
    sums.set(place, (sums.get(place) ?? 0) + n);
  }
  return sums;
}

export function countsOf(events: readonly AdEvent[]): number {
  return events.reduce((sum, { n }) => sum + n, 0);
}
