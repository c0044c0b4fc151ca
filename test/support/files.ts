// The files of the project, for the tests that hold its order.
import { readdirSync, readFileSync } from 'node:fs';
import path from 'node:path';

export function filesUnder(folder: string): string[] {
  return readdirSync(folder, { withFileTypes: true }).flatMap((entry) => {
    const name = path.join(folder, entry.name);
    return entry.isDirectory() ? filesUnder(name) : [name];
  });
}

/** What people wrote, without what is generated, installed or left behind by a run. */
export function writtenFiles(): string[] {
  return readdirSync('.', { withFileTypes: true })
    .filter(({ name }) => !/^(\.git|node_modules|dist|coverage|adcounter-data|\.hbase)$/.test(name))
    .flatMap((entry) => (entry.isDirectory() ? filesUnder(entry.name) : [entry.name]))
    .filter((name) => !/\.(png|ico|gz|bin|class|jar|cpuprofile|log)$/.test(name));
}

export function linesOf(name: string): string[] {
  return readFileSync(name, 'utf8').split('\n');
}
