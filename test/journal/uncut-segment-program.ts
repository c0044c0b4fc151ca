// A journal of which a segment cannot be cut while another is still moved aside. In a process of
// its own, which Node ends where a rejection is handled by nobody. Prints what was told.
import { FormedCell, CellTable } from '../../src/counters/cell-table.ts';
import { Journal } from '../../src/journal/journal.ts';
import type { AdId, SiteId } from '../../src/model/cell.ts';
import { quarterMs, quarterOf } from '../../src/model/quarter.ts';
import type { WriterId } from '../../src/model/writer-id.ts';
import { MemoryDisk } from './memory-disk.ts';

const folder = '/journal/00000000000000a2';
const startMs = 2_000_000 * quarterMs;

function frameOf(acceptMs: number): Parameters<Journal['append']>[0] {
  const table = new CellTable(quarterOf(acceptMs));
  const key = { eventQuarter: quarterOf(acceptMs), ad: 'a' as AdId, site: 's' as SiteId };
  const cell = new FormedCell(table.findOrAdd(key), table);
  cell.counts.push(1, 1);
  const acceptanceQuarter = quarterOf(acceptMs);
  return { acceptMs, acceptanceQuarter, registeredMs: undefined, cells: [cell] };
}

const disk = new MemoryDisk();
await disk.makeFolder(folder);
const told: string[] = [];
const journal = await Journal.create({
  disk,
  folder,
  writer: '00000000000000a2' as WriterId,
  segmentBytes: 4096,
  onError: ({ code }) => told.push(code),
});
let moveOn: (() => void) | undefined;
const moved = new Promise<void>((resolve) => (moveOn = resolve));
const rename = disk.rename.bind(disk);
disk.rename = async (from, to) => {
  await moved;
  await rename(from, to);
};
await journal.append(frameOf(startMs));
await journal.append(frameOf(startMs + quarterMs));
const aside = journal.moveAside(2);
disk.fault = ({ name }) => (name === 'truncate' ? 'EIO' : undefined);
await journal.append(frameOf(startMs + 2 * quarterMs));
// Whatever nobody has handled by then ends the process.
for (let turn = 0; turn < 20; turn++) await new Promise((resolve) => setImmediate(resolve));
moveOn?.();
await aside;
for (let turn = 0; turn < 1000 && told.length === 0; turn++) {
  await new Promise((resolve) => setImmediate(resolve));
}
disk.fault = () => undefined;
await journal.close();
console.log(told.join());
