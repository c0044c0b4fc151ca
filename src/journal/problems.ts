// Owns what a replay has to say about a journal that is not as it was written.
// Promises: a bounded list, the rest counted. Never decides what is done about it.
import { journalProblemsMax } from '../limits.ts';

export type JournalProblemKind =
  /** The last used segment ends in the middle of a frame: what a crash leaves. No alarm. */
  | 'torn_tail'
  /** Bytes that are no frame, with a valid frame behind them or in a closed segment. */
  | 'damaged'
  /** So much of it looks like frames that the search for one ended at its bound. */
  | 'search_ended'
  /** Positions that no segment holds. */
  | 'positions_missing'
  | 'header_damaged'
  /** Written by a later release, another's, or too large to be ours: left out as a whole. */
  | 'segment_refused'
  /** The disk did not give its bytes. */
  | 'segment_unreadable'
  /** No header and no frame can be read, and no crash leaves that: it held something. */
  | 'segment_destroyed'
  /** The CRC is right but the frame is none of ours: the rest of it is left out. */
  | 'frame_rejected'
  /** One cell of a frame is left out. */
  | 'cell_rejected'
  /** Cells whose key stood in a frame that is missing. */
  | 'key_missing';

export interface JournalProblem {
  readonly kind: JournalProblemKind;
  /** File name of the segment; '' where it concerns none alone. */
  readonly segment: string;
  readonly detail: string;
}

const hidingKinds: ReadonlySet<JournalProblemKind> = new Set([
  'search_ended',
  'segment_refused',
  'segment_unreadable',
  'segment_destroyed',
  'frame_rejected',
]);

export class ProblemList {
  readonly listed: JournalProblem[] = [];
  /** All of them, listed or not; torn tails are none of them. */
  alarms = 0;
  /** Those behind which there may be frames that nobody has read. */
  hiding = 0;

  add(kind: JournalProblemKind, segment: string, detail: string): void {
    if (kind !== 'torn_tail') this.alarms++;
    if (hidingKinds.has(kind)) this.hiding++;
    if (this.listed.length < journalProblemsMax) this.listed.push({ kind, segment, detail });
  }
}
