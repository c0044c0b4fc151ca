// Owns what heals a store that lost what it had confirmed, or was restored: what the journals of a
// data folder still hold, aside or not, is looked at in the store, put again under its writers' ids
// and looked at once more. Repeatable and free for all. Never touches the registry, seals, moves or
// deletes; what a writer that sealed itself left behind its seal is never put.
import path from 'node:path';
import { replayFolder } from '../journal/replay.ts';
import type { FolderReplay, QuarterSegments } from '../journal/replay.ts';
import { replayQuarter } from '../journal/replay-quarter.ts';
import { withAside } from '../journal/with-aside.ts';
import type { ReadingDisk } from '../journal/with-aside.ts';
import { reassertCellsMax, reassertSurveysMax } from '../limits.ts';
import type { Cell } from '../model/cell.ts';
import { toError } from '../model/errors.ts';
import { quarterOf } from '../model/quarter.ts';
import { parseWriterId } from '../model/writer-id.ts';
import type { WriterId } from '../model/writer-id.ts';
import type { FolderLock } from '../store/embedded/folder-lock.ts';
import type { RegistryEntry, UnreadableEntry } from '../store/registry.ts';
import { firstQuarterKept } from '../store/shown-cells.ts';
import type { StoreLink } from '../store/store-link.ts';
import { cellAt } from './estate.ts';
import { blankTally, RestoredCells } from './restored-cells.ts';
import type { RestoreTally } from './restored-cells.ts';

export interface ReassertionOptions {
  readonly disk: ReadingDisk;
  /** `<data>/journal`: a folder per writer. */
  readonly journalFolder: string;
  readonly link: StoreLink;
  readonly tryLock: (folder: string) => Promise<FolderLock | undefined>;
  readonly retentionDays: number;
  /** What was accepted in quarters that touch the moments between them. */
  readonly fromMs: number | undefined;
  readonly toMs: number | undefined;
  /** Only looks. */
  readonly isDry: boolean;
  /** The registry was restored too: also writers that it does not know. */
  readonly evenUnknown: boolean;
  /** Goes on where the first check finds that puts are not shown. */
  readonly evenIfMasked: boolean;
  readonly onProgress: (progress: ReassertProgress) => void;
}

export interface ReassertProgress {
  readonly writer: WriterId;
  readonly quarter: number;
  readonly quarters: number;
  readonly cells: number;
}

/** What became of a writer's journal. */
export type ReassertFate =
  /** All that was asked for was looked at, and put where that was asked for. */
  | 'done'
  /** Nothing of the asked time is there. */
  | 'nothing'
  /** It never reached a store, so the store cannot have lost anything of it. */
  | 'unregistered'
  /** The store does not know its writer: it counted for another, or the registry was restored. */
  | 'unknown'
  /** Something of it could not be read; the rest was put. */
  | 'damaged'
  /** The first check found that what is put is not shown. */
  | 'stopped'
  /** The store did not answer, or refused. */
  | 'failed';

export interface ReassertFinding extends RestoreTally {
  readonly writer: WriterId;
  readonly folder: string;
  readonly fate: ReassertFate;
  readonly reason: string | undefined;
  readonly quarters: number;
}

type Registered = RegistryEntry | UnreadableEntry | undefined;

export class Reassertion {
  readonly #options: ReassertionOptions;
  readonly #cells: RestoredCells;

  constructor(options: ReassertionOptions) {
    this.#options = options;
    this.#cells = new RestoredCells(options);
  }

  /** Some of the cells that are put and not shown. */
  get maskedExamples(): readonly Cell[] {
    return this.#cells.maskedExamples;
  }

  /** One pass over all folders. Errors: those of a store out of reach. */
  async run(): Promise<ReassertFinding[]> {
    const { disk, journalFolder, link } = this.#options;
    await link.reach();
    const findings: ReassertFinding[] = [];
    for (const name of (await disk.list(journalFolder)).sort()) {
      const writer = parseWriterId(name);
      if (writer === undefined) continue;
      const folder = path.join(journalFolder, name);
      const found = { writer, folder, quarters: 0, ...blankTally() };
      try {
        const { fate, reason } = await this.#heal(found);
        findings.push({ ...found, fate, reason });
        if (fate === 'stopped') break;
      } catch (thrown) {
        findings.push({ ...found, fate: 'failed', reason: toError(thrown).message });
      }
    }
    return findings;
  }

