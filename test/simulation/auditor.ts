// Holds a history against the laws of the system (I1-I8), from what clients were told, what was
// ever sent to the store and what the store shows. Throws LawBroken; knows no code of the product
// but the shape of a registry record and what completeness follows from them.
import { decodeRecord } from '../../src/store/registry.ts';
import type { RegistryEntry } from '../../src/store/registry.ts';
import { completenessOf } from '../../src/store/completeness.ts';
import { quarterMs } from '../../src/model/quarter.ts';
import type { WriterId } from '../../src/model/writer-id.ts';
import type { TableName } from '../../src/store/row-store.ts';
import { viewCell } from './cell-view.ts';
import type { CellView } from './cell-view.ts';
import { LawBroken } from './law.ts';
import { Ledger } from './ledger.ts';
import type { StoredCell, StoredValue } from './tables.ts';

/** Less than the product waits for: a look takes its time. */
export const provenSilenceMs = 4 * 60_000;
const momentsKept = 8;

export interface AuditorOptions {
  /** For how long a living writer has not spoken; undefined: no process has this id. */
  readonly silentMs: (writer: string) => number | undefined;
  /** Its record is replaced. */
  readonly heard: (writer: string) => void;
  readonly nowMs: () => number;
}

export class Auditor {
  readonly ledger = new Ledger();
  /** Writers of which an older copy is at large. */
  readonly copied = new Set<string>();
  /** Writers whose journal has lost a frame that was synced. */
  readonly rotted = new Set<string>();
  /**
   * Writers that somebody sealed who could not know of all they had counted, and was right to:
   * they had been silent for minutes. What was called complete of them was not.
   */
  readonly #sealedUnheard = new Set<string>();
  readonly #sealedAtMs = new Map<string, number>();
  readonly #options: AuditorOptions;
  /** By place: what the store shows. */
  readonly shown = new Map<string, number>();
  readonly #cells = new Map<string, CellView>();
  /** Every state of a cell that anybody ever sent, by its n. */
  readonly #states = new Map<string, Map<number, Buffer>>();
  readonly #registry = new Map<string, RegistryEntry>();
  readonly #complete = new Map<number, ReadonlyMap<string, number>>();
  cellsApplied = 0;

  constructor(options: AuditorOptions) {
    this.#options = options;
  }

  /** Somebody sends it; whether it ever arrives is another matter. */
  readonly sent = (table: TableName, cells: readonly StoredCell[]): void => {
    if (table !== 'counts') return;
    for (const cell of cells) this.#holdsChain(cell, this.#view(cell));
  };

  /** The store shows something new. */
  readonly applied = (table: TableName, now: StoredCell, before?: StoredValue): void => {
    if (table === 'meta') return this.#record(now);
    if (table !== 'counts') return;
    this.cellsApplied++;
    const view = this.#view(now);
    const key = keyOf(now);
    const earlier = before === undefined ? undefined : this.#cells.get(key);
    this.#cells.set(key, view);
    for (const [measure, count] of earlier?.counts ?? []) {
      if ((view.counts.get(measure) ?? 0) < count) throw new LawBroken('I2', `${key} fell`);
    }
    for (const [measure, count] of view.counts) {
      const place = `${view.ad} ${view.site} ${measure}`;
      const total = (this.shown.get(place) ?? 0) + count - (earlier?.counts.get(measure) ?? 0);
      this.shown.set(place, total);
      const most = this.ledger.most(place);
      if (total > most) {
        throw new LawBroken('I1', `${place}: ${total} counted, ${most} sent at most`);
      }
    }
  };

