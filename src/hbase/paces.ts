// The paces of one client: of each server that it speaks to, and of each region that is overloaded.
// CallQueueTooBig and used-up quotas concern the server: all that goes there waits. RegionTooBusy
// concerns one region whose memory is full: its neighbours on the same server go on as ever.
// Never holds up meta for what goes to tables: HBase has a queue of its own for it, and so have we.
import type { CounterError } from '../model/errors.ts';
import { hbasePacesMax } from '../limits.ts';
import { Pace } from './pace.ts';
import type { Turn, TurnEnd } from './pace.ts';

/** Which overload each failure is of. */
const overloadCodes = { server: 'STORE_BUSY', region: 'STORE_REGION_BUSY' } as const;

/** What the end of a call says of a place: taken, refused as too much, or nothing. */
export function endAt(place: keyof typeof overloadCodes, failure: CounterError | null): TurnEnd {
  const overload = failure?.code === overloadCodes[place] ? failure : null;
  return { ok: failure === null, overload };
}

export class Paces {
  readonly #servers = new Map<string, Pace>();
  readonly #regions = new Map<string, Pace>();

  server(key: string): Pace {
    let pace = this.#servers.get(key);
    if (pace === undefined) {
      if (this.#servers.size >= hbasePacesMax) this.#forgetIdleServers();
      pace = new Pace(key);
      this.#servers.set(key, pace);
    }
    return pace;
  }

  /** Undefined: nothing holds the region up, as nearly always. */
  region(name: Buffer): Pace | undefined {
    return this.#regions.size === 0 ? undefined : this.#regions.get(keyOf(name));
  }

  /** Without waiting. Undefined: nothing holds the region up; a failure: this does. */
  tryRegion(name: Buffer): Turn | CounterError | undefined {
    return this.region(name)?.tryEnter(0);
  }

  /** No turn: the call was sent when nothing held the region up. */
  leaveRegion(name: Buffer, turn: Turn | undefined, failure: CounterError | null): void {
    const end = endAt('region', failure);
    if (turn === undefined && end.overload === null) return;
    const key = keyOf(name);
    const pace = this.#regions.get(key);
    turn?.pace.leave(turn, end);
    if (pace !== undefined) {
      if (pace.idle) this.#regions.delete(key);
    } else if (end.overload !== null) {
      // Refused for the first time; what was sent before that tells nothing new.
      if (this.#regions.size >= hbasePacesMax) this.#forgetOneRegion();
      const busy = new Pace(`region ${key}`);
      busy.refused(end.overload);
      this.#regions.set(key, busy);
    }
  }

  close(): void {
    for (const pace of [...this.#servers.values(), ...this.#regions.values()]) pace.close();
  }

  #forgetIdleServers(): void {
    for (const [key, pace] of this.#servers) if (pace.idle) this.#servers.delete(key);
  }

  /** The oldest: whoever waits for it may go at once, and would be refused again at worst. */
  #forgetOneRegion(): void {
    const [oldest] = this.#regions;
    if (oldest === undefined) return;
    this.#regions.delete(oldest[0]);
    oldest[1].open();
  }
}

function keyOf(name: Buffer): string {
  return name.toString('latin1');
}
