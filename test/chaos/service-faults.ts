// What is done to instances and their data folders. Each act answers whether it was seen to hit,
// and leaves all instances running. What lies in folders that were put away is found again: its
// counts belong to the books.
import { cp, rename, rm } from 'node:fs/promises';
import path from 'node:path';
import { wait } from '../crash/load.ts';
import { freePort } from '../crash/service-process.ts';
import { until } from '../support/until.ts';
import type { Instance } from './instance.ts';
import type { Planned, ServiceKind } from './plan.ts';
import { foldersOfWriters, recoverFolder } from './recovery.ts';
import type { Scene } from './scene.ts';

const aimTimeoutMs = 15_000;
/** The longest outage, should one begin in between, and more. */
const noticeTimeoutMs = 420_000;
const copyAttempts = 40;

export function serviceFault(scene: Scene, fault: Planned<ServiceKind>): Promise<boolean> {
  return acts[fault.kind](scene, fault);
}

type Act = (scene: Scene, fault: Planned) => Promise<boolean>;

const acts: Readonly<Record<ServiceKind, Act>> = { kill, killWorker, clone, restore, lose };

async function kill(scene: Scene, { choice, measure }: Planned): Promise<boolean> {
  const instance = oneOf(scene.instances, choice);
  const hit = await isBusy(instance);
  await instance.kill9();
  await wait(measure * 3_000);
  await instance.start();
  return hit;
}

async function killWorker(scene: Scene, { choice, measure }: Planned): Promise<boolean> {
  const many = scene.instances.filter(({ workers }) => workers > 1);
  const instance = oneOf(many, choice);
  const hit = await isBusy(instance);
  return (await instance.killWorker(measure)) !== undefined && hit;
}

/** Hit: it counted, and its folder held journals of living writers. */
async function clone(scene: Scene, { choice, measure }: Planned): Promise<boolean> {
  const source = oneOf(scene.instances, choice);
  const dataDir = path.join(scene.home, `clone-${scene.nextNumber()}`);
  await copyLiving(source.dataDir, dataDir);
  const copied = await foldersOfWriters(dataDir);
  const name = path.basename(dataDir);
  const copy = scene.newInstance({ name, dataDir, port: await freePort(), workers: 1 });
  try {
    await copy.start();
    scene.targets.push(copy.target);
    await wait(5_000 + measure * 5_000);
    await isBusy(copy);
  } finally {
    scene.targets.splice(scene.targets.indexOf(copy.target), 1);
    await copy.end();
  }
  scene.inBackground(recoverFolder(scene, dataDir));
  return copy.target.acknowledged > 0 && copied.length > 0;
}

/** Hit: the older copy held journals, and they were replayed over what was newer. */
async function restore(scene: Scene, { choice, measure }: Planned): Promise<boolean> {
  const instance = oneOf(scene.instances, choice);
  const backup = path.join(scene.home, `backup-${scene.nextNumber()}`);
  await copyLiving(instance.dataDir, backup);
  await wait(3_000 + measure * 5_000);
  await isBusy(instance);
  await instance.kill9();
  const away = await putAway(scene, instance);
  await rename(backup, instance.dataDir);
  await instance.start();
  const hit = await seen(() => instance.service.countOf('recovery.began') > 0);
  scene.inBackground(recoverFolder(scene, away));
  return hit;
}

/** Hit: an answer named the writer as lost. */
async function lose(scene: Scene, { choice }: Planned): Promise<boolean> {
  const alone = scene.instances.filter(({ workers }) => workers === 1);
  const instance = oneOf(alone, choice);
  const writer = await registeredWriter(instance);
  await isBusy(instance);
  await instance.kill9();
  const away = await putAway(scene, instance);
  try {
    await instance.start();
    await until(() => scene.markLost(writer), noticeTimeoutMs);
    return await seen(() => scene.reader.lost.has(writer));
  } finally {
    scene.inBackground(findAgain(scene, away, writer));
  }
}

async function findAgain(scene: Scene, away: string, writer: string): Promise<void> {
  if (await recoverFolder(scene, away)) scene.reader.found.add(writer);
}

/** Whom the store does not know yet nobody can call lost. */
async function registeredWriter(instance: Instance): Promise<string> {
  let id: string | null | undefined;
  await until(async () => {
    const { writer, registered } = await instance.status();
    id = typeof registered === 'string' ? writer : undefined;
    return typeof id === 'string';
  }, noticeTimeoutMs);
  if (typeof id !== 'string') throw new Error(`${instance.name} has no writer`);
  return id;
}

/** Requests wait for its answer at this moment; false: within seconds none did. */
async function isBusy({ target }: Instance): Promise<boolean> {
  await until(() => target.inFlight > 0, aimTimeoutMs).catch(() => undefined);
  return target.inFlight > 0;
}

async function seen(what: () => boolean): Promise<boolean> {
  return await until(what, noticeTimeoutMs).then(
    () => true,
    () => false,
  );
}

/** The folder of a killed instance, kept under another name. */
async function putAway(scene: Scene, { dataDir }: Instance): Promise<string> {
  const away = path.join(scene.home, `away-${scene.nextNumber()}`);
  await rename(dataDir, away);
  return away;
}

/** Not one instant, as no copy of a living folder is; files may go while it is made. */
async function copyLiving(from: string, to: string): Promise<void> {
  for (let attempt = 1; ; attempt++) {
    try {
      await cp(from, to, { recursive: true });
      return;
    } catch (error) {
      await rm(to, { recursive: true, force: true });
      const isGone = (error as NodeJS.ErrnoException).code === 'ENOENT';
      if (!isGone || attempt === copyAttempts) throw error;
    }
  }
}

function oneOf<Item>(choices: readonly Item[], choice: number): Item {
  const chosen = choices[Math.floor(choice * choices.length)];
  if (chosen === undefined) throw new Error('there is nothing to choose from');
  return chosen;
}
