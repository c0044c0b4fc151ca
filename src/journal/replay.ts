// Owns the survey of a writer's journal folder: which segments, positions and quarters are there,
// what is torn and what is missing. replay-quarter.ts then reads the counts.
// Promises: it never writes, and stops at no content: what is wrong is reported, the rest kept.
import path from 'node:path';
import { setImmediate as othersRan } from 'node:timers/promises';
import { journalFrameBytesMax, journalReplaySliceBytes } from '../limits.ts';
import { toError } from '../model/errors.ts';
import { quarterOf } from '../model/quarter.ts';
import { parseWriterId } from '../model/writer-id.ts';
import type { WriterId } from '../model/writer-id.ts';
import type { FolderIdentity } from '../model/folder-identity.ts';
import { PositionRanges } from './position-ranges.ts';
import type { PositionRange } from './position-ranges.ts';
import { ProblemList } from './problems.ts';
import type { JournalProblem } from './problems.ts';
import { isZero } from './frame-scan.ts';
import { headerBytes, segmentNamesOf } from './segment.ts';
import type { SegmentHeader } from './segment.ts';
import { SegmentReader } from './segment-reader.ts';
import type { ReadingDisk } from './with-aside.ts';

/** What every disk writes as a whole. */
const sectorBytes = 512;

export interface ReplayPlace {
  readonly disk: ReadingDisk;
  /** `journal/<writer>/`, or its `aside/`, or a copy of either. */
  readonly folder: string;
}

/** All segments of one acceptance quarter, oldest first. */
export interface QuarterSegments {
  /** Undefined: unregistered, and nobody has said when the writer was registered. */
  readonly acceptanceQuarter: number | undefined;
  readonly segments: readonly string[];
}

/** A segment that counts. */
export interface SegmentFound {
  readonly name: string;
  readonly bytes: number;
  /** Null: it holds unregistered frames. */
  readonly acceptanceQuarter: number | null;
  readonly firstPosition: number;
  readonly lastPosition: number;
  readonly frames: number;
}

export class FolderReplay {
  /** By the headers; where none can be read, by the folder's name. */
  readonly writer: WriterId | undefined;
  /** The folder that the writer itself used: a copy's lock proves nothing. */
  readonly headerFolder: FolderIdentity | undefined;
  /** As the first frame after registration says; undefined: the registry may know. */
  readonly registeredMs: number | undefined;
  readonly lastAcceptMs: number | undefined;
  readonly segments: readonly SegmentFound[];
  readonly problems: readonly JournalProblem[];
  /** Problems that an operator must hear of: all but a torn tail. */
  readonly alarms: number;
  readonly #positions = new PositionRanges();
  /** There may be frames, even behind the last position, that nobody has read. */
  readonly #isHiding: boolean;

  constructor(surveys: readonly Survey[], folder: string, problems: ProblemList) {
    const headers = surveys.flatMap(({ header }) => (header === undefined ? [] : [header]));
    const named = parseWriterId(path.basename(folder));
    const own = headers.find(({ writer }) => writer === named) ?? headers[0];
    this.writer = own?.writer ?? named;
    this.headerFolder = own?.folder;
    const ours = surveys.filter(({ name, header, refusal }) => {
      if (refusal !== undefined) problems.add('segment_refused', name, refusal);
      const isForeign = header !== undefined && header.writer !== this.writer;
      if (isForeign) problems.add('segment_refused', name, `of writer ${header.writer}`);
      return refusal === undefined && !isForeign;
    });
    placeUnknown(ours);
    ours.sort((a, b) => a.firstPosition - b.firstPosition || (a.name < b.name ? -1 : 1));
    ours.forEach((survey, i) => judge(survey, i === ours.length - 1, problems));
    for (const { positions } of ours) {
      for (const range of positions.ranges) this.#positions.add(range);
    }
    this.registeredMs = ours.find((survey) => survey.registeredMs !== undefined)?.registeredMs;
    this.lastAcceptMs = ours.reduce<number | undefined>(
      (last, { lastAcceptMs }) => Math.max(last ?? 0, lastAcceptMs ?? 0) || undefined,
      undefined,
    );
    this.segments = ours.flatMap(foundOf);
    this.#reportMissing(problems);
    this.problems = problems.listed;
    this.alarms = problems.alarms;
    this.#isHiding = problems.hiding > 0;
  }

