// What the commands do to regions of whichever HBase is up, by our own client.
// Promises that it is done when it returns, or says why not. Rows are written as HBase prints them:
// text, other bytes as \x00.
import type { HBaseClient } from '../../../src/hbase/hbase-client.ts';
import type { Region } from '../../../src/hbase/regions.ts';
import { inTime } from '../client-options.ts';
import { withFreshClient } from './fresh-client.ts';

export type Say = (line: string) => void;

const inLongTime = { timeoutMs: 120_000 };

/** Where a command finds HBase, and how it calls a server: `rs1`, or `host:port`. */
export interface Target {
  readonly zookeeper: string;
  readonly serverNames: Readonly<Record<string, string>>;
  readonly say: Say;
}

export async function listRegions(target: Target, table: string): Promise<void> {
  await withFreshClient(target.zookeeper, async (client) => {
    for (const region of await client.regions(table, inTime)) {
      target.say(lineOf(target, region));
    }
  });
}

export async function moveRegion(
  target: Target,
  place: { readonly table: string; readonly row: string; readonly server: string },
): Promise<void> {
  const wanted = target.serverNames[place.server] ?? place.server;
  await withFreshClient(target.zookeeper, async (client) => {
    const servers = await client.servers(inTime);
    const names = servers.map(({ hostName, port }) => `${hostName}:${port}`);
    const to = servers[names.indexOf(wanted)];
    if (to === undefined) {
      throw new Error(`${place.server} is no live region server; they are ${names.join(', ')}.`);
    }
    await client.moveRegion(await regionAt(client, place.table, place.row), to, inLongTime);
  });
  // A client that has asked before would remember where it was.
  await withFreshClient(target.zookeeper, async (client) => {
    const region = await regionAt(client, place.table, place.row);
    target.say(lineOf(target, region));
    if (`${region.server.host}:${region.server.port}` !== wanted) {
      throw new Error(`HBase put the region elsewhere than to ${place.server}.`);
    }
  });
}

export async function splitRegion(target: Target, table: string, row: string): Promise<void> {
  await withFreshClient(target.zookeeper, async (client) => {
    await client.splitRegion(await regionAt(client, table, row), bytesOf(row), inLongTime);
  });
  await listRegions(target, table);
}

/** The region of the row and the one behind it. */
export async function mergeRegions(target: Target, table: string, row: string): Promise<void> {
  await withFreshClient(target.zookeeper, async (client) => {
    const first = await regionAt(client, table, row);
    const regions = await client.regions(table, inTime);
    const second = regions.find(({ startKey }) => startKey.equals(first.endKey));
    if (first.endKey.length === 0 || second === undefined) {
      throw new Error(`Behind the region of row "${row}" there is none that it could merge with.`);
    }
    await client.mergeRegions([first, second], inLongTime);
  });
  await listRegions(target, table);
}

/** Flushes or compacts the region of a row, or all of a table. */
export async function tendRegions(
  target: Target,
  place: { readonly table: string; readonly row: string | undefined },
  work: 'flush' | 'compact' | 'major',
): Promise<void> {
  const { table, row } = place;
  await withFreshClient(target.zookeeper, async (client) => {
    const all = await client.regions(table, inTime);
    const chosen = row === undefined ? all : [await regionAt(client, table, row)];
    for (const region of chosen) {
      if (work === 'flush') await client.flushRegion(region, inLongTime);
      else await client.compactRegion(region, { major: work === 'major' }, inLongTime);
      target.say(lineOf(target, region));
    }
  });
}

/** The command, not the cluster, is wrong. */
export class WrongUse extends Error {}

/** `\x00` is a byte; everything else is text. */
export function bytesOf(row: string): Buffer {
  if (/\\x(?![0-9a-fA-F]{2})/.test(row)) {
    throw new WrongUse(`${row}: two hexadecimal digits belong to each \\x`);
  }
  const parts = row.split(/(\\x[0-9a-fA-F]{2})/);
  return Buffer.concat(
    parts.map((part, i) => (i % 2 === 1 ? Buffer.from(part.slice(2), 'hex') : Buffer.from(part))),
  );
}

export function textOf(row: Buffer): string {
  const bytes = [...row].map((byte) => {
    const plain = byte > 0x20 && byte < 0x7f && byte !== 0x5c;
    return plain ? String.fromCodePoint(byte) : `\\x${byte.toString(16).padStart(2, '0')}`;
  });
  return bytes.join('');
}

async function regionAt(client: HBaseClient, table: string, row: string): Promise<Region> {
  const key = bytesOf(row);
  const regions = await client.regions(table, inTime);
  const region = regions.findLast(({ startKey }) => startKey.compare(key) <= 0);
  if (region === undefined) throw new Error(`${table} has no region of row "${row}".`);
  return region;
}

function lineOf({ serverNames }: Target, { startKey, endKey, server }: Region): string {
  const place = `${server.host}:${server.port}`;
  const name = Object.keys(serverNames).find((known) => serverNames[known] === place);
  const from = startKey.length === 0 ? '(start)' : textOf(startKey);
  const to = endKey.length === 0 ? '(end)' : textOf(endKey);
  return `${from} … ${to} ${name === undefined ? place : `${name} ${place}`}`;
}
