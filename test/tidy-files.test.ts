// Holds the size and the manners of all files, and what the packages are pinned to.
import { readFileSync } from 'node:fs';
import { describe, expect, test } from '@jest/globals';
import { version } from '../src/version.ts';
import { linesOf, writtenFiles } from './support/files.ts';

const linesMax = 300;
const columnsMax = 100;

/** Files that may be longer, each with its reason. */
const longFiles: Readonly<Record<string, string>> = {
  'src/settings.ts': 'a table of every setting',
  'src/limits.ts': 'a table of every bound, with how they relate',
};

/** Files that may be wider. */
const wideFiles: Readonly<Record<string, string>> = {
  'src/hbase/proto.ts': 'one message of the protocol a line',
};

/** A tag instead of a version in somebody else's package, pinned by our `overrides`. */
const tagsPinned: readonly string[] = [
  'node_modules/hbase-rpc-client/node_modules/protobufjs ascli',
];

/** As a person counts them: an emoji of several parts is one. */
function columnsOf(line: string): number {
  return line.length <= columnsMax ? line.length : [...new Intl.Segmenter().segment(line)].length;
}

/** `file:line` of each line that the check refuses. */
function linesWhere(names: readonly string[], refused: (line: string) => boolean): string[] {
  return names.flatMap((name) =>
    linesOf(name).flatMap((line, index) => (refused(line) ? [`${name}:${index + 1}`] : [])),
  );
}

describe('files', () => {
  const written = writtenFiles();
  const code = written.filter((name) => /\.(ts|js|mjs)$/.test(name));

  test(`hold at most ${linesMax} lines, but for named exceptions`, () => {
    const long = code.filter((name) => linesOf(name).length - 1 > linesMax);
    expect(long.filter((name) => !(name in longFiles))).toEqual([]);
    expect(Object.keys(longFiles).filter((name) => !long.includes(name))).toEqual([]);
  });

  test(`hold at most ${columnsMax} columns, but where a long text cannot be broken`, () => {
    const text = /'[^']{50,}'|`[^`]{50,}`|"[^"]{50,}"|\/\^.{50,}\//;
    const wide = linesWhere(code, (line) => columnsOf(line) > columnsMax && !text.test(line));
    expect(wide.filter((place) => !((place.split(':')[0] ?? '') in wideFiles))).toEqual([]);
  });

  test('are named in lower case with hyphens', () => {
    expect(code.filter((name) => !/^[a-z0-9/.-]+$/.test(name))).toEqual([]);
  });

  test('open with what they own, in a comment; words of the model may speak for themselves', () => {
    const own = code.filter((name) => /^src\/(?!model\/)/.test(name));
    expect(own.filter((name) => !/^(\/\/ |\/\*\*|#!)/.test(linesOf(name)[0] ?? ''))).toEqual([]);
  });

  test('leave no work for later', () => {
    const later = new RegExp(`\\b(${['TO', 'DO'].join('')}|${['FIX', 'ME'].join('')})\\b`);
    expect(linesWhere(written, (line) => later.test(line))).toEqual([]);
  });

  test('speak of the product alone: no folder of a machine, no host of packages', () => {
    const place = /(^|[\s'"`(=:])\/(work|root|home|Users)\/|file:\/\/\/|artifactory|\/\/registry\./;
    const others = written.filter((name) => name !== 'test/tidy-files.test.ts');
    expect(linesWhere(others, (line) => place.test(line))).toEqual([]);
  });
});

interface Manifest {
  readonly version: string;
  readonly dependencies: Readonly<Record<string, string>>;
  readonly devDependencies: Readonly<Record<string, string>>;
}

interface LockedPackage extends Partial<Manifest> {
  readonly resolved?: string;
  readonly integrity?: string;
}

describe('packages', () => {
  const manifest = JSON.parse(readFileSync('package.json', 'utf8')) as Manifest;
  const lock = JSON.parse(readFileSync('package-lock.json', 'utf8')) as {
    readonly packages: Readonly<Record<string, LockedPackage>>;
  };
  const locked = Object.entries(lock.packages).filter(([name]) => name !== '');

  test('are named by exact versions', () => {
    const all = Object.entries({ ...manifest.dependencies, ...manifest.devDependencies });
    expect(all.filter(([, wanted]) => !/^\d+\.\d+\.\d+$/.test(wanted))).toEqual([]);
  });

  test('are locked by checksum, from no particular host and by no tag that may move', () => {
    expect(locked.length).toBeGreaterThan(100);
    expect(locked.filter(([, { resolved }]) => resolved !== undefined)).toEqual([]);
    expect(locked.filter(([, { integrity }]) => integrity === undefined)).toEqual([]);
    const tags = locked.flatMap(([name, { dependencies = {} }]) =>
      Object.entries(dependencies)
        .filter(([, wanted]) => /^[a-z]+$/.test(wanted))
        .map(([wanted]) => `${name} ${wanted}`),
    );
    expect(tags).toEqual(tagsPinned);
  });

  test('the program says the version of its package', () => {
    expect(version).toBe(manifest.version);
  });
});