  get firstPosition(): number | undefined {
    return this.#positions.ranges[0]?.first;
  }

  get lastPosition(): number | undefined {
    return this.#positions.ranges.at(-1)?.last;
  }

  get positions(): readonly PositionRange[] {
    return this.#positions.ranges;
  }

  /** Whether nothing is missing, from the published `trimmed` to `position` and to the end. */
  isGapFree(trimmed: number, position: number): boolean {
    if (this.#isHiding) return false;
    return this.#positions.holds(trimmed, Math.max(position, this.lastPosition ?? 0));
  }

  /** Oldest first; the unregistered segments belong to the quarter of the registration. */
  quarters(registeredMs = this.registeredMs): QuarterSegments[] {
    const groups = new Map<number | undefined, string[]>();
    for (const { name, acceptanceQuarter } of this.segments) {
      const known = registeredMs === undefined ? undefined : quarterOf(registeredMs);
      const quarter = acceptanceQuarter ?? known;
      const group = groups.get(quarter);
      if (group === undefined) groups.set(quarter, [name]);
      else group.push(name);
    }
    return [...groups]
      .map(([acceptanceQuarter, segments]) => ({ acceptanceQuarter, segments }))
      .sort((a, b) => (a.acceptanceQuarter ?? -1) - (b.acceptanceQuarter ?? -1));
  }

  #reportMissing(problems: ProblemList): void {
    const { ranges } = this.#positions;
    for (let i = 1; i < ranges.length; i++) {
      const first = (ranges[i - 1]?.last ?? 0) + 1;
      const last = (ranges[i]?.first ?? 0) - 1;
      problems.add('positions_missing', '', `positions ${first} to ${last}`);
    }
  }
}

/** Reads every segment once. Memory: one segment, and a few numbers for each. */
export async function replayFolder(place: ReplayPlace): Promise<FolderReplay> {
  const problems = new ProblemList();
  const surveys: Survey[] = [];
  for (const name of segmentNamesOf(await place.disk.list(place.folder))) {
    const bytes = await readSegment(place, name, problems);
    if (bytes !== undefined) surveys.push(await surveyOf(name, bytes, problems));
  }
  const used = surveys.filter((found) => !found.isSpare);
  return new FolderReplay(used, place.folder, problems);
}

/** The bytes, or undefined and a problem. */
export async function readSegment(
  place: ReplayPlace,
  name: string,
  problems: ProblemList,
): Promise<Buffer | undefined> {
  const file = path.join(place.folder, name);
  try {
    const { kind, bytes } = await place.disk.status(file);
    if (kind === 'file' && bytes <= headerBytes + journalFrameBytesMax) {
      return await place.disk.read(file);
    }
    problems.add('segment_refused', name, `no segment: a ${kind} of ${bytes} bytes`);
  } catch (thrown) {
    problems.add('segment_unreadable', name, toError(thrown).message);
  }
  return undefined;
}

interface Survey {
  readonly name: string;
  readonly bytes: number;
  readonly isSpare: boolean;
  readonly header: SegmentHeader | undefined;
  /** Why the segment must be left out as a whole. */
  refusal: string | undefined;
  acceptanceQuarter: number | null | undefined;
  /** Infinity: neither the header nor a frame says. */
  firstPosition: number;
  lastPosition: number;
  frames: number;
  readonly positions: PositionRanges;
  registeredMs: number | undefined;
  lastAcceptMs: number | undefined;
  /** Where the bytes that are no frame begin, behind the last frame. */
  badTailAt: number | undefined;
  gaveUp: boolean;
  /** Of a segment without header and frames: a crash in its first write leaves no such thing. */
  readonly isDestroyed: boolean;
}

