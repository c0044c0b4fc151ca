// Owns the counts of one acceptance quarter as its segments tell them: of each cell the counts
// with the largest n. Memory is bounded by the quarter's cells and one segment.
// Promises: it never writes; no cell and no frame stops it; what is left out is reported.
import { isUtf8 } from 'node:buffer';
import { setImmediate as othersRan } from 'node:timers/promises';
import { journalReplaySliceBytes } from '../limits.ts';
import { cellCountEnd, idBytesMax, noCounts } from '../model/cell.ts';
import type { AdId, MeasureCounts, SiteId } from '../model/cell.ts';
import { CounterError } from '../model/errors.ts';
import { quarterEnd } from '../model/quarter.ts';
import { ByteReader } from '../model/uvarint.ts';
import { ProblemList } from './problems.ts';
import type { JournalProblem } from './problems.ts';
import { readSegment } from './replay.ts';
import type { QuarterSegments, ReplayPlace } from './replay.ts';
import { SegmentReader } from './segment-reader.ts';

export interface ReplayedCell {
  /** True: counted by w + 1. */
  readonly claimed: boolean;
  readonly eventQuarter: number;
  readonly ad: AdId;
  readonly site: SiteId;
  readonly counts: MeasureCounts;
  /** Sum of the counts. */
  readonly n: number;
}

export interface QuarterReplay {
  readonly acceptanceQuarter: number | undefined;
  readonly cells: readonly ReplayedCell[];
  /** Sum of all n: what the ledger calls journaled. */
  readonly counts: number;
  readonly frames: number;
  readonly problems: readonly JournalProblem[];
  /** None: all that the frames of these segments say is in `cells`. */
  readonly alarms: number;
}

/** Frames behind the last position are passed over. */
export async function replayQuarter(
  place: ReplayPlace,
  quarter: QuarterSegments,
  lastPosition = Infinity,
): Promise<QuarterReplay> {
  const problems = new ProblemList();
  const cells = new QuarterCells(problems);
  for (const name of quarter.segments) {
    const bytes = await readSegment(place, name, problems);
    if (bytes === undefined) continue;
    const reader = new SegmentReader(bytes);
    cells.beginSegment(name);
    let othersRanAt = 0;
    for (let step = reader.step(); step !== 'end'; step = reader.step()) {
      if (step === 'frame' && reader.scanner.position <= lastPosition) cells.addFrame(reader);
      if (reader.scanner.end - othersRanAt > journalReplaySliceBytes) {
        othersRanAt = reader.scanner.end;
        await othersRan();
      }
    }
  }
  return {
    acceptanceQuarter: quarter.acceptanceQuarter,
    ...cells.result(),
    problems: problems.listed,
    alarms: problems.alarms,
  };
}

interface CellState extends ReplayedCell {
  counts: MeasureCounts;
  n: number;
}

/** Why a cell with this key cannot be put, beside itself. */
interface RefusedKey {
  readonly refusal: string;
}

class QuarterCells {
  readonly #problems: ProblemList;
  readonly #cells = new Map<string, CellState>();
  #segment = '';
  /** Of the segment: what its frames call by number. */
  #keys = new Map<number, CellState | RefusedKey>();
  #frames = 0;
  /** What #readCounts read last. */
  #counts: number[] = [];
  #n = 0;

  constructor(problems: ProblemList) {
    this.#problems = problems;
  }

  beginSegment(name: string): void {
    this.#segment = name;
    this.#keys = new Map();
  }

  addFrame(reader: SegmentReader): void {
    const { bytes, payloadEnd, position } = reader.scanner;
    this.#frames++;
    const cells = new ByteReader(bytes, reader.cellsStart, payloadEnd);
    try {
      for (let i = 0; i < reader.cellCount; i++) this.#addCell(cells, bytes, position);
      if (!cells.done) throw new CounterError('BYTES_INVALID', 'give-up', { detail: 'goes on' });
    } catch (thrown) {
      if (!(thrown instanceof CounterError)) throw thrown;
      this.#problems.add(
        'frame_rejected',
        this.#segment,
        `position ${position}: ${thrown.message}`,
      );
    }
  }

  result(): { cells: ReplayedCell[]; counts: number; frames: number } {
    const cells = [...this.#cells.values()].filter((cell) => cell.n > 0);
    const counts = cells.reduce((sum, cell) => sum + cell.n, 0);
    return { cells, counts, frames: this.#frames };
  }

  #addCell(reader: ByteReader, bytes: Buffer, position: number): void {
    const tag = reader.uvarint();
    const number = Math.floor(tag / 2);
    if (tag % 2 === 1) this.#keys.set(number, this.#readKey(reader, bytes));
    this.#readCounts(reader);
    const cell = this.#keys.get(number);
    const where = `position ${position}, cell ${number}`;
    if (cell === undefined) this.#problems.add('key_missing', this.#segment, where);
    else if ('refusal' in cell) {
      this.#problems.add('cell_rejected', this.#segment, `${where}: ${cell.refusal}`);
    } else if (this.#n >= cellCountEnd) {
      this.#problems.add('cell_rejected', this.#segment, `${where}: n is out of bounds`);
    } else if (this.#n > cell.n) {
      cell.counts = this.#counts;
      cell.n = this.#n;
    }
  }

  #readKey(reader: ByteReader, bytes: Buffer): CellState | RefusedKey {
    const owner = reader.u8();
    if (owner > 1) throw new CounterError('BYTES_INVALID', 'give-up', { detail: `owner ${owner}` });
    const eventQuarter = reader.uvarint();
    const ad = readId(reader, bytes);
    const site = readId(reader, bytes);
    if (ad === undefined || site === undefined) return { refusal: 'no id of ours' };
    if (eventQuarter >= quarterEnd) return { refusal: `event quarter ${eventQuarter}` };
    const name = `${owner} ${eventQuarter} ${ad.length} ${ad}${site}`;
    let cell = this.#cells.get(name);
    if (cell === undefined) {
      cell = {
        claimed: owner === 1,
        eventQuarter,
        ad: ad as AdId,
        site: site as SiteId,
        counts: noCounts,
        n: 0,
      };
      this.#cells.set(name, cell);
    }
    return cell;
  }

  #readCounts(reader: ByteReader): void {
    const counts: number[] = [];
    let n = 0;
    let before = 0;
    const measures = reader.u8();
    for (let i = 0; i < measures; i++) {
      const measure = reader.u8();
      const count = reader.uvarint();
      if (measure <= before || count === 0) {
        throw new CounterError('BYTES_INVALID', 'give-up', { detail: 'measures do not ascend' });
      }
      counts.push(measure, count);
      n += count;
      before = measure;
    }
    if (measures === 0)
      throw new CounterError('BYTES_INVALID', 'give-up', { detail: 'no measure' });
    this.#counts = counts;
    this.#n = n;
  }
}

/** Undefined where the bytes are no id: the edge lets none such in. */
function readId(reader: ByteReader, bytes: Buffer): string | undefined {
  const length = reader.uvarint();
  const start = reader.at;
  const id = reader.utf8(length);
  if (length === 0 || length > idBytesMax) return undefined;
  return isUtf8(bytes.subarray(start, start + length)) ? id : undefined;
}
