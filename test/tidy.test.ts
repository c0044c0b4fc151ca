// Holds the rooms of the product: what may know what, and which library lives where.
// Read the tables first; they are the architecture. Sizes and manners: tidy-files.test.ts.
import { readFileSync } from 'node:fs';
import path from 'node:path';
import { describe, expect, test } from '@jest/globals';
import { filesUnder } from './support/files.ts';

/**
 * The rooms of src/, from the ground up. A file may import from its own room and from every floor
 * below, never from above and never from a neighbour on its floor: a change cannot travel up.
 * A room is a folder, or a file of src/ with those that are listed as its own.
 */
const floors: readonly Readonly<Record<string, string>>[] = [
  { model: 'the words as types, pure' },
  { limits: 'every bound', config: 'settings', version: 'what runs' },
  { log: 'lines on stdout', metrics: 'numbers for Prometheus' },
  { schedule: 'work by the clock', hbase: 'an HBase client' },
  { journal: 'order of events on disk', counters: 'open cells', store: 'rows and cells kept' },
  {
    ingest: 'accepts events',
    flush: 'puts dirty cells',
    query: 'totals',
    copy: 'one store into another',
  },
  { http: 'the edge' },
  { service: 'builds and connects all of it' },
  { workers: 'several processes as one service', doctor: 'says what stands in the way of a store' },
  { cli: 'the commands' },
  { main: 'where a process starts' },
];

/** Files of src/ that belong to a room of another name. */
const partOf: Readonly<Record<string, string>> = {
  'settings.ts': 'config',
  'metric-definitions.ts': 'metrics',
  'core.ts': 'service',
  'machine.ts': 'service',
  'unflushed.ts': 'service',
  'service-part.ts': 'service',
  'aside-sweep.ts': 'service',
  'metrics-together.ts': 'metrics',
  'data-folder.ts': 'service',
  'outage-budget.ts': 'service',
  'status.ts': 'service',
  'open-row-store.ts': 'service',
  'store-folder.ts': 'service',
  'announcements.ts': 'service',
  'existing-store.ts': 'service',
  'recover-data-dir.ts': 'service',
  'reassert-data-dir.ts': 'service',
  'copy-store.ts': 'service',
  'writer-marks.ts': 'service',
};

/** The only places that know a library: replacing it touches one room. */
const homes: Readonly<Record<string, readonly string[]>> = {
  express: ['http/'],
  'node-cron': ['schedule.ts'],
  'prom-client': ['metrics.ts', 'metric-definitions.ts', 'metrics-together.ts'],
  pino: ['log.ts'],
  'pino-pretty': ['log.ts'],
  zod: ['settings.ts'],
  yargs: ['cli/'],
  'classic-level': ['store/embedded/'],
  'hbase-rpc-client': ['hbase/'],
  protobufjs: ['hbase/'],
};

/** Inside the store the adapters know the port, and the port knows no adapter. */
const adapters = ['store/embedded/', 'store/hbase/'] as const;

const runtimeDependenciesMax = 14;

/** Where HBase's Increment may be named: nowhere, since its retry counts twice. */
const incrementAllowed: ReadonlySet<string> = new Set();

interface Source {
  /** From src/: `store/embedded/level.ts`. */
  readonly name: string;
  /** Without comments. */
  readonly code: string;
  readonly imports: readonly string[];
}

const sources = filesUnder('src')
  .filter((file) => file.endsWith('.ts') && !file.endsWith('.d.ts'))
  .map((file): Source => {
    const text = readFileSync(file, 'utf8');
    const code = text.replaceAll(/\/\*[^]*?\*\/|(?<=^|\s)\/\/.*$/gm, '');
    const imports = [
      ...code.matchAll(/\bfrom '([^']+)'|\bimport\('([^']+)'\)|\bimport '([^']+)'/g),
    ];
    const name = path.relative('src', file);
    return { name, code, imports: imports.map((found) => found.slice(1).join('')) };
  });

function roomOf(name: string): string {
  const slash = name.indexOf('/');
  return partOf[name] ?? (slash === -1 ? name.replace(/\.ts$/, '') : name.slice(0, slash));
}

function floorOf(room: string): number {
  return floors.findIndex((floor) => room in floor);
}

function adapterOf(name: string): string | undefined {
  return adapters.find((folder) => name.startsWith(folder));
}

