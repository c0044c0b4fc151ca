// I3: every cell that the store shows is what the journal of its writer says, no more; and no less
// once that writer is sealed. Reads the disks as they are left in the end, with what lies aside.
import type { Disk } from '../../src/journal/disk.ts';
import { replayFolder } from '../../src/journal/replay.ts';
import { replayQuarter } from '../../src/journal/replay-quarter.ts';
import type { ReplayedCell } from '../../src/journal/replay-quarter.ts';
import { withAside } from '../../src/journal/with-aside.ts';
import { lagBetween } from '../../src/model/cell.ts';
import { LawBroken } from './law.ts';
import { journalFolder } from './machine.ts';
import type { Medium } from './medium.ts';
import { inside } from './take-over.ts';
import type { World } from './world.ts';

/** By cell: the greatest n that any disk knows of it. */
interface Journaled {
  readonly most: Map<string, number>;
  /** Behind its own seal nothing need count: those requests were told that nobody knows. */
  readonly sure: Map<string, number>;
}

export async function auditJournals(world: World): Promise<void> {
  const { auditor, time } = world;
  const journaled: Journaled = { most: new Map(), sure: new Map() };
  const now = [...new Set(world.machines)].flatMap((machine) => machine?.disk ?? []);
  for (const disk of [...now, ...world.beforeCuts]) {
    if (!disk.has(journalFolder)) continue;
    const into = now.includes(disk) ? journaled : { ...journaled, sure: new Map() };
    for (const writer of disk.list(journalFolder)) {
      if (auditor.rotted.has(writer)) continue;
      await inside(time, world.bystander, () => readWriter(world, disk, writer, into));
    }
  }
  const shown = new Map<string, number>();
  for (const cell of auditor.cells.values()) {
    const key = keyOf(cell);
    shown.set(key, cell.n);
    if (auditor.rotted.has(cell.writer)) continue;
    const n = journaled.most.get(key) ?? 0;
    if (cell.n > n) throw new LawBroken('I3', `${key}: ${cell.n} shown, ${n} in its journal`);
  }
  for (const [key, n] of journaled.sure) {
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
  const last = record?.sealedBy === 'itself' ? record.position : Infinity;
  const replay = await replayFolder(place);
  for (const quarter of replay.quarters(replay.registeredMs ?? record?.registeredMs ?? undefined)) {
    const { acceptanceQuarter } = quarter;
    if (acceptanceQuarter === undefined) continue;
    const add = (sums: Map<string, number>, cells: readonly ReplayedCell[]): void => {
      for (const { ad, site, eventQuarter, n } of cells) {
        const lag = lagBetween(eventQuarter, acceptanceQuarter);
        const key = keyOf({ writer, ad, site, eventQuarter, lag });
        sums.set(key, Math.max(n, sums.get(key) ?? 0));
      }
    };
    add(journaled.most, (await replayQuarter(place, quarter)).cells);
    add(journaled.sure, (await replayQuarter(place, quarter, last)).cells);
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
  return {
    list: (folder) => answered(() => medium.list(folder)),
    read: (file) => answered(() => medium.read(file)),
    status: (file) => answered(() => medium.status(file)),
  };
}

/** A throw is a rejection, as it is of a disk. */
function answered<T>(work: () => T): Promise<T> {
  return new Promise((resolve) => resolve(work()));
}
