// Holds each cell of the store against the journals of its writer, wherever they lie now: in the
// folders of instances, in clones, in what was put away, aside or not. A cell must be what the
// journal says, exactly; of a writer with several copies what the copy with most of it says.
import { readdir } from 'node:fs/promises';
import path from 'node:path';
import { configOfProcess } from '../../src/config.ts';
import type { Config } from '../../src/config.ts';
import { withStore } from '../../src/existing-store.ts';
import { nodeDisk } from '../../src/journal/disk.ts';
import { replayQuarter } from '../../src/journal/replay-quarter.ts';
import { replayFolder } from '../../src/journal/replay.ts';
import { withAside } from '../../src/journal/with-aside.ts';
import { createLog } from '../../src/log.ts';
import type { AdId } from '../../src/model/cell.ts';
import { lagBetween, sumOf } from '../../src/model/cell.ts';
import { systemClock } from '../../src/model/clock.ts';
import { parseWriterId } from '../../src/model/writer-id.ts';
import type { WriterId } from '../../src/model/writer-id.ts';
import type { StoreLink } from '../../src/store/store-link.ts';
import { foldersOfWriters } from './recovery.ts';
import type { Scene } from './scene.ts';

export interface Audit {
  readonly cells: number;
  readonly writers: number;
  /** Of writers whose journals are nowhere: held against nothing. */
  readonly cellsWithoutJournal: number;
  /** In the store with less than the journal says, or not at all. */
  readonly short: number;
  /** In the store with more than the journal says. */
  readonly beyond: number;
  readonly examples: readonly string[];
}

type Cells = Map<string, number>;

const everyQuarter = { first: 0, end: 65_536 * 96 };
const readTimeoutMs = 300_000;
const examplesMax = 10;

export async function audit(scene: Scene): Promise<Audit> {
  const options = { config: configOf(scene), clock: systemClock, log: createLog('silent') };
  return await withStore(options, async ({ link }) => {
    const stored = await storedCells(link, scene);
    const journals = await journalsIn(scene.home);
    const found = { cells: 0, cellsWithoutJournal: 0, short: 0, beyond: 0 };
    const examples: string[] = [];
    for (const cells of stored.values()) found.cells += cells.size;
    for (const writer of new Set([...stored.keys(), ...journals.keys()])) {
      const shown: Cells = stored.get(writer) ?? new Map();
      const folders = journals.get(writer);
      if (folders === undefined) {
        found.cellsWithoutJournal += shown.size;
        continue;
      }
      const journaled = await journaledCells(link, writer, folders);
      for (const cell of new Set([...shown.keys(), ...journaled.keys()])) {
        const [inStore, inJournal] = [shown.get(cell) ?? 0, journaled.get(cell) ?? 0];
        if (inStore === inJournal) continue;
        if (inStore < inJournal) found.short++;
        else found.beyond++;
        const example = `${writer} ${cell}: ${inStore} stored, ${inJournal} journaled`;
        if (examples.length < examplesMax) examples.push(example);
      }
    }
    return { ...found, writers: journals.size, examples };
  });
}

async function storedCells(link: StoreLink, scene: Scene): Promise<Map<WriterId, Cells>> {
  const store = await link.reach();
  const byWriter = new Map<WriterId, Cells>();
  for (const { ad } of scene.accounts) {
    await store.readAd(
      ad as AdId,
      everyQuarter,
      ({ writer, site, eventQuarter, lag, counts }) => {
        let cells = byWriter.get(writer);
        if (cells === undefined) byWriter.set(writer, (cells = new Map()));
        cells.set(`${ad} ${site} ${eventQuarter} ${lag}`, sumOf(counts));
      },
      { timeoutMs: readTimeoutMs },
    );
  }
  return byWriter;
}

async function journalsIn(home: string): Promise<Map<WriterId, string[]>> {
  const byWriter = new Map<WriterId, string[]>();
  for (const name of await readdir(home)) {
    const dataDir = path.join(home, name);
    for (const folder of await foldersOfWriters(dataDir).catch(() => [])) {
      const writer = parseWriterId(path.basename(folder));
      if (writer === undefined) continue;
      byWriter.set(writer, [...(byWriter.get(writer) ?? []), folder]);
    }
  }
  return byWriter;
}

async function journaledCells(
  link: StoreLink,
  writer: WriterId,
  folders: readonly string[],
): Promise<Cells> {
  const cells: Cells = new Map();
  const registered = (await link.registry.read(writer))?.record?.registeredMs ?? undefined;
  for (const folder of folders) {
    const place = { disk: withAside(nodeDisk, folder), folder };
    const replay = await replayFolder(place);
    const registeredMs = replay.registeredMs ?? registered ?? 0;
    for (const segments of replay.quarters(registeredMs)) {
      const quarter = segments.acceptanceQuarter ?? 0;
      for (const { ad, site, eventQuarter, n } of (await replayQuarter(place, segments)).cells) {
        const cell = `${ad} ${site} ${eventQuarter} ${lagBetween(eventQuarter, quarter)}`;
        cells.set(cell, Math.max(cells.get(cell) ?? 0, n));
      }
    }
  }
  return cells;
}

function configOf({ system, home }: Scene): Config {
  const flags = Object.entries(system.env)
    .filter(([name]) => name.startsWith('ADCOUNTER_HBASE_'))
    .map(([name, value]) => [nameOf(name), value] as const);
  const loaded = configOfProcess({ 'data-dir': home, ...Object.fromEntries(flags) }, true);
  if ('mistakes' in loaded) throw new Error(loaded.mistakes.join());
  return loaded.config;
}

function nameOf(variable: string): string {
  return variable.replace('ADCOUNTER_', '').toLowerCase().replaceAll('_', '-');
}