/** `hbase-rpc-client/lib/client.js` → `hbase-rpc-client` */
function packageOf(target: string): string {
  return target
    .split('/')
    .slice(0, target.startsWith('@') ? 2 : 1)
    .join('/');
}

/** Imported files of the project, by name from src/. */
function neighboursOf({ name, imports }: Source): string[] {
  return imports
    .filter((target) => target.startsWith('.'))
    .map((target) => path.join(path.dirname(name), target));
}

describe('rooms', () => {
  test('each file belongs to a room of the table, and each room has a file', () => {
    const rooms = new Set(sources.map(({ name }) => roomOf(name)));
    expect([...rooms].filter((room) => floorOf(room) === -1)).toEqual([]);
    expect(floors.flatMap(Object.keys).filter((room) => !rooms.has(room))).toEqual([]);
  });

  test('imports go down, never up and never sideways', () => {
    const wrong = sources.flatMap((source) =>
      neighboursOf(source)
        .filter((target) => {
          const [from, to] = [roomOf(source.name), roomOf(target)];
          return from !== to && floorOf(to) >= floorOf(from);
        })
        .map((target) => `${source.name} imports ${target}`),
    );
    expect(wrong).toEqual([]);
  });

  test('the store knows no adapter, and an adapter no other', () => {
    const wrong = sources
      .filter(({ name }) => roomOf(name) === 'store')
      .flatMap((source) =>
        neighboursOf(source)
          .filter((target) => {
            const adapter = adapterOf(target);
            return adapter !== undefined && adapter !== adapterOf(source.name);
          })
          .map((target) => `${source.name} imports ${target}`),
      );
    expect(wrong).toEqual([]);
  });

  test('only the adapter for HBase, whoever opens it, and the doctor know the HBase client', () => {
    const knowing = sources.filter((source) =>
      neighboursOf(source).some((target) => target.startsWith('hbase/')),
    );
    const names = knowing.map(({ name }) => name);
    const may = /^(hbase\/|store\/hbase\/|open-row-store|doctor\/)/;
    expect(names.filter((name) => !may.test(name))).toEqual([]);
  });

  test('each library has one home', () => {
    const wrong = sources.flatMap(({ name, imports }) =>
      imports
        .filter((target) => !target.startsWith('.') && !target.startsWith('node:'))
        .filter((target) => !homes[packageOf(target)]?.some((home) => name.startsWith(home)))
        .map((target) => `${name} imports ${target}`),
    );
    expect(wrong).toEqual([]);
  });

  test(`at most ${runtimeDependenciesMax} libraries run with us, each with a home`, () => {
    const manifest = JSON.parse(readFileSync('package.json', 'utf8')) as {
      readonly dependencies: Readonly<Record<string, string>>;
    };
    const direct = Object.keys(manifest.dependencies);
    expect(direct.length).toBeLessThanOrEqual(runtimeDependenciesMax);
    expect(direct.sort()).toEqual(Object.keys(homes).sort());
  });

  test('only config.ts reads the environment', () => {
    const reading = sources.filter(({ code }) => /\bprocess\.env\b/.test(code));
    expect(reading.map(({ name }) => name)).toEqual(['config.ts']);
  });

  test('every file is reached from main.ts', () => {
    const reached = new Set(['main.ts']);
    for (const name of reached) {
      const source = sources.find((candidate) => candidate.name === name);
      for (const target of source === undefined ? [] : neighboursOf(source)) reached.add(target);
    }
    expect(sources.map(({ name }) => name).filter((name) => !reached.has(name))).toEqual([]);
  });

  test('a room is entered by its files: no index.ts, nothing exported on', () => {
    expect(sources.filter(({ name }) => name.endsWith('index.ts'))).toEqual([]);
    const passing = sources.filter(({ code }) => /^export\s[^;=(]*\bfrom '/m.test(code));
    expect(passing.map(({ name }) => name)).toEqual([]);
  });

  test('nobody increments in the store: a repeated increment counts twice', () => {
    const wrong = sources
      .filter(({ name }) => /^(hbase|store)\//.test(name) && !incrementAllowed.has(name))
      .filter(({ code }) => /increment|appendValue/i.test(code));
    expect(wrong.map(({ name }) => name)).toEqual([]);
  });
});
