// A copy of the product with one bug planted in it, and the simulation beside it. The bug is a
// patch; the product itself never has a switch for one.
import { cpSync, mkdtempSync, readFileSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';

const copied = ['src', 'test/simulation', 'test/crash/random.ts', 'package.json', 'tsconfig.json'];

export class PatchedCopy {
  readonly folder: string;

  /** Throws where the patch does not apply: then the product has changed, and so must it. */
  constructor(patch: string) {
    this.folder = mkdtempSync(path.join(tmpdir(), 'adcounter-planted-'));
    for (const name of copied) cpSync(name, path.join(this.folder, name), { recursive: true });
    symlinkSync(path.resolve('node_modules'), path.join(this.folder, 'node_modules'));
    for (const [file, change] of changesIn(patch)) this.#apply(file, change);
  }

  remove(): void {
    rmSync(this.folder, { recursive: true, force: true });
  }

  #apply(name: string, { before, after }: Change): void {
    const file = path.join(this.folder, name);
    const parts = readFileSync(file, 'utf8').split(before);
    if (parts.length !== 2) {
      throw new Error(`${name} holds this ${parts.length - 1} times:\n${before}`);
    }
    writeFileSync(file, parts.join(after));
  }
}

interface Change {
  readonly before: string;
  readonly after: string;
}

/** Each hunk of a unified diff; where it stands is told by its text, not by line numbers. */
function changesIn(patch: string): [string, Change][] {
  const changes: [string, Change][] = [];
  let file = '';
  let hunk: string[] = [];
  const end = (): void => {
    const side = (without: string): string =>
      hunk
        .filter((line) => !line.startsWith(without))
        .map((line) => `${line.slice(1)}\n`)
        .join('');
    if (hunk.length > 0) changes.push([file, { before: side('+'), after: side('-') }]);
    hunk = [];
  };
  for (const line of patch.split('\n')) {
    if (line.startsWith('--- ') || line.startsWith('@@') || line.startsWith('+++ ')) end();
    if (line.startsWith('+++ b/')) file = line.slice('+++ b/'.length);
    else if (/^[ +-]/.test(line) && !line.startsWith('--- ')) hunk.push(line);
  }
  end();
  return changes;
}
