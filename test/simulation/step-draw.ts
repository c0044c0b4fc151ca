// Draws the steps of a plan: faults with what follows from them, requests just when something
// happens, questions. Which faults a history has is drawn once, so that each has its time.
import type { Chance } from './chance.ts';
import { diskCalls } from './mounted-disk.ts';
import { troubles } from './network.ts';
import { copySlots } from './plan.ts';
import type { Action, PlannedEvent, Step } from './plan.ts';

const ads = ['a', 'b', 'c'] as const;
const minuteMs = 60_000;

/** Faults of one history: each is left out of half of them, so that the others have their time. */
const faults = [
  'kill',
  'power cut',
  'stop',
  'copy',
  'freeze',
  'sleep',
  'clock',
  'network',
  'disk fails',
  'disk full',
  'disk slow',
  'short writes',
  'refusals',
  'take over',
  'rot',
] as const;
type Fault = (typeof faults)[number];

/** An embedded store has one process at a time, and no copy of it is the same store. */
const ofSeveral: ReadonlySet<Fault> = new Set(['copy', 'take over']);

export class StepDraw {
  readonly #chance: Chance;
  readonly #slots: number;
  readonly #durationMs: number;
  readonly #kinds: readonly [Fault, ...Fault[]];
  /** When the first quarter begins, and then every 15 minutes. */
  readonly #quarterAtMs: number;
  #marks = 0;
  #copies = 0;

  constructor(
    chance: Chance,
    place: {
      readonly slots: number;
      readonly durationMs: number;
      readonly offsetMs: number;
      readonly kind: string;
    },
  ) {
    this.#chance = chance;
    this.#slots = place.slots;
    this.#durationMs = place.durationMs;
    this.#quarterAtMs = 15 * minuteMs - place.offsetMs;
    const drawn = faults.filter(
      (fault) => chance.is(0.5) && (place.kind === 'hbase' || !ofSeveral.has(fault)),
    );
    this.#kinds = ['kill', ...drawn];
  }

