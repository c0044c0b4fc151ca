// What a history does, step by step, drawn from its seed before it begins: so that steps can be
// left out of it and the rest be run again. A step that finds nothing to do does nothing.
import { Chance } from './chance.ts';
import type { DiskCall } from './mounted-disk.ts';
import type { Trouble } from './network.ts';
import { StepDraw } from './step-draw.ts';

export interface PlannedEvent {
  readonly ad: string;
  readonly site: string;
  readonly measure: 1 | 2;
  readonly n: number;
  /** How long before it was accepted it happened; undefined: its sender does not say. */
  readonly lateMs: number | undefined;
}

export type Action =
  | { readonly kind: 'start' | 'stop' | 'take over' | 'rot' | 'begin late' }
  | { readonly kind: 'kill' | 'power cut' }
  | { readonly kind: 'read'; readonly ad: string }
  | {
      readonly kind: 'request';
      readonly ack: 'memory' | 'journal' | 'store';
      readonly events: readonly PlannedEvent[];
      /** Sent so long after the next round has begun; left out: at once. */
      readonly intoRoundMs?: number;
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
  /** What each machine's wall clock is off from the beginning. */
  readonly skewsMs: readonly number[];
  readonly durationMs: number;
  readonly segmentBytes: number;
  readonly journalBytesMax: number;
  readonly intervalStretch: number;
  /** Into a quarter-hour, when it begins. */
  readonly offsetMs: number;
  readonly steps: readonly Step[];
}

const minuteMs = 60_000;
export const copySlots = 2;

const shapes: readonly (readonly number[])[] = [[0], [0, 0], [0, 1], [0, 0, 1], [0, 1, 2]];

export function drawPlan(seed: number): Plan {
  const chance = new Chance(seed, 'plan');
  const kind = chance.is(0.25) ? 'memory' : 'hbase';
  const shape = shapes[chance.below(shapes.length)] ?? [0];
  const machineOf = kind === 'memory' ? [0] : shape;
  const durationMs = chance.between(12, 50) * minuteMs;
  // Less than a leap: such a clock is followed.
  const skewsMs = machineOf.map(() => (chance.is(0.3) ? chance.between(-4, 4) * minuteMs : 0));
  const offsetMs = Math.floor(chance.between(0, 15 * minuteMs));
  const draw = new StepDraw(chance, { slots: machineOf.length, durationMs, kind, offsetMs });
  const steps: Step[] = machineOf.map((_, slot) => {
    return { kind: 'start', slot, atMs: Math.floor(chance.between(0, 10_000)) };
  });
  const last = machineOf.length - 1;
  if (machineOf[last] !== 0 && chance.is(0.6)) {
    // One that begins just when the others have called a quarter complete, with a clock behind.
    skewsMs[last] = chance.between(-4, -0.5) * minuteMs;
    steps.splice(last, 1, ...draw.beginLate(last));
  }
  for (let left = 5 + chance.below(25); left > 0; left--) steps.push(...draw.fault());
  // What rots stays, and takes its part of the bound for good.
  const isKept = steps.some(({ kind: action }) => action === 'rot');
  const interesting = steps.map(({ atMs }) => atMs);
  for (let left = chance.below(6); left > 0; left--) steps.push(...draw.burst());
  for (let left = 30 + chance.below(90); left > 0; left--) steps.push(draw.request(interesting));
  for (let left = chance.below(20); left > 0; left--) steps.push(draw.read(interesting));
  return {
    seed,
    kind,
    machineOf,
    skewsMs,
    durationMs,
    ...chance.one([
      { segmentBytes: 2048, journalBytesMax: 2 ** 24 },
      { segmentBytes: 16_384, journalBytesMax: 2 ** 24 },
      { segmentBytes: 65_536, journalBytesMax: 2 ** 24 },
      { segmentBytes: 2048, journalBytesMax: isKept ? 2 ** 24 : 16 * 1024 },
    ]),
    intervalStretch: chance.one([1, 5, 20]),
    offsetMs,
    steps: steps.filter(({ atMs }) => atMs < durationMs).sort((a, b) => a.atMs - b.atMs),
  };
}
