// Cuts puts that are sorted by region into Multi calls of bounded size, each for one server, and
// a call that a server refused as a whole into two. Only computes; never knows what became of it.
import type { PutBatch } from '../model/rows.ts';
import { hbaseMultiBytesMax, hbaseMultiPutsMax } from '../limits.ts';
import { cellBytesOf } from './cell-block.ts';
import type { ServerAddress } from './host-map.ts';
import { addressText } from './host-map.ts';
import type { RegionPuts } from './multi-codec.ts';
import type { Region } from './regions.ts';

/** What one Multi call carries. */
export interface Chunk {
  readonly server: ServerAddress;
  readonly parts: readonly RegionPuts[];
}

export type RegionGroup = readonly [Region, readonly number[]];

/** The groups by the address of their server. */
export function groupsByServer(
  groups: ReadonlyMap<Region, readonly number[]>,
): ReadonlyMap<string, readonly RegionGroup[]> {
  const byServer = new Map<string, RegionGroup[]>();
  for (const group of groups) {
    const key = addressText(group[0].server);
    const list = byServer.get(key);
    if (list === undefined) byServer.set(key, [group]);
    else list.push(group);
  }
  return byServer;
}

/** How much one call may carry; a server that takes less teaches it while chunks are made. */
export interface ChunkBounds {
  puts: number;
}

/** Of one server; each is made when it is asked for, so that no slice of time grows with all. */
export function* chunksOf(
  { batch, family }: { readonly batch: PutBatch; readonly family: Buffer },
  groups: readonly RegionGroup[],
  bounds: ChunkBounds = { puts: hbaseMultiPutsMax },
): Generator<Chunk, undefined> {
  let parts: RegionPuts[] = [];
  let bytes = 0;
  let count = 0;
  for (const [region, puts] of groups) {
    let from = 0;
    for (let k = 0; k < puts.length; k++) {
      const cell = cellBytesOf(batch, puts[k] ?? 0, family);
      if (count > 0 && (bytes + cell > hbaseMultiBytesMax || count >= bounds.puts)) {
        if (k > from) parts.push({ region, puts: Int32Array.from(puts.slice(from, k)) });
        yield { server: region.server, parts };
        parts = [];
        from = k;
        bytes = 0;
        count = 0;
      }
      bytes += cell;
      count++;
    }
    parts.push({ region, puts: Int32Array.from(from === 0 ? puts : puts.slice(from)) });
  }
  const server = parts[0]?.region.server;
  if (server !== undefined) yield { server, parts };
  return undefined;
}

export function countOf(chunk: Chunk): number {
  return chunk.parts.reduce((sum, { puts }) => sum + puts.length, 0);
}

/** Null: it holds one put, and cannot be cut. */
export function halvesOf(chunk: Chunk): readonly Chunk[] | null {
  const all = chunk.parts.flatMap(({ region, puts }) => [...puts].map((i) => ({ region, i })));
  if (all.length < 2) return null;
  const middle = all.length >>> 1;
  return [all.slice(0, middle), all.slice(middle)].map((half) => {
    const byRegion = new Map<Region, number[]>();
    for (const { region, i } of half) {
      const puts = byRegion.get(region);
      if (puts === undefined) byRegion.set(region, [i]);
      else puts.push(i);
    }
    const parts = [...byRegion].map(([region, puts]) => ({ region, puts: Int32Array.from(puts) }));
    return { server: chunk.server, parts };
  });
}
