// How every history ends: whatever was wrong is well again, every folder has a process, and in
// bounded time nobody has anything left to do (I6). Then each stops, and the books are held
// against the store.
import { settledFates } from '../../src/ingest/recovery-book.ts';
import { auditJournals } from './journal-audit.ts';
import { send } from './clients.ts';
import { goOn } from './deeds.ts';
import { LawBroken } from './law.ts';
import type { World } from './world.ts';

/** A silence is proven in 5 minutes, what is set aside is tried every 5. */
const recoveryMs = 25 * 60_000;
const lookMs = 30_000;
const answerMs = 20_000;
/** Looks in a row that find nothing to do: in between everybody has had a round. */
const quietLooks = 3;

export async function end(world: World): Promise<void> {
  world.tell('-- the end: all is well from here on');
  heal(world);
  await recoverAll(world);
  await stopAll(world);
  const { auditor } = world;
  auditor.checkAll();
  // Where a journal had to give way nobody can say what it held.
  if (!world.machines.some((machine) => machine?.asideGaveWay === true)) await auditJournals(world);
  const open = auditor.open.filter((writer) => !isExcused(world, writer));
  if (open.length > 0) throw new LawBroken('I6', `left open: ${open.join()}`);
}

function heal(world: World): void {
  world.storeFaults.refusing = undefined;
  world.hit('refusals', world.storeFaults.hits);
  for (const machine of new Set(world.machines)) {
    if (machine === undefined) continue;
    world.hit('disk', machine.diskFaults.hits);
    machine.diskFaults.heal();
    machine.wallOffMs = 0;
  }
  for (const living of world.living) {
    if (living === undefined) continue;
    living.network.trouble = 'fair';
    goOn(world, living);
  }
}

async function recoverAll(world: World): Promise<void> {
  const startMs = world.time.nowMs;
  for (let quiet = 0; quiet < quietLooks;) {
    world.machines.forEach((_, slot) => world.start(slot));
    await world.time.sleep(lookMs);
    const left = leftToDo(world);
    quiet = left === undefined ? quiet + 1 : 0;
    if (left !== undefined && world.time.nowMs - startMs > recoveryMs) {
      throw new LawBroken('I6', left);
    }
  }
}

/** What somebody has not done yet; undefined: nothing. */
function leftToDo(world: World): string | undefined {
  const own = new Set<string>();
  for (const living of world.living) {
    if (living === undefined) continue;
    const { core, name } = living;
    if (core === undefined || living.isStopping) return `${name} is not up`;
    const { runs } = core.ingest;
    for (const { writer } of runs) own.add(writer);
    if (runs.length > 1) return `${name} has ended identities`;
    const dirty = runs.reduce((sum, { counters }) => sum + counters.dirtyCells, 0);
    if (dirty > 0) return `${name} has ${dirty} dirty cells`;
  }
  const left = world.auditor.open.filter((writer) => !own.has(writer) && !isExcused(world, writer));
  return left.length > 0 ? `open, and nobody's: ${left.join()}` : foldersLeft(world);
}

/** Of which an operator must decide: its journal has a gap. */
function isExcused({ auditor }: World, writer: string): boolean {
  return auditor.rotted.has(writer);
}

/** What some process sees in its folder and is not done with. */
function foldersLeft(world: World): string | undefined {
  for (const one of world.living) {
    for (const { writer, folder, fate } of one?.core?.recovery.book.findings ?? []) {
      if (settledFates.has(fate) || isExcused(world, writer)) continue;
      // A copy lacks what came after it, and whom it is of may live.
      const isOfAnother = fate === 'gap' || world.ownerOf(writer) !== undefined;
      if (isOfAnother && world.auditor.copied.has(writer)) continue;
      // Its own, seen when it was just made.
      if (one?.core?.ingest.runs.some((run) => run.writer === writer) === true) continue;
      // One that could not be begun was deleted again.
      if (one?.machine.disk.has(folder) === true) return `${one.name} sees ${writer}: ${fate}`;
    }
  }
  return undefined;
}

/** Whoever is up answers; then each stops, and leaves nothing undone. */
async function stopAll(world: World): Promise<void> {
  const last = world.living.flatMap((living) => {
    if (living === undefined) return [];
    const site = `last-${living.name}`;
    const events = [{ ad: 'a', site, measure: 1, n: 3, lateMs: undefined }] as const;
    return [{ living, line: send(world, living, { ack: 'journal', events }) }];
  });
  await world.time.sleep(answerMs);
  for (const { living, line } of last) {
    const standing = line?.standing ?? 'not sent';
    if (standing !== 'ok') throw new LawBroken('I6', `${living.name}: a request is ${standing}`);
    if ((await world.stop(living)) === true) continue;
    throw new LawBroken('I6', `${living.name} could not flush all`);
  }
}