  /** With what follows from it: whoever is killed is mostly started again. */
  fault(): Step[] {
    const chance = this.#chance;
    const atMs = this.#moment();
    const slot = this.#slot();
    const kind = chance.one(this.#kinds);
    const ends = kind === 'kill' || kind === 'power cut' || kind === 'stop' || kind === 'rot';
    const action = this.#action(kind);
    const steps: Step[] = [{ ...action, atMs, slot }];
    // It is seen by who starts after a crash.
    if (kind === 'rot') steps.unshift({ kind: 'power cut', atMs, slot });
    if (action.kind === 'copy') steps.push(...this.#aroundCopy(action.to, { atMs, slot }));
    if (ends && kind !== 'stop') {
      // A frame on its way when it dies, or just behind it.
      for (let left = chance.below(4); left > 0; left--) {
        steps.push(this.#request({ atMs: atMs - chance.between(0, 4), slot }));
      }
    }
    if (ends && chance.is(0.85)) {
      const afterMs = chance.one([100, 3000, 20_000, chance.between(0, 8 * minuteMs)]);
      const of =
        kind === 'power cut' || kind === 'rot'
          ? Array.from({ length: this.#slots }, (_, i) => i)
          : [slot];
      for (const one of of) {
        steps.push({ kind: 'start', slot: one, atMs: Math.floor(atMs + afterMs) });
      }
    }
    return steps;
  }

  request(interesting: readonly number[]): Step {
    const chance = this.#chance;
    const request = this.#request({ atMs: this.#momentNear(interesting), slot: this.#anySlot() });
    return chance.is(0.7) ? request : { ...request, intoRoundMs: chance.around(3) };
  }

  /** Behind the others' clocks, when they have just called a quarter complete or are about to. */
  beginLate(slot: number): Step[] {
    const chance = this.#chance;
    const atMs = this.#quarterAtMs - chance.between(0, 1000);
    const requests = Array.from({ length: 8 }, () =>
      this.#request({ atMs: atMs + chance.between(3000, 60_000), slot }),
    );
    return [{ kind: 'begin late', slot, atMs }, ...requests];
  }

  /** Several in the same cells while one round goes on. */
  burst(): Step[] {
    const chance = this.#chance;
    const place = { atMs: this.#moment(), slot: this.#slot() };
    return Array.from({ length: 2 + chance.below(6) }, () => {
      return { ...this.#request(place), intoRoundMs: chance.around(3) };
    });
  }

  #request(place: { readonly atMs: number; readonly slot: number }): Step & { kind: 'request' } {
    const chance = this.#chance;
    const events = Array.from({ length: 1 + chance.below(4) }, () => this.#event());
    const ack = chance.one(['journal', 'journal', 'journal', 'memory', 'store']);
    return { kind: 'request', ...place, ack, events };
  }

  /** Who goes on from the copy, and what becomes meanwhile of whom it was made of. */
  #aroundCopy(
    to: number,
    { atMs, slot }: { readonly atMs: number; readonly slot: number },
  ): Step[] {
    const chance = this.#chance;
    const soonMs = atMs + chance.between(0, 10_000);
    const start: Step = { kind: 'start', slot: to, atMs: soonMs };
    const requests = (fromMs: number): Step[] =>
      Array.from({ length: 3 }, () =>
        this.#request({ atMs: fromMs + chance.between(0, 5000), slot }),
      );
    switch (chance.one(['late', 'dies', 'stands still', 'is cut off', 'begins'])) {
      case 'dies':
        return [start, ...requests(atMs), { kind: 'kill', slot, atMs: atMs + 20_000 }];
      case 'stands still': {
        const ms = chance.between(1, 12) * minuteMs;
        const freeze = { kind: 'freeze', slot, ms, atMs: soonMs } as const;
        return [start, freeze, ...requests(soonMs + ms)];
      }
      case 'is cut off': {
        const ms = chance.between(1, 12) * minuteMs;
        const cut = { kind: 'network', slot, trouble: 'cut', ms, atMs: soonMs } as const;
        return [start, cut, ...requests(soonMs), ...requests(soonMs + ms)];
      }
      case 'begins': {
        // The copy is of one that the store does not know yet.
        const ms = chance.between(1, 12) * minuteMs;
        const again = { kind: 'start', slot, atMs: atMs - 11_000 } as const;
        const cut = { ...again, kind: 'network', trouble: 'cut', ms } as const;
        const kill = { kind: 'kill', slot, atMs: atMs - 12_000 } as const;
        return [kill, again, cut, ...requests(atMs - 6000), start, ...requests(soonMs + ms)];
      }
      case 'late':
      default:
        return [{ ...start, atMs: atMs + chance.between(0, 20 * minuteMs) }];
    }
  }

  #action(kind: Fault): Action {
    const chance = this.#chance;
    const ms = Math.floor(chance.one([300, 5000, 40_000, chance.between(1, 10) * minuteMs]));
    switch (kind) {
      case 'kill':
      case 'power cut':
      case 'stop':
      case 'take over':
      case 'rot':
        return { kind };
      case 'copy':
        return {
          kind,
          to: this.#slots + (this.#copies++ % copySlots),
          keepsInodes: chance.is(0.5),
        };
      case 'freeze':
      case 'sleep':
        return { kind, ms };
      case 'clock': {
        const hours = chance.one([-1, -0.05, 0, 0.05, 1, 20]);
        return { kind, offMs: Math.round(hours * 60 * minuteMs * chance.between(0.5, 1)) };
      }
      case 'network':
        return { kind, trouble: chance.one(troubles), ms };
      case 'disk fails': {
        const call = chance.is(0.4) ? chance.one(['datasync', 'write']) : chance.one(diskCalls);
        return { kind, call, times: 1 + chance.below(3) };
      }
      case 'disk full':
      case 'disk slow':
      case 'short writes':
        return { kind, ms: Math.min(ms, 2 * minuteMs) };
      case 'refusals':
      default:
        return { kind: 'refusals', remedy: chance.is(0.5) ? 'give-up' : 'retry', ms };
    }
  }

  #event(): PlannedEvent {
    const chance = this.#chance;
    const site = chance.is(0.5) ? `s${chance.below(2)}` : `mark-${this.#marks++}`;
    const lateMs = chance.is(0.3) ? Math.floor(chance.between(0, 4 * 60 * minuteMs)) : undefined;
    const ad = chance.one(ads);
    return { ad, site, measure: chance.one([1, 2]), n: 1 + chance.below(5), lateMs };
  }

  read(interesting: readonly number[]): Step {
    const ad = this.#chance.one(ads);
    return { kind: 'read', atMs: this.#momentNear(interesting), slot: this.#anySlot(), ad };
  }

  /** Half of them just when something happens. */
  #momentNear(interesting: readonly number[]): number {
    const chance = this.#chance;
    const near = interesting[chance.below(interesting.length)] ?? 0;
    const isNear = chance.is(0.5);
    return isNear ? Math.floor(Math.max(0, near + chance.between(-50, 2000))) : this.#moment();
  }

  #moment(): number {
    return Math.floor(this.#chance.between(0, this.#durationMs));
  }

  #slot(): number {
    return this.#chance.below(this.#slots);
  }

  /** Now and then one of a copy, where there may be a process by then. */
  #anySlot(): number {
    return this.#chance.is(0.9) ? this.#slot() : this.#slots + this.#chance.below(copySlots);
  }
}
