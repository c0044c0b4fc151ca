// The tables as they should be: hbase-schema/tables.json with prefix, salts and retention put in.
// Promises one source for creating, comparing and printing them. Never talks to HBase.
import { existsSync, readFileSync } from 'node:fs';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import { assert } from '../model/assert.ts';
import { tableNames } from './row-store.ts';
import type { TableName } from './row-store.ts';

export interface SchemaOptions {
  /** Before each table's name; may carry a namespace: `ads:adcounter_`. */
  readonly tablePrefix: string;
  readonly salts: number;
  readonly retentionDays: number;
}

export interface TableSchema {
  readonly name: TableName;
  /** With the prefix, as HBase knows it. */
  readonly fullName: string;
  readonly family: string;
  /** As HBase names and writes them; without TTL: cells stay for ever. */
  readonly attributes: ReadonlyMap<string, string>;
  readonly splitKeys: readonly Buffer[];
  /** Cells must stay at least this long; null: for ever. */
  readonly keepSeconds: number | null;
}

interface SchemaFile {
  readonly family: string;
  readonly attributes: Readonly<Record<string, string>>;
  readonly tables: readonly {
    readonly name: TableName;
    readonly split: 'salt' | 'first-byte' | 'none';
    readonly keepDays: 'retention' | 'forever' | number;
    readonly moreDays: number;
  }[];
}

const daySeconds = 86_400;
const saltsMax = 256;

export function tableSchemas(options: SchemaOptions): readonly TableSchema[] {
  assert(options.salts >= 1 && options.salts <= saltsMax, 'a salt is one byte');
  const file = schemaFile();
  return tableNames.map((name) => {
    const table = file.tables.find((candidate) => candidate.name === name);
    assert(table !== undefined, `tables.json describes ${name}`);
    const attributes = new Map(Object.entries(file.attributes));
    const { keepDays, moreDays } = table;
    const days = keepDays === 'retention' ? options.retentionDays : keepDays;
    const keepSeconds = days === 'forever' ? null : days * daySeconds;
    if (keepSeconds !== null) {
      attributes.set('TTL', String(keepSeconds + moreDays * daySeconds));
    }
    return {
      name,
      fullName: options.tablePrefix + name,
      family: file.family,
      attributes,
      splitKeys: splitKeys(table.split, options.salts),
      keepSeconds,
    };
  });
}

/** What is wrong with a table that exists, in sentences; `attributes` null: it has no family. */
export function differences(
  table: TableSchema,
  attributes: ReadonlyMap<string, string> | null,
): readonly string[] {
  const place = `The table ${table.fullName}`;
  if (attributes === null) return [`${place} has no family ${table.family}.`];
  const found: string[] = [];
  const versions = attributes.get('VERSIONS') ?? '1';
  if (versions !== '1') {
    found.push(`${place} has VERSIONS ${versions} in family ${table.family}; it must be 1.`);
  }
  const ttl = ttlSeconds(attributes.get('TTL'));
  if (ttl !== null && table.keepSeconds === null) {
    found.push(`${place} has TTL ${ttl} s in family ${table.family}; it must be FOREVER.`);
  }
  if (ttl !== null && table.keepSeconds !== null && ttl < table.keepSeconds) {
    found.push(
      `${place} has TTL ${ttl} s in family ${table.family}, less than the ` +
        `${table.keepSeconds} s that its cells are needed.`,
    );
  }
  return found;
}

/** The same tables as a script for hbase-shell. */
export function printSchema(options: SchemaOptions): string {
  const { tablePrefix, salts, retentionDays } = options;
  const lines = [
    '# The tables of adcounter, for hbase-shell; printed by `adcounter schema print`.',
    `# Prefix ${tablePrefix}, ${salts} salts, retention ${retentionDays} days.`,
  ];
  const namespace = tablePrefix.includes(':') ? tablePrefix.split(':', 1)[0] : undefined;
  if (namespace !== undefined) lines.push(`create_namespace '${namespace}'`);
  for (const table of tableSchemas(options)) {
    const settings = [...table.attributes].map(
      ([name, value]) => `${name} => ${/^\d+$/.test(value) ? value : `'${value}'`}`,
    );
    const family = `{ NAME => '${table.family}', ${settings.join(', ')} }`;
    const splits = table.splitKeys.map((key) => `"${escaped(key)}"`).join(', ');
    const more = splits === '' ? '' : `,\n  SPLITS => [${splits}]`;
    lines.push(`create '${table.fullName}',\n  ${family}${more}`);
  }
  return `${lines.join('\n')}\n`;
}

function splitKeys(split: 'salt' | 'first-byte' | 'none', salts: number): readonly Buffer[] {
  if (split === 'none') return [];
  const step = split === 'salt' ? 1 : saltsMax / salts;
  return Array.from({ length: salts - 1 }, (_, i) => Buffer.from([Math.floor((i + 1) * step)]));
}

/** HBase's word for no TTL is the largest int. */
function ttlSeconds(value: string | undefined): number | null {
  if (value === undefined || value.toUpperCase() === 'FOREVER') return null;
  const seconds = Number(/^\d+/.exec(value)?.[0]);
  return seconds >= 2_147_483_647 ? null : seconds;
}

function escaped(bytes: Buffer): string {
  return [...bytes].map((byte) => `\\x${byte.toString(16).padStart(2, '0')}`).join('');
}

/** Beside the package's root, whether this file runs from src/ or from dist/src/. */
function schemaFile(): SchemaFile {
  let folder = path.dirname(fileURLToPath(import.meta.url));
  for (;;) {
    const file = path.join(folder, 'hbase-schema', 'tables.json');
    if (existsSync(file)) return JSON.parse(readFileSync(file, 'utf8')) as SchemaFile;
    const parent = path.dirname(folder);
    assert(parent !== folder, 'hbase-schema/tables.json is part of the package');
    folder = parent;
  }
}
