// Lets the simulation loose on a product with a planted bug, until a law of the system breaks.
import { execFile } from 'node:child_process';
import { readdirSync, readFileSync } from 'node:fs';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import { PatchedCopy } from './patched-copy.ts';

const here = fileURLToPath(new URL('.', import.meta.url));
export const seedsFile = path.join(here, 'seeds.json');

/** Which law of which history caught it, and the processor's seconds from the first seed on. */
export interface Caught {
  readonly seed: number;
  readonly law: string;
  readonly seconds: number;
}

export function plantedNames(): readonly string[] {
  const names = readdirSync(here).filter((name) => name.endsWith('.patch'));
  return names.map((name) => name.slice(0, -'.patch'.length)).sort();
}

/** By name; the seeds that caught them when they were last searched for. */
export function knownSeeds(): Readonly<Record<string, Caught>> {
  return JSON.parse(readFileSync(seedsFile, 'utf8')) as Record<string, Caught>;
}

/** Undefined: nobody noticed it in so many seconds. */
export async function catchPlanted(
  name: string,
  from: { readonly seed: number; readonly seconds: number },
): Promise<Caught | undefined> {
  const copy = new PatchedCopy(readFileSync(path.join(here, `${name}.patch`), 'utf8'));
  try {
    const told = await simulate(copy.folder, from);
    const [, seed, law] = /^seed (\d+): (I\d)/m.exec(told) ?? [];
    if (seed === undefined || law === undefined) {
      if (/^\d+ histories, .* 0 failed$/m.test(told)) return undefined;
      throw new Error(`the simulation of ${name} did not end well:\n${told}`);
    }
    const seconds = Number(/^processor time, .*: (\S+) s$/m.exec(told)?.[1]);
    return { seed: Number(seed), law, seconds };
  } finally {
    copy.remove();
  }
}

function simulate(
  cwd: string,
  { seed, seconds }: { readonly seed: number; readonly seconds: number },
): Promise<string> {
  const program = ['--import', 'tsx', 'test/simulation/simulate.ts', '--lines', '0'];
  const flags = ['--seed', String(seed), '--seconds', String(seconds), '--shrink', '0'];
  return new Promise((resolve) => {
    execFile(process.execPath, [...program, ...flags], { cwd }, (_failed, stdout, stderr) => {
      resolve(stdout + stderr);
    });
  });
}
