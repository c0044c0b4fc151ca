// Data folders that no service runs on: what writers left in them is put by the command, as an
// operator would do it.
import { readdir } from 'node:fs/promises';
import path from 'node:path';
import { wait } from '../crash/load.ts';
import type { Scene } from './scene.ts';
import { command } from './system.ts';

interface Finding {
  readonly writer: string;
  readonly fate: string;
  readonly foundCounts: number;
  readonly putCounts: number;
}

const attempts = 20;
const pauseMs = 2_000;

/** True: all that it holds is in the store. Else it is tried again at the end. */
export async function recoverFolder(scene: Scene, folder: string): Promise<boolean> {
  for (let attempt = 0; attempt < attempts; attempt++) {
    const { out } = await command(scene.system, 'recover', '--json', '--data-dir', folder);
    const findings = findingsIn(out);
    if (findings?.every(isPut) === true) return true;
    await wait(pauseMs);
  }
  scene.leftBehind.push(folder);
  return false;
}

/** The journals in a data folder. */
export async function foldersOfWriters(dataDir: string): Promise<string[]> {
  const journal = path.join(dataDir, 'journal');
  const names = await readdir(journal);
  return names.filter((name) => /^[\da-f]{16}$/.test(name)).map((name) => path.join(journal, name));
}

/** Undefined: the store did not answer. */
function findingsIn(out: string): readonly Finding[] | undefined {
  if (out === '') return undefined;
  return (JSON.parse(out) as { writers: readonly Finding[] }).writers;
}

function isPut({ fate, foundCounts, putCounts }: Finding): boolean {
  return fate !== 'failed' && fate !== 'in_use' && foundCounts === putCounts;
}
