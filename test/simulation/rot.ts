// A disk that loses a frame in the middle of a journal, after it was synced: what it counted may be
// gone, and then its writer must stay open, named, for an operator to decide.
import { crc32 } from 'node:zlib';
import { headerBytes, segmentNamesOf } from '../../src/journal/segment.ts';
import { journalFolder } from './machine.ts';
import type { Machine } from './machine.ts';
import type { World } from './world.ts';

/** Any byte of it, behind its length. */
const frameByte = 10;

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
    // The last segment with two frames: of a later one nothing was published yet.
    for (const name of segmentNamesOf(disk.list(folder)).toReversed()) {
      const file = `${folder}/${name}`;
      const frames = framesIn(disk.read(file));
      const [lost] = frames.slice(-2);
      if (lost === undefined || frames.length < 2) continue;
      world.tell(`a frame rots in ${file} of ${machine.name}`);
      world.hit('rot');
      disk.damage(file, lost + frameByte);
      world.auditor.rotted.add(writer);
      world.auditor.ledger.lose(machine.name, writer);
      return;
    }
  }
}

/** Where those begin that are whole. */
function framesIn(bytes: Buffer): number[] {
  const starts: number[] = [];
  for (let at = headerBytes; at + 8 < bytes.length;) {
    const length = bytes.readUInt32BE(at);
    if (length === 0 || at + 4 + length > bytes.length) break;
    // One that was torn says nothing of those before it.
    const end = at + 4 + length;
    if (crc32(bytes.subarray(at, end - 4)) !== bytes.readUInt32BE(end - 4)) break;
    starts.push(at);
    at = end;
  }
  return starts;
}
