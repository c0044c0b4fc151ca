// What a run does to the service and its store, and when: all of it follows from the seed. A plan
// says when a fault is meant to come; the run says whether it came, and whether it hit.
import { seededRandom } from '../crash/random.ts';

export const serviceKinds = ['kill', 'killWorker', 'clone', 'restore', 'lose'] as const;
export const storeKinds = ['down', 'killRegionServer', 'moveRegion'] as const;
export type ServiceKind = (typeof serviceKinds)[number];
export type StoreKind = (typeof storeKinds)[number];
export type FaultKind = ServiceKind | StoreKind | 'clock' | 'cutReply';

export const meaning: Readonly<Record<FaultKind, string>> = {
  kill: 'kill -9 of an instance with all its workers, requests under way',
  killWorker: 'kill -9 of one worker, requests under way at its instance',
  clone: 'a copy of a living data folder, started beside it under load, killed, recovered',
  restore: 'an instance killed and started again on an older copy of its data folder',
  lose: 'an instance killed, its folder away, its writer called lost; the folder found later',
  clock: 'the wall clock of an instance off, and right again',
  down: 'the store killed and away',
  killRegionServer: 'kill -9 of a region server with calls under way, started again',
  moveRegion: 'a region moved, its old server asked for it',
  cutReply: 'a reply cut after it was applied',
};

export interface Planned<Kind extends FaultKind = FaultKind> {
  readonly kind: Kind;
  readonly atMs: number;
  /** From 0 to 1: which of those that it may strike. */
  readonly choice: number;
  /** From 0 to 1: how long, how far. */
  readonly measure: number;
}

export interface PlanOptions {
  readonly seed: number;
  /** From the begin of the faults to the last of them. */
  readonly lengthMs: number;
  readonly service: Readonly<Partial<Record<ServiceKind, number>>>;
  readonly store: Readonly<Partial<Record<StoreKind, number>>>;
  readonly clocks: number;
  /** When the store goes down, if that is not left to chance. */
  readonly down?: { readonly atMs: number; readonly forMs: number };
}

export interface Plan {
  /** Those of a list come one after the other, the lists beside one another. */
  readonly service: readonly Planned<ServiceKind>[];
  readonly store: readonly Planned<StoreKind>[];
  readonly clock: readonly Planned<'clock'>[];
}

/** They need a store that answers. */
export const needStore: ReadonlySet<FaultKind> = new Set(['clone', 'restore', 'lose']);
/** What they take, and more. */
const calmBeforeMs = 40_000;

export function planOf(options: PlanOptions): Plan {
  const random = seededRandom(options.seed);
  const { lengthMs, down } = options;
  const all = listed(serviceKinds, options.service);
  const times = evenly(all.length, lengthMs, random);
  const isOut = (ms: number): boolean =>
    down === undefined || ms < down.atMs - calmBeforeMs || ms > down.atMs + down.forMs;
  const careful = shuffled(
    all.filter((kind) => needStore.has(kind)),
    random,
  );
  const others = shuffled(
    all.filter((kind) => !needStore.has(kind)),
    random,
  );
  const calm = spread(times.filter(isOut), careful.length);
  // Where there are too few times at which the store is there, it is waited for.
  const rest = times.filter((ms) => !calm.includes(ms)).slice(0, careful.length - calm.length);
  const kept = new Map([...calm, ...rest].map((atMs, i) => [atMs, careful[i] ?? 'kill'] as const));
  const service = times.map((atMs) => {
    return plannedAt(atMs, kept.get(atMs) ?? others.pop() ?? 'kill', random);
  });
  const store = storeFaults(options, random);
  const clock = evenly(options.clocks, lengthMs, random).map((atMs) =>
    plannedAt<'clock'>(atMs, 'clock', random),
  );
  return { service, store, clock };
}

function storeFaults(options: PlanOptions, random: () => number): Planned<StoreKind>[] {
  const { store, lengthMs, down } = options;
  const kinds = shuffled(listed(storeKinds, store), random);
  const times = evenly(kinds.length, lengthMs, random);
  const planned = kinds.map((kind, i) => plannedAt(times[i] ?? 0, kind, random));
  if (down === undefined) return planned;
  const outage = { ...plannedAt<StoreKind>(down.atMs, 'down', random), measure: 1 };
  return [...planned, outage].toSorted((a, b) => a.atMs - b.atMs);
}

function plannedAt<Kind extends FaultKind>(
  atMs: number,
  kind: Kind,
  random: () => number,
): Planned<Kind> {
  return { kind, atMs, choice: random(), measure: random() };
}

/** One in each of as many equal parts, somewhere in its middle half. */
function evenly(count: number, lengthMs: number, random: () => number): number[] {
  const part = lengthMs / count;
  return Array.from({ length: count }, (_, i) => Math.round((i + 0.25 + random() / 2) * part));
}

/** So many of them at most, from first to last. */
function spread(times: readonly number[], count: number): number[] {
  const many = Math.min(count, times.length);
  return Array.from({ length: many }, (_, i) => times[Math.floor((i * times.length) / many)] ?? 0);
}

function listed<Kind extends FaultKind>(
  kinds: readonly Kind[],
  counts: Readonly<Partial<Record<Kind, number>>>,
): Kind[] {
  return kinds.flatMap((kind) => Array.from({ length: counts[kind] ?? 0 }, () => kind));
}

function shuffled<Item>(items: readonly Item[], random: () => number): Item[] {
  return items
    .map((item) => ({ item, at: random() }))
    .toSorted((a, b) => a.at - b.at)
    .map(({ item }) => item);
}
