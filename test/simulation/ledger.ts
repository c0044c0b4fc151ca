// The clients' side of a history: a line for each request, with what its sender was told. What
// nobody can say counts as perhaps.
import type { PlannedEvent } from './plan.ts';
import { LawBroken } from './law.ts';

/** Told counted; told refused; or nobody knows. `memory` may be lost by a crash. */
export type Standing = 'pending' | 'ok' | 'unknown' | 'refused';

/** Who counted a request, as far as the sender can know. */
export interface CountedBy {
  /** Undefined: an identity ended meanwhile, so nobody can say which one it was. */
  readonly writer: string | undefined;
  readonly wasRegistered: boolean;
  /** The accept clock when the acknowledgement came. */
  readonly acceptMsMax: number;
}

export interface Line {
  /** Of the process that it was sent to. */
  readonly machine: string;
  readonly places: ReadonlyMap<string, number>;
  standing: Standing;
  by: CountedBy | undefined;
  /** Its disk lost a part of it; what it told with other frames may still be there. */
  isLost: boolean;
}

export class Ledger {
  /** Told that the store has it, by place. */
  readonly inStore = new Map<string, number>();
  readonly #lines: Line[] = [];
  /** Of all lines that were not refused, by place. */
  readonly #most = new Map<string, number>();

  open(events: readonly PlannedEvent[], machine: string): Line {
    const places = new Map<string, number>();
    for (const { ad, site, measure, n } of events) add(places, `${ad} ${site} ${measure}`, n);
    const line: Line = { machine, places, standing: 'pending', by: undefined, isLost: false };
    this.#lines.push(line);
    for (const [place, n] of places) add(this.#most, place, n);
    return line;
  }

  refuse(line: Line): void {
    line.standing = 'refused';
    for (const [place, n] of line.places) add(this.#most, place, -n);
  }

  /** The disk lost what the writer had counted: nobody can say any more what is left of it. */
  lose(machine: string, writer: string): void {
    for (const line of this.#lines) {
      if (line.machine !== machine || (line.by?.writer ?? writer) !== writer) continue;
      line.isLost = true;
      if (line.standing === 'ok') line.standing = 'unknown';
    }
  }

  /** So many counts may stand there at most. */
  most(place: string): number {
    return this.#most.get(place) ?? 0;
  }

  get counts(): Readonly<Record<Standing, number>> {
    const counts = { pending: 0, ok: 0, unknown: 0, refused: 0 };
    for (const { standing } of this.#lines) counts[standing]++;
    return counts;
  }

  /** Acknowledged, by place. */
  least(): ReadonlyMap<string, number> {
    return this.#sums(({ standing }) => standing === 'ok');
  }

  /** The same of what was accepted before the moment, for sure. */
  acceptedBefore(
    momentMs: number,
    known: {
      readonly except: ReadonlySet<string>;
      readonly registeredMs: (writer: string) => number | undefined;
    },
  ): ReadonlyMap<string, number> {
    return this.#sums(({ standing, by }) => {
      if (standing !== 'ok' || by?.writer === undefined || known.except.has(by.writer)) {
        return false;
      }
      // What was accepted without the store was accepted when its writer was registered.
      const registeredMs = by.wasRegistered ? 0 : (known.registeredMs(by.writer) ?? Infinity);
      return Math.max(by.acceptMsMax, registeredMs) < momentMs;
    });
  }

  /** A request counts as a whole or not at all: seen where it alone counted. */
  checkWhole(shown: ReadonlyMap<string, number>): void {
    for (const { places, standing, isLost } of this.#lines) {
      if (isLost) continue;
      const own = [...places].filter(([place]) => place.includes('mark-'));
      const there = own.filter(([place]) => (shown.get(place) ?? 0) > 0);
      if (there.length > 0 && there.length < own.length) {
        throw new LawBroken('I1', `a request (${standing}) counts in part: ${own.join(', ')}`);
      }
      if (standing === 'refused' && there.length > 0) {
        throw new LawBroken('I1', `a refused request counts: ${there.join(', ')}`);
      }
    }
  }

  #sums(isMeant: (line: Line) => boolean): Map<string, number> {
    const sums = new Map<string, number>();
    for (const line of this.#lines) {
      if (isMeant(line)) for (const [place, n] of line.places) add(sums, place, n);
    }
    return sums;
  }
}

export function add(sums: Map<string, number>, place: string, n: number): void {
  sums.set(place, (sums.get(place) ?? 0) + n);
}
