// A living process that others take for dead: it stands still for minutes, or cannot reach the
// store, while a recoverer seals it by a copy of its folder, or an operator calls it lost. When it
// is back it must learn that, say so, and what it still holds must arrive all the same.
import type { WriterId } from '../../../src/model/writer-id.ts';
import { RegistryChain, WriterRegistry } from '../../../src/store/registry.ts';
import type { AdEvent } from '../../../src/model/event.ts';
import { settled, wholeCopy } from './society.ts';
import type { Process, Society } from './society.ts';

/** Half a minute apart: more than proves a death. */
const looks = 13;
/** Less, so that nobody takes it for dead. */
const looksOfShort = 5;

export interface Absent {
  readonly society: Society;
  readonly chance: (p: number) => boolean;
  readonly event: () => AdEvent;
  readonly steps: string[];
}

/** SIGSTOP and SIGCONT: nothing of it runs, its frame on its way is synced when it goes on. */
export async function standStill(absent: Absent, process: Process): Promise<void> {
  const { society, chance, event, steps } = absent;
  const run = process.harness.core.ingest.current;
  if (!canLeave(society) || run?.registered !== true) return;
  steps.push('stands still');
  if (chance(0.5)) {
    process.disk.hold = process.frost.passed;
    void society.send(process, [event()]);
    await new Promise(setImmediate);
  }
  process.frost.freeze();
  const isTaken = await beGone(absent, process, run.writer);
  process.frost.thaw();
  const isAcknowledged = await society.send(process, [event()]);
  steps.push(`goes on${isTaken ? ', taken for dead' : ''}`);
  if (isTaken && isAcknowledged && process.harness.core.ingest.current === run) {
    throw new Error(`${run.writer} acknowledged though others had closed it`);
  }
}

/** It runs and counts, and only its way to the store is cut. */
export async function beCutOff(absent: Absent, process: Process): Promise<void> {
  const { society, event, steps } = absent;
  const run = process.harness.core.ingest.current;
  if (!canLeave(society) || run?.registered !== true) return;
  steps.push('cut off');
  process.rows.isPartitioned = true;
  const isTaken = await beGone(absent, process, run.writer);
  process.rows.isPartitioned = false;
  await process.harness.core.flush();
  await society.send(process, [event()]);
  steps.push(`not cut off any more${isTaken ? ', taken for dead' : ''}`);
  if (!isTaken || process.waiting.size > 0) return;
  if (process.harness.core.ingest.current === run) {
    throw new Error(`${run.writer} counts on though others had closed it`);
  }
  const alarms = process.harness.logged.filter((line) => line.event === 'writer.foreign_link');
  if (!alarms.some(({ fields }) => fields['writer_id'] === run.writer)) {
    throw new Error(`nobody was told that ${run.writer} was closed by others`);
  }
}

/** Who starts from a copy needs a place, and what is held now would be held for all. */
function canLeave(society: Society): boolean {
  const isFair = !society.isHanging && !society.weather.isDown;
  return society.kind === 'hbase' && isFair && society.weather.repliesLost === 0;
}

/** Minutes pass for all. Answers whether somebody closed its writer meanwhile. */
async function beGone(absent: Absent, process: Process, writer: WriterId): Promise<boolean> {
  const { society, chance, event, steps } = absent;
  const isCopied = !society.isFull && chance(0.5);
  if (isCopied) {
    steps.push('somebody starts on a copy of it');
    society.leave(process, wholeCopy, society.copies);
    await society.start(society.copies.pop());
  }
  const isLong = chance(0.8);
  for (let look = 0; look < (isLong ? looks : looksOfShort); look++) {
    society.pass(30_000);
    if (process.rows.isPartitioned && chance(0.4)) void society.send(process, [event()]);
    for (const other of society.living) {
      if (other.frost.isFrozen) continue;
      await other.harness.core.flush();
      await other.harness.core.recover();
    }
    await society.check();
  }
  if (isLong && !isCopied && chance(0.7)) await giveUp(absent, writer);
  await settled();
  const standing = await new WriterRegistry(society.rows).read(writer);
  return standing?.record?.state !== 'open';
}

async function giveUp({ society, steps }: Absent, writer: WriterId): Promise<void> {
  const registry = new WriterRegistry(society.rows);
  const entry = await registry.read(writer);
  if (entry?.record?.state !== 'open') return;
  steps.push('called lost');
  society.book.cloned.add(writer);
  const { record } = entry;
  const lostMs = society.storeClock.wallMs();
  const lost = { ...record, state: 'lost', lostMs } as const;
  await new RegistryChain(registry, writer, entry).advance(() => lost);
}