async function surveyOf(name: string, bytes: Buffer, problems: ProblemList): Promise<Survey> {
  const reader = new SegmentReader(bytes);
  const { scanner } = reader;
  const header = reader.header.kind === 'header' ? reader.header.header : undefined;
  const found: Survey = {
    name,
    bytes: bytes.length,
    isSpare: reader.header.kind === 'spare',
    header,
    refusal: reader.header.kind === 'later' ? `format ${reader.header.format}` : undefined,
    acceptanceQuarter: undefined,
    firstPosition: header?.firstPosition ?? Infinity,
    lastPosition: 0,
    frames: 0,
    positions: new PositionRanges(),
    registeredMs: undefined,
    lastAcceptMs: undefined,
    badTailAt: undefined,
    gaveUp: false,
    isDestroyed: isDestroyed(bytes),
  };
  if (found.isSpare || found.refusal !== undefined) return found;
  let othersRanAt = 0;
  for (let step = reader.step(); step !== 'end'; step = reader.step()) {
    if (step === 'frame') addFrame(found, reader);
    if (step === 'gap') problems.add('damaged', name, `bytes ${scanner.start} to ${scanner.end}`);
    if (step === 'strange') {
      problems.add('frame_rejected', name, `position ${scanner.position}: ${reader.detail}`);
    }
    if (step === 'later') {
      found.refusal = `position ${scanner.position} is of a later release: ${reader.detail}`;
      return found;
    }
    if (step === 'bad_tail') found.badTailAt = scanner.start;
    if (scanner.end - othersRanAt > journalReplaySliceBytes) {
      othersRanAt = scanner.end;
      await othersRan();
    }
  }
  found.acceptanceQuarter = reader.acceptanceQuarter;
  found.gaveUp = scanner.gaveUp;
  return found;
}

function addFrame(found: Survey, reader: SegmentReader): void {
  const { position, acceptMs } = reader.scanner;
  if (found.firstPosition === Infinity) found.firstPosition = position;
  if (position > found.lastPosition) found.lastPosition = position;
  if (acceptMs >= (found.lastAcceptMs ?? 0)) found.lastAcceptMs = acceptMs;
  found.registeredMs ??= reader.registeredMs;
  found.frames++;
  found.positions.add({ first: position, last: position });
}

/** A segment that says nothing of its positions stands where its name puts it. */
function placeUnknown(inOrderOfNames: readonly Survey[]): void {
  let before = 0;
  for (const found of inOrderOfNames) {
    if (found.firstPosition === Infinity) found.firstPosition = before + 0.5;
    else before = Math.max(found.firstPosition, found.lastPosition);
  }
}

/** A torn tail or damage? Only the last used segment can have been torn by a crash. */
function judge(found: Survey, isLast: boolean, problems: ProblemList): void {
  const { name, header, frames, badTailAt, gaveUp } = found;
  const isTorn = isLast && !gaveUp;
  const isTornAtOnce = isTorn && header === undefined && frames === 0;
  if (isTornAtOnce && found.isDestroyed) {
    problems.add('segment_destroyed', name, `${found.bytes} bytes, no header and no frame`);
    return;
  }
  if (header === undefined && !isTornAtOnce) {
    problems.add('header_damaged', name, 'frames were looked for all the same');
  }
  if (badTailAt === undefined && !isTornAtOnce) return;
  const kind = gaveUp ? 'search_ended' : isTorn ? 'torn_tail' : 'damaged';
  problems.add(kind, name, `from byte ${badTailAt ?? 0}`);
}

/**
 * For a segment without a header. That is one write with the first frame, into zeroes that were
 * synced before. A crash leaves whole sectors of it, the first one with the header or not at all;
 * a disk that ran full leaves its first bytes, and zeroes behind them.
 */
function isDestroyed(bytes: Buffer): boolean {
  const hasFirstSector = !isZero(bytes.subarray(0, sectorBytes), 0);
  return hasFirstSector && !isZero(bytes, headerBytes);
}

function foundOf(found: Survey): SegmentFound[] {
  const { name, bytes, acceptanceQuarter, firstPosition, lastPosition, frames } = found;
  if (frames === 0 || acceptanceQuarter === undefined) return [];
  return [{ name, bytes, acceptanceQuarter, firstPosition, lastPosition, frames }];
}
