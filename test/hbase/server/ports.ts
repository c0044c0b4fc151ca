// Owns the ports of a test HBase: those that were asked for, else those of the last time, else
// free ones. They lie below the range from which the system takes the near end of a connection:
// a port there could be gone while its server is down for a moment.
import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import net from 'node:net';
import path from 'node:path';

const lowest = 15_000;
const highest = 31_999;
const attemptsMax = 100;

export type Ports<Name extends string> = Readonly<Record<Name, number>>;

export async function choosePorts<Name extends string>(
  folder: string,
  names: readonly Name[],
  asked: Partial<Ports<Name>>,
): Promise<Ports<Name>> {
  const file = path.join(folder, 'ports.json');
  const last = new Map<string, number>(
    existsSync(file)
      ? Object.entries(JSON.parse(readFileSync(file, 'utf8')) as Readonly<Record<string, number>>)
      : [],
  );
  const chosen = new Map<Name, number>();
  for (const name of names) {
    const wanted: number | undefined = asked[name];
    const before = last.get(name);
    const kept = before !== undefined && (await isFree(before)) ? before : null;
    // One that was asked for may be taken: then its server says so.
    chosen.set(name, wanted ?? kept ?? (await freePort([...chosen.values()])));
  }
  const ports = Object.fromEntries(chosen) as Ports<Name>;
  writeFileSync(file, `${JSON.stringify(ports)}\n`);
  return ports;
}

async function freePort(taken: readonly number[]): Promise<number> {
  for (let i = 0; i < attemptsMax; i++) {
    const port = lowest + Math.floor(Math.random() * (highest - lowest + 1));
    if (!taken.includes(port) && (await isFree(port))) return port;
  }
  throw new Error(`No free port was found between ${lowest} and ${highest}.`);
}

export async function isFree(port: number): Promise<boolean> {
  const server = net.createServer();
  return await new Promise((resolve) => {
    server.once('error', () => resolve(false));
    server.listen(port, '127.0.0.1', () => server.close(() => resolve(true)));
  });
}