  async #heal(found: Found): Promise<Judgement> {
    const { link, evenUnknown } = this.#options;
    const { writer, folder } = found;
    // In this order: whoever let go of its lock has said before how far it sealed itself.
    const isInUse = await this.#isInUse(folder);
    const entry = await link.registry.read(writer);
    const disk = withAside(this.#options.disk, folder);
    const replay = await this.#survey(disk, folder, isInUse);
    if (replay.segments.length === 0 && replay.alarms === 0) return { fate: 'nothing' };
    const registeredMs = replay.registeredMs ?? entry?.record?.registeredMs ?? undefined;
    if (registeredMs === undefined) return { fate: 'unregistered' };
    if (entry === undefined && (isInUse || !evenUnknown)) return { fate: 'unknown' };
    const last = lastPositionOf(entry, isInUse);
    const asked = replay.quarters(registeredMs).filter((quarter) => this.#isAsked(quarter));
    const problems = new Set(replay.problems.map(({ kind }) => kind));
    problems.delete('torn_tail');
    for (const [i, segments] of asked.entries()) {
      const quarter = segments.acceptanceQuarter ?? 0;
      const replayed = await replayQuarter({ disk, folder }, segments, last);
      for (const { kind } of replayed.problems) problems.add(kind);
      found.quarters++;
      const at = (cell: number): Cell => cellAt(writer, quarter, replayed, cell);
      for (let cell = 0; cell < replayed.cells.length; cell += reassertCellsMax) {
        const count = Math.min(reassertCellsMax, replayed.cells.length - cell);
        const portion = Array.from({ length: count }, (_, k) => at(cell + k));
        if (!(await this.#restore(portion, found))) return { fate: 'stopped' };
        const { cells } = found;
        this.#options.onProgress({ writer, quarter: i + 1, quarters: asked.length, cells });
      }
    }
    if (replay.alarms > 0 || problems.size > 0) {
      return { fate: 'damaged', reason: [...problems].join(', ') };
    }
    return { fate: found.quarters === 0 ? 'nothing' : 'done' };
  }

  /** False: the first check found that it is no use. */
  async #restore(cells: readonly Cell[], found: Found): Promise<boolean> {
    const { link, retentionDays } = this.#options;
    const kept = firstQuarterKept(link.clockMs, retentionDays);
    const store = await link.reach();
    const young = cells.filter(({ eventQuarter }) => eventQuarter >= kept);
    found.tooOld += cells.length - young.length;
    found.cells += cells.length;
    return this.#cells.restore(store, young, found);
  }

  /** A living writer may write while its journal is read: then a frame may seem to be missing. */
  async #survey(disk: ReadingDisk, folder: string, isInUse: boolean): Promise<FolderReplay> {
    for (let survey = 1; ; survey++) {
      const replay = await replayFolder({ disk, folder });
      if (!isInUse || replay.alarms === 0 || survey === reassertSurveysMax) return replay;
    }
  }

  async #isInUse(folder: string): Promise<boolean> {
    const lock = await this.#options.tryLock(folder);
    await lock?.release();
    return lock === undefined;
  }

  #isAsked({ acceptanceQuarter: quarter }: QuarterSegments): boolean {
    const { fromMs, toMs } = this.#options;
    if (quarter === undefined) return false;
    return (
      (fromMs === undefined || quarter >= quarterOf(fromMs)) &&
      (toMs === undefined || quarter <= quarterOf(toMs - 1))
    );
  }
}

type Found = { quarters: number } & Pick<ReassertFinding, 'writer' | 'folder'> & RestoreTally;

interface Judgement {
  readonly fate: ReassertFate;
  readonly reason?: string;
}

/**
 * Whoever sealed itself has put all that will ever count. A living writer's frames behind what it
 * published are its own business: one of them may not be synced yet.
 */
function lastPositionOf(entry: Registered, isInUse: boolean): number {
  const { sealedBy, position = 0 } = entry?.record ?? {};
  return sealedBy === 'itself' || isInUse ? position : Infinity;
}
