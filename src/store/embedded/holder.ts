// The `holder` file beside the store's LOCK: who has it, for the message of whoever is refused.
// Only ever a hint: the LOCK decides, the file may be of a holder that is dead.
import { readFile, writeFile } from 'node:fs/promises';
import { hostname } from 'node:os';
import { join } from 'node:path';

const holderFile = 'holder';

/** Called with the lock held. */
export async function writeHolder(folder: string, startedMs: number): Promise<void> {
  const holder = {
    pid: process.pid,
    host: hostname(),
    started: new Date(startedMs).toISOString(),
  };
  await writeFile(join(folder, holderFile), `${JSON.stringify(holder)}\n`);
}

/** For a person. */
export async function describeHolder(folder: string): Promise<string> {
  try {
    const text = await readFile(join(folder, holderFile), 'utf8');
    const holder = JSON.parse(text) as Partial<Record<string, unknown>>;
    const [pid, host, started] = [holder['pid'], holder['host'], holder['started']].map(String);
    return `process ${pid} on ${host}, started ${started}`;
  } catch (thrown) {
    return `another process (its holder file cannot be read: ${String(thrown)})`;
  }
}
