// A model of a writer for the journal's tests: random frames of absolute counts, appended one by
// one, and what a replay must find after any number of them.
import type { Frame, FrameCell } from '../../src/journal/frame.ts';
import { Journal } from '../../src/journal/journal.ts';
import type { JournalOptions } from '../../src/journal/journal.ts';
import { replayQuarter } from '../../src/journal/replay-quarter.ts';
import type { QuarterReplay } from '../../src/journal/replay-quarter.ts';
import { replayFolder } from '../../src/journal/replay.ts';
import type { FolderReplay } from '../../src/journal/replay.ts';
import { makeWriterFolder } from '../../src/journal/writer-folder.ts';
import { addInPlace } from '../../src/model/cell.ts';
import { quarterMs, quarterOf } from '../../src/model/quarter.ts';
import type { WriterId } from '../../src/model/writer-id.ts';
import { MemoryDisk } from './memory-disk.ts';

export const writer = '00a1b2c3d4e5f608' as WriterId;
export const folder = `/data/journal/${writer}`;
export const firstQuarter = 1_900_000;
export const startMs = firstQuarter * quarterMs;

/** One event of a frame to be formed. */
export interface Step {
  readonly ad: string;
  readonly site: string;
  readonly measure: number;
  readonly n: number;
  readonly lag: number;
  readonly claimed: boolean;
}

export interface FrameStep {
  /** Accept time passes before the frame. */
  readonly afterMs: number;
  readonly steps: readonly Step[];
}

/** Key of a cell → its counts. */
export type State = ReadonlyMap<string, readonly number[]>;

interface ModelCell extends FrameCell {
  readonly counts: number[];
}

/** Forms frames as counters would: a table per acceptance quarter, numbers from 0. */
export class WriterModel {
  acceptMs = startMs;
  registeredMs: number | undefined;
  /** Of each synced frame: all cells as they stand after it. */
  readonly states: State[] = [new Map()];
  #registeredSaid = false;
  #table = new Map<string, ModelCell>();
  #tableQuarter: number | undefined;
  #state = new Map<string, readonly number[]>();

  constructor(options: { readonly registered: boolean } = { registered: true }) {
    if (options.registered) this.register();
  }

  register(): void {
    this.registeredMs = this.acceptMs;
  }

