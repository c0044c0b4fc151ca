// What a history does, step by step, drawn from its seed before it begins: so that steps can be
// left out of it and the rest be run again. A step that finds nothing to do does nothing.
import { Chance } from './chance.ts';
import { diskCalls } from './mounted-disk.ts';
import type { DiskCall } from './mounted-disk.ts';
import { troubles } from './network.ts';
import type { Trouble } from './network.ts';

export interface PlannedEvent {
  readonly ad: string;
  readonly site: string;
  readonly measure: 1 | 2;
  readonly n: number;
  /** How long before it was accepted it happened; undefined: its sender does not say. */
  readonly lateMs: number | undefined;
}

export type Action =
  | { readonly kind: 'start' | 'stop' | 'take over' | 'rot' }
  | { readonly kind: 'kill' | 'power cut' }
  | { readonly kind: 'read'; readonly ad: string }
  | {
      readonly kind: 'request';
      readonly ack: 'memory' | 'journal' | 'store';
      readonly events: readonly PlannedEvent[];
    }
  | { readonly kind: 'copy'; readonly to: number; readonly keepsInodes: boolean }
  | { readonly kind: 'freeze' | 'sleep'; readonly ms: number }
  | { readonly kind: 'clock'; readonly offMs: number }
  | { readonly kind: 'network'; readonly trouble: Trouble; readonly ms: number }
  | { readonly kind: 'disk fails'; readonly call: DiskCall; readonly times: number }
  | { readonly kind: 'disk full' | 'disk slow' | 'short writes'; readonly ms: number }
  | { readonly kind: 'refusals'; readonly remedy: 'give-up' | 'retry'; readonly ms: number };

export type Step = Action & { readonly atMs: number; readonly slot: number };

export interface Plan {
  readonly seed: number;
  readonly kind: 'memory' | 'hbase';
  /** The machine of each slot that may run a process; copies have slots of their own. */
  readonly machineOf: readonly number[];
  readonly durationMs: number;
  readonly segmentBytes: number;
  readonly journalBytesMax: number;
  readonly intervalStretch: number;
  /** Into a quarter-hour, when it begins. */
  readonly offsetMs: number;
  readonly steps: readonly Step[];
}

const ads = ['a', 'b', 'c'] as const;
const minuteMs = 60_000;
export const copySlots = 2;

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

const shapes: readonly (readonly number[])[] = [[0], [0, 0], [0, 1], [0, 0, 1], [0, 1, 2]];

export function drawPlan(seed: number): Plan {
  const chance = new Chance(seed, 'plan');
  const kind = chance.is(0.25) ? 'memory' : 'hbase';
  const shape = shapes[chance.below(shapes.length)] ?? [0];
  const machineOf = kind === 'memory' ? [0] : shape;
  const durationMs = chance.between(12, 50) * minuteMs;
  const steps: Step[] = machineOf.map((_, slot) => {
    return { kind: 'start', slot, atMs: Math.floor(chance.between(0, 10_000)) };
  });
  const draw = new StepDraw(chance, { slots: machineOf.length, durationMs, kind });
  for (let left = 5 + chance.below(25); left > 0; left--) steps.push(...draw.fault());
  // What rots stays, and takes its part of the bound for good.
  const isKept = steps.some(({ kind: action }) => action === 'rot');
  const interesting = steps.map(({ atMs }) => atMs);
  for (let left = 30 + chance.below(90); left > 0; left--) steps.push(draw.request(interesting));
  for (let left = chance.below(20); left > 0; left--) steps.push(draw.read(interesting));
  return {
    seed,
    kind,
    machineOf,
    durationMs,
    ...chance.one([
      { segmentBytes: 2048, journalBytesMax: 2 ** 24 },
      { segmentBytes: 16_384, journalBytesMax: 2 ** 24 },
      { segmentBytes: 65_536, journalBytesMax: 2 ** 24 },
      { segmentBytes: 2048, journalBytesMax: isKept ? 2 ** 24 : 16 * 1024 },
    ]),
    intervalStretch: chance.one([1, 5, 20]),
    offsetMs: Math.floor(chance.between(0, 15 * minuteMs)),
    steps: steps.filter(({ atMs }) => atMs < durationMs).sort((a, b) => a.atMs - b.atMs),
  };
}

class StepDraw {
  readonly #chance: Chance;
  readonly #slots: number;
  readonly #durationMs: number;
  readonly #kinds: readonly [Fault, ...Fault[]];
  #marks = 0;
  #copies = 0;

  constructor(
    chance: Chance,
    place: { readonly slots: number; readonly durationMs: number; readonly kind: string },
  ) {
    this.#chance = chance;
    this.#slots = place.slots;
    this.#durationMs = place.durationMs;
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
    if (action.kind === 'copy') {
      const afterMs = chance.one([0, chance.between(0, 20 * minuteMs)]);
      steps.push({ kind: 'start', slot: action.to, atMs: Math.floor(atMs + afterMs) });
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
    const atMs = this.#momentNear(interesting);
    const events = Array.from({ length: 1 + chance.below(4) }, () => this.#event());
    const ack = chance.one(['journal', 'journal', 'journal', 'memory', 'store']);
    return { kind: 'request', atMs, slot: this.#anySlot(), ack, events };
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
