// What meta says of the regions of our tables: whether each is open at a server that lives, and
// whether they cover the table without a hole.
import type { MetaRegion, MetaTable } from '../hbase/meta-table.ts';
import { addressText } from '../hbase/host-map.ts';
import { checkOf, type Check } from './check.ts';

const listedMax = 5;

/** `live`: `name,port,start` of each server that lives. */
export function checkRegions(
  tables: ReadonlyMap<string, MetaTable>,
  live: ReadonlySet<string>,
  ms: number,
): Check {
  const { ok, fail, skipped } = checkOf('regions');
  const enabled = [...tables].filter(
    ([, table]) => table.regions.length > 0 && table.state !== 'DISABLED',
  );
  if (enabled.length === 0) return skipped('no table is there and enabled');
  const troubles = enabled.flatMap(([name, { regions }]) => [
    ...regions.flatMap((region) => troubleOf(region, live)),
    ...holesOf(name, regions),
  ]);
  const count = enabled.reduce((sum, [, { regions }]) => sum + regions.length, 0);
  const servers = new Set(enabled.flatMap(([, { regions }]) => regions.map(serverOf)));
  if (troubles.length === 0) {
    return ok(
      `${count} regions of ${enabled.length} tables, all open, on ${servers.size} server${servers.size === 1 ? '' : 's'}`,
      {
        ms,
      },
    );
  }
  const shown = troubles.slice(0, listedMax).join('; ');
  const left = troubles.length - listedMax;
  return fail(`${shown}${left > 0 ? `; and ${left} more` : ''}`, {
    ms,
    cause:
      'A region server has stopped and its regions are not taken over yet, or cannot be opened.',
    fix: [
      'Run this again in a minute; if it stays, start the server, and ask `hbase hbck -details` and the log of the master.',
    ],
  });
}

function serverOf({ server }: MetaRegion): string {
  return server === null ? '' : addressText(server);
}

function troubleOf(region: MetaRegion, live: ReadonlySet<string>): string[] {
  const { name, state, server, serverName } = region;
  if (state !== 'OPEN') return [`${name} is ${state}`];
  if (server === null) return [`${name} is at no server`];
  if (serverName !== null && !live.has(serverName)) {
    return [`${name} is at ${serverName}, which is not alive`];
  }
  return [];
}

function holesOf(table: string, regions: readonly MetaRegion[]): string[] {
  const holes: string[] = [];
  let end: Buffer = Buffer.alloc(0);
  for (const { startKey, endKey } of regions) {
    if (!startKey.equals(end)) {
      holes.push(`${table} has a hole or an overlap at ${keyText(end)}`);
    }
    end = endKey;
  }
  if (end.length > 0) holes.push(`${table} has no region from ${keyText(end)} on`);
  return holes;
}

function keyText(key: Buffer): string {
  return key.length === 0 ? 'its start' : `key ${key.toString('hex')}`;
}