  get open(): readonly string[] {
    return [...this.#registry.values()]
      .filter(({ record }) => record.state === 'open')
      .map(({ writer }) => writer);
  }

  /** As the registry says at this moment; 0: nothing is complete. */
  get completeThroughNow(): number {
    const entries = [...this.#registry.values()];
    return completenessOf({ entries, unreadable: [] }).completeThroughMs ?? 0;
  }

  /** Acknowledged, and accepted before the moment for sure; by place. */
  acceptedBefore(momentMs: number): ReadonlyMap<string, number> {
    const registeredMs = (writer: string): number | undefined =>
      this.#registry.get(writer)?.record.registeredMs ?? undefined;
    const except = this.#sealedUnheard;
    return this.ledger.acceptedBefore(momentMs, { except, registeredMs });
  }

  entryOf(writer: string): RegistryEntry | undefined {
    return this.#registry.get(writer);
  }

  get cells(): ReadonlyMap<string, CellView> {
    return this.#cells;
  }

  /** What is acknowledged at `store` is shown at once. */
  storeAcknowledged(places: ReadonlyMap<string, number>): void {
    for (const place of places.keys()) {
      const least = this.ledger.inStore.get(place) ?? 0;
      const total = this.shown.get(place) ?? 0;
      if (total < least) {
        throw new LawBroken('I1', `${place}: ${least} acknowledged at store, ${total} shown`);
      }
    }
  }

  /** When somebody else sealed it; undefined: nobody did. */
  sealedAtMs(writer: string): number | undefined {
    return this.#sealedAtMs.get(writer);
  }

  /** What is called complete is there, and stays as it is. */
  checkComplete(): void {
    const completeThroughMs = this.completeThroughNow;
    if (completeThroughMs === 0) return;
    const least = this.acceptedBefore(completeThroughMs);
    for (const [place, n] of least) {
      const total = this.shown.get(place) ?? 0;
      if (total >= n) continue;
      const when = new Date(completeThroughMs).toISOString();
      throw new LawBroken('I4', `complete through ${when}, but of ${place} ${total}, not ${n}`);
    }
    for (const [momentMs, then] of this.#complete) this.#staysAsOf(momentMs, then);
    const wholeMs = completeThroughMs - (completeThroughMs % quarterMs);
    if (!this.#complete.has(wholeMs)) this.#complete.set(wholeMs, this.#asOf(wholeMs));
    if (this.#complete.size > momentsKept) {
      this.#complete.delete(this.#complete.keys().next().value ?? 0);
    }
  }

  /** Once all is flushed and recovered: nothing acknowledged is missing. */
  checkAll(): void {
    this.checkComplete();
    for (const [place, n] of this.ledger.least()) {
      const total = this.shown.get(place) ?? 0;
      if (total < n) throw new LawBroken('I1', `${place}: ${n} acknowledged, ${total} shown`);
    }
    this.ledger.checkWhole(this.shown);
  }

  #staysAsOf(momentMs: number, then: ReadonlyMap<string, number>): void {
    const now = this.#asOf(momentMs);
    for (const writer of new Set([...then.keys(), ...now.keys()])) {
      const [earlier = 0, later = 0] = [then.get(writer), now.get(writer)];
      if (earlier === later || this.#sealedUnheard.has(writer)) continue;
      const when = new Date(momentMs).toISOString();
      throw new LawBroken('I4', `${writer} as of ${when}: ${earlier}, later ${later}`);
    }
  }

  /** By writer: of its cells that were accepted in quarters that ended by the moment. */
  #asOf(momentMs: number): ReadonlyMap<string, number> {
    const sums = new Map<string, number>();
    for (const { writer, eventQuarter, lag, n } of this.#cells.values()) {
      if ((eventQuarter + lag + 1) * quarterMs > momentMs) continue;
      sums.set(writer, (sums.get(writer) ?? 0) + n);
    }
    return sums;
  }

  /** All states of a cell lie on one chain: equal n is equal, larger n contains smaller n. */
  #holdsChain(cell: StoredCell, view: CellView): void {
    const key = keyOf(cell);
    const states = this.#states.get(key);
    if (states === undefined) {
      this.#states.set(key, new Map([[view.n, cell.value]]));
      return;
    }
    const known = states.get(view.n);
    if (known !== undefined) {
      if (known.equals(cell.value)) return;
      throw new LawBroken('I3', `${nameOf(view)}: two states of n = ${view.n}`);
    }
    for (const [n, value] of states) {
      const other = viewCell({ ...cell, value, version: cell.version - view.n + n });
      const [smaller, larger] = n < view.n ? [other, view] : [view, other];
      for (const [measure, count] of smaller.counts) {
        if ((larger.counts.get(measure) ?? 0) >= count) continue;
        throw new LawBroken('I3', `${nameOf(view)}: n = ${larger.n} lacks what ${smaller.n} has`);
      }
    }
    states.set(view.n, cell.value);
  }

  #view(cell: StoredCell): CellView {
    try {
      return viewCell(cell);
    } catch (thrown) {
      throw new LawBroken('I3', String(thrown));
    }
  }

  #record(cell: StoredCell): void {
    if (cell.row.length !== 9) return;
    const writer = Buffer.from(cell.row.slice(1), 'latin1').toString('hex') as WriterId;
    const { record, nonce } = decodeRecord(writer, cell.value);
    const before = this.#registry.get(writer);
    const isSealed = record.sealedBy === 'recoverer' && before?.record.state === 'open';
    if (isSealed) this.#sealedByOthers(writer);
    this.#options.heard(writer);
    const { value: bytes, version: changedMs } = cell;
    this.#registry.set(writer, { writer, record, nonce, bytes, changedMs });
    if (isSealed) this.#sealedAtMs.set(writer, this.#options.nowMs());
    this.checkComplete();
  }

  /** Only of the dead, as far as anybody can tell, and with a whole journal. */
  #sealedByOthers(writer: string): void {
    const silentMs = this.#options.silentMs(writer);
    const isLiving = silentMs !== undefined;
    if (isLiving && silentMs < provenSilenceMs) {
      throw new LawBroken('I4', `${writer} lives, spoke ${silentMs} ms ago and was sealed`);
    }
    if (this.rotted.has(writer) && !this.copied.has(writer))
      throw new LawBroken('I4', `${writer} has a gap and was sealed`);
    if (isLiving || this.copied.has(writer)) this.#sealedUnheard.add(writer);
  }
}

function keyOf({ row, qualifier }: StoredCell): string {
  return `${row}\u{1}${qualifier}`;
}

function nameOf({ ad, site, writer, eventQuarter, lag }: CellView): string {
  return `${ad} ${site} of ${writer} at ${eventQuarter}+${lag}`;
}
