// What a dead writer left behind, in the words of a recovery. Pure.
import type { FolderReplay } from '../journal/replay.ts';
import type { QuarterReplay } from '../journal/replay-quarter.ts';
import { lagBetween } from '../model/cell.ts';
import type { Cell } from '../model/cell.ts';
import { claimedWriterOf } from '../model/writer-id.ts';
import type { WriterId } from '../model/writer-id.ts';
import type { RegistryEntry, WriterRecord } from '../store/registry.ts';
import type { Suspect } from './death-proof.ts';
import type { WriterNote } from './writer-run.ts';

/** A dead writer's folder under our lock. */
export interface Estate {
  readonly writer: WriterId;
  readonly folder: string;
  readonly replay: FolderReplay;
  /** Undefined: the registry has never heard of it, or what stands there cannot be read. */
  readonly entry: RegistryEntry | undefined;
  readonly isUnreadable: boolean;
  readonly note: WriterNote | undefined;
  readonly suspect: Suspect;
}

/** Cell i of a replayed quarter, as its writer would have put it. */
export function cellAt(writer: WriterId, quarter: number, found: QuarterReplay, i: number): Cell {
  const cell = found.cells[i];
  if (cell === undefined) throw new RangeError('a cell beyond the replay');
  return {
    writer: cell.claimed ? claimedWriterOf(writer) : writer,
    ad: cell.ad,
    site: cell.site,
    eventQuarter: cell.eventQuarter,
    lag: lagBetween(cell.eventQuarter, quarter),
    counts: cell.counts,
  };
}

/** The record of a writer that the registry has never heard of. */
export function blankRecord({ note, suspect, replay }: Estate, watermarkMs: number): WriterRecord {
  return {
    state: 'open',
    sealedBy: null,
    registeredMs: null,
    watermarkMs,
    position: 0,
    trimmed: 1,
    host: note?.host ?? '',
    bootId: note?.bootId ?? '',
    startedMs: note?.startedMs ?? 0,
    folder: note?.folder ?? replay.headerFolder ?? suspect.folder,
  };
}
