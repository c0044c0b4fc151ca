// A disk that loses a frame in the middle of a journal, after it was synced: what it counted may be
// gone, and then its writer must stay open, named, for an operator to decide.
import { headerBytes, segmentNamesOf } from '../../src/journal/segment.ts';
import { journalFolder } from './machine.ts';
import type { Machine } from './machine.ts';
import type { World } from './world.ts';

/** The first that can be found of a dead writer. A last frame is no matter: it looks torn. */
export function rot(world: World, machine: Machine): void {
  const { disk } = machine;
  if (!disk.has(journalFolder)) return;
  // Nobody has read it since its writer died.
  if (world.living.some((living) => living?.machine === machine)) return;
  for (const writer of disk.list(journalFolder)) {
    const state = world.auditor.entryOf(writer)?.record.state;
    const { copied, rotted } = world.auditor;
    if (state === 'sealed' || copied.has(writer) || rotted.has(writer)) continue;
    const folder = `${journalFolder}/${writer}`;
    for (const name of segmentNamesOf(disk.list(folder))) {
      const file = `${folder}/${name}`;
      if (!hasTwoFrames(disk.read(file))) continue;
      world.tell(`a frame rots in ${file} of ${machine.name}`);
      world.hit('rot');
      disk.damage(file, headerBytes + 30);
      world.auditor.rotted.add(writer);
      const isItsOwn = (by: string | undefined): boolean => by === undefined || by === writer;
      world.auditor.ledger.lose((by) => by.machine === machine.name && isItsOwn(by.writer));
      return;
    }
  }
}

function hasTwoFrames(bytes: Buffer): boolean {
  if (bytes.length < headerBytes + 8) return false;
  const second = headerBytes + 4 + bytes.readUInt32BE(headerBytes);
  return second > headerBytes + 40 && second + 8 < bytes.length && bytes.readUInt32BE(second) > 0;
}
