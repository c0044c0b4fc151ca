// I3: every cell that the store shows is what the journal of its writer says, no more; and no less
// once that writer is sealed. Reads the disks as they are left in the end, with what lies aside.
import type { Disk } from '../../src/journal/disk.ts';
import { replayFolder } from '../../src/journal/replay.ts';
import { replayQuarter } from '../../src/journal/replay-quarter.ts';
import { withAside } from '../../src/journal/with-aside.ts';
import { lagBetween } from '../../src/model/cell.ts';
import { LawBroken } from './law.ts';
import { journalFolder } from './machine.ts';
import type { Medium } from './medium.ts';
import { inside } from './take-over.ts';
import type { World } from './world.ts';

/** By cell: the greatest n that any disk knows of it. */
type Journaled = Map<string, number>;

export async function auditJournals(world: World): Promise<void> {
  const { auditor, time } = world;
  const journaled: Journaled = new Map();
  for (const machine of new Set(world.machines)) {
    if (machine === undefined || !machine.disk.has(journalFolder)) continue;
    for (const writer of machine.disk.list(journalFolder)) {
      const read = (): Promise<void> => readWriter(world, machine.disk, writer, journaled);
      await inside(time, world.bystander, read);
    }
  }
  const shown = new Map<string, number>();
  for (const cell of auditor.cells.values()) {
    const key = keyOf(cell);
    shown.set(key, cell.n);
    const n = journaled.get(key) ?? 0;
    if (cell.n > n) throw new LawBroken('I3', `${key}: ${cell.n} shown, ${n} in its journal`);
  }
  for (const [key, n] of journaled) {
    const there = shown.get(key) ?? 0;
    if (there < n) throw new LawBroken('I3', `${key}: ${n} in its journal, ${there} shown`);
  }
}

async function readWriter(
  { auditor }: World,
  medium: Medium,
  writer: string,
  journaled: Journaled,
): Promise<void> {
  const folder = `${journalFolder}/${writer}`;
  const place = { disk: withAside(readingDisk(medium), folder), folder };
  const record = auditor.entryOf(writer)?.record;
  // Behind its own seal nothing counts: its requests were told so.
  const last = record?.sealedBy === 'itself' ? record.position : Infinity;
  const replay = await replayFolder(place);
  for (const quarter of replay.quarters(replay.registeredMs ?? record?.registeredMs ?? undefined)) {
    const { acceptanceQuarter } = quarter;
    if (acceptanceQuarter === undefined) continue;
    const { cells } = await replayQuarter(place, quarter, last);
    for (const { ad, site, eventQuarter, n } of cells) {
      const lag = lagBetween(eventQuarter, acceptanceQuarter);
      const key = keyOf({ writer, ad, site, eventQuarter, lag });
      journaled.set(key, Math.max(n, journaled.get(key) ?? 0));
    }
  }
}

function keyOf(cell: {
  readonly writer: string;
  readonly ad: string;
  readonly site: string;
  readonly eventQuarter: number;
  readonly lag: number;
}): string {
  return `${cell.ad} ${cell.site} of ${cell.writer} at ${cell.eventQuarter}+${cell.lag}`;
}

function readingDisk(medium: Medium): Pick<Disk, 'list' | 'read' | 'status'> {
  const answered = <T>(work: () => T): Promise<T> => new Promise((resolve) => resolve(work()));
  return {
    list: (folder) => answered(() => medium.list(folder)),
    read: (file) => answered(() => medium.read(file)),
    status: (file) => answered(() => medium.status(file)),
  };
}