  /** Computes the next frame; `synced` makes it part of the state. */
  form(step: FrameStep): { frame: Frame; synced: () => void } {
    this.acceptMs += step.afterMs;
    const isRegistered = this.registeredMs !== undefined;
    const acceptanceQuarter = isRegistered ? quarterOf(this.acceptMs) : undefined;
    const registered = quarterOf(this.registeredMs ?? 0);
    if (acceptanceQuarter !== this.#tableQuarter) {
      // The table of unregistered frames becomes that of the quarter of the registration.
      const goesOn = this.#tableQuarter === undefined && acceptanceQuarter === registered;
      if (!goesOn) this.#table = new Map();
      this.#tableQuarter = acceptanceQuarter;
    }
    const touched = new Map<string, ModelCell>();
    for (const { ad, site, measure, n, lag, claimed } of step.steps) {
      const eventQuarter = quarterOf(this.acceptMs) - lag;
      const key = `${claimed}|${eventQuarter}|${ad}|${site}`;
      let cell = touched.get(key);
      if (cell === undefined) {
        const known = this.#table.get(key);
        const number = known?.number ?? this.#table.size;
        const keySegment = known?.keySegment ?? 0;
        const counts = [...(known?.counts ?? [])];
        cell = { number, claimed, eventQuarter, ad, site, counts, keySegment };
        touched.set(key, cell);
        if (known === undefined) this.#table.set(key, { ...cell, counts: [] });
      }
      addInPlace(cell.counts, measure, n);
    }
    const says = isRegistered && !this.#registeredSaid;
    const frame: Frame = {
      acceptMs: this.acceptMs,
      acceptanceQuarter,
      cells: [...touched.values()],
      registeredMs: says ? this.registeredMs : undefined,
    };
    const synced = (): void => {
      this.#registeredSaid ||= says;
      for (const [key, cell] of touched) {
        this.#table.set(key, cell);
        // Unregistered cells are told apart by nothing: their quarter is that of `registered`.
        this.#state.set(`${acceptanceQuarter ?? 'unregistered'}|${key}`, [...cell.counts]);
      }
      this.states.push(new Map(this.#state));
    };
    return { frame, synced };
  }
}

/** The state with unregistered cells in their quarter, as a replay tells it. */
export function settled(state: State, registeredMs: number | undefined): State {
  const quarter = registeredMs === undefined ? 'unregistered' : String(quarterOf(registeredMs));
  const result = new Map<string, readonly number[]>();
  for (const [key, counts] of state) {
    const name = key.replace('unregistered', quarter);
    // Of the two, what was counted on later holds the earlier.
    if (sum(counts) > sum(result.get(name) ?? [])) result.set(name, counts);
  }
  return result;
}

const sum = (counts: readonly number[]): number =>
  counts.reduce((total, count, i) => total + (i % 2 === 1 ? count : 0), 0);

export async function newJournal(
  options: Partial<Omit<JournalOptions, 'disk'>> & { readonly disk?: MemoryDisk } = {},
): Promise<{ disk: MemoryDisk; journal: Journal; errors: Error[] }> {
  const disk = options.disk ?? (await newDisk());
  const errors: Error[] = [];
  const onError = (error: Error): void => void errors.push(error);
  const segmentBytes = 8_192;
  const journal = await Journal.create({ folder, writer, onError, segmentBytes, ...options, disk });
  return { disk, journal, errors };
}

/** With the writer's folder, as a crash leaves it. */
export async function newDisk(): Promise<MemoryDisk> {
  const disk = new MemoryDisk();
  await makeWriterFolder({ disk, folder });
  await disk.syncFolder('/');
  await disk.syncFolder('/data');
  return disk;
}

export async function appendAll(
  journal: Journal,
  model: WriterModel,
  steps: readonly FrameStep[],
): Promise<void> {
  for (const step of steps) {
    const { frame, synced } = model.form(step);
    await journal.append(frame);
    synced();
  }
}

/** Everything that a replay of the folder finds. */
export async function replayAll(
  disk: MemoryDisk,
  from = folder,
  registeredMs?: number,
): Promise<{ survey: FolderReplay; quarters: QuarterReplay[]; state: State }> {
  const place = { disk, folder: from };
  const survey = await replayFolder(place);
  const quarters: QuarterReplay[] = [];
  const state = new Map<string, readonly number[]>();
  for (const quarter of survey.quarters(survey.registeredMs ?? registeredMs)) {
    const found = await replayQuarter(place, quarter);
    quarters.push(found);
    for (const { claimed, eventQuarter, ad, site, counts } of found.cells) {
      const name = found.acceptanceQuarter ?? 'unregistered';
      state.set(`${name}|${claimed}|${eventQuarter}|${ad}|${site}`, counts);
    }
  }
  return { survey, quarters, state };
}

/** Frames by a seeded generator, for the tests that want many of one kind. */
export function someSteps(frames: number, seed = 1): FrameStep[] {
  let at = seed;
  const random = (end: number): number => {
    at = (Math.imul(at, 1_664_525) + 1_013_904_223) >>> 0;
    return Math.floor((at / 2 ** 32) * end);
  };
  return Array.from({ length: frames }, () => ({
    afterMs: random(20) === 0 ? quarterMs : random(1000),
    steps: Array.from({ length: 1 + random(6) }, () => ({
      ad: `ad-${random(12)}`,
      site: `site-${random(5)}.example`,
      measure: random(2) + 1,
      n: 1 + random(300),
      lag: random(8) === 0 ? random(200) : 0,
      claimed: random(10) === 0,
    })),
  }));
}

/** A new quarter after every third frame. */
export const quarterly = (frames: number): FrameStep[] =>
  someSteps(frames, 3).map(({ steps }, i) => ({ steps, afterMs: i % 3 === 2 ? quarterMs : 1 }));
