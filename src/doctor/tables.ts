// The tables as they should be, by the words of `schema verify`, the layout row, and whether HBase
// takes the versions that counts have. Writes nothing: docs/hbase-measured.md says how.
import type { Config } from '../config.ts';
import type { TableDescription } from '../hbase/admin.ts';
import type { Diagnosis } from '../hbase/diagnosis.ts';
import type { MetaRegion, MetaTable } from '../hbase/meta-table.ts';
import { addressText } from '../hbase/host-map.ts';
import { doctorCallMs, doctorServersConcurrentMax } from '../limits.ts';
import { CounterError, toError } from '../model/errors.ts';
import { metaQualifier } from '../store/key-layout.ts';
import { readLayout } from '../store/layout.ts';
import type { RowStore } from '../store/row-store.ts';
import { differences, type TableSchema } from '../store/schema.ts';
import { checkOf, inParallel, type Check } from './check.ts';

const callOptions = { timeoutMs: doctorCallMs };
const create = [
  'adcounter schema create makes what is missing (or, by an administrator: adcounter schema print | hbase shell).',
  'Correct ADCOUNTER_HBASE_TABLE_PREFIX, if the tables have other names.',
];

/** `described` null: the master does not answer, so attributes are not looked at. */
export async function checkTable(
  schema: TableSchema,
  meta: MetaTable,
  around: { readonly rows: RowStore; readonly described: readonly TableDescription[] | null },
): Promise<Check> {
  const { fullName, family } = schema;
  const { ok, warn, fail } = checkOf('table', fullName);
  if (meta.regions.length === 0) {
    const cause = 'It was never created, was dropped, or has another prefix.';
    return fail('it does not exist', { cause, fix: create });
  }
  if (meta.state !== null && meta.state !== 'ENABLED') {
    const cause = 'An administrator disabled it, or is just changing it.';
    return fail(`it is ${meta.state}`, {
      cause,
      fix: [`In the HBase shell: enable '${fullName}'`],
    });
  }
  const startMs = performance.now();
  const refusal = await refusalOfWrites(schema, around.rows);
  const ms = performance.now() - startMs;
  if (refusal !== null) {
    const denied = refusal.code === 'STORE_ACCESS_DENIED';
    const cause = denied
      ? 'The user has no right to read and write this table.'
      : 'Its region is not served at this moment, or its server is not reached from here.';
    const fix = denied
      ? [`In the HBase shell: grant '<user>', 'RW', '${fullName}' (ADCOUNTER_HBASE_USER names it)`]
      : ['See the checks of servers and regions above.'];
    return fail(`it takes no call: ${refusal.message}`, { ms, cause, fix });
  }
  const size = `${meta.regions.length} region${meta.regions.length === 1 ? '' : 's'}`;
  const table = around.described?.find(({ name }) => name === fullName);
  if (table === undefined) return ok(`${size}; attributes not looked at: no master`, { ms });
  const attributes = table.families.get(family) ?? null;
  const found = differences(schema, attributes);
  if (found.length > 0) {
    const sentences = found.map((text) => text.replace(`The table ${fullName} `, 'it '));
    return fail(sentences.join(' ').replace(/\.$/, ''), {
      ms,
      cause: 'It was created or altered by hand, or ADCOUNTER_RETENTION_DAYS has grown since.',
      fix: alterations(schema, attributes),
    });
  }
  const seen = `${size}, ${attributesText(attributes)}`;
  if (attributes?.get('NEW_VERSION_BEHAVIOR')?.toLowerCase() !== 'true') return ok(seen, { ms });
  return warn(`${seen}, NEW_VERSION_BEHAVIOR`, {
    ms,
    cause: 'Counts stay right, but HBase reads more slowly, and deletes mean something else.',
    fix: [
      `In the HBase shell: alter '${fullName}', NAME => '${family}', NEW_VERSION_BEHAVIOR => false`,
    ],
  });
}

export async function checkLayout(rows: RowStore, config: Config): Promise<Check> {
  const { ok, fail } = checkOf('layout');
  const startMs = performance.now();
  try {
    const layout = await readLayout(rows, callOptions);
    const ms = performance.now() - startMs;
    if (layout === undefined) {
      const cause = 'The tables were created by hand, without `adcounter schema create`.';
      return fail('there is no layout row in meta', { ms, cause, fix: create.slice(0, 1) });
    }
    const { salts, created } = layout;
    const seen = `${salts} salts, created ${created}`;
    if (config.hbaseSalts === undefined || config.hbaseSalts === salts) return ok(seen, { ms });
    return fail(`the store has ${seen}; ADCOUNTER_HBASE_SALTS is ${config.hbaseSalts}`, {
      ms,
      cause: 'Salts are fixed when the tables are created; with others, rows are not found again.',
      fix: [`ADCOUNTER_HBASE_SALTS=${salts}`, 'Remove the setting: the stored number counts.'],
    });
  } catch (thrown) {
    const shape = thrown instanceof CounterError && thrown.code.startsWith('SCHEMA_');
    return fail(toError(thrown).message, {
      cause: shape
        ? 'Another release of adcounter made this store, or something else wrote into it.'
        : 'The region of meta is not served, or its server is not reached from here.',
      fix: shape
        ? ['Use that release, or another ADCOUNTER_HBASE_TABLE_PREFIX.']
        : ['See the checks of servers and regions above.'],
    });
  }
}

/** Far ahead of any clock: what a cell of very many counts has for its version. */
const versionAheadMs = 2 ** 40;

/** One region of counts on each server: the setting may differ between them. */
export async function checkVersions(
  counts: { readonly schema: TableSchema; readonly meta: MetaTable },
  diagnosis: Diagnosis,
  around: { readonly answering: ReadonlySet<string>; readonly nowMs: number },
): Promise<Check> {
  const { ok, fail, skipped } = checkOf('versions');
  const byServer = new Map<string, MetaRegion>();
  for (const region of counts.meta.regions) {
    const at = region.server === null ? '' : addressText(region.server);
    if (around.answering.has(at) && region.state === 'OPEN') byServer.set(at, region);
  }
  if (byServer.size === 0) return skipped('no region of counts is at a server that answers');
  const family = Buffer.from(counts.schema.family);
  const version = around.nowMs + versionAheadMs;
  const startMs = performance.now();
  try {
    const refusals = await inParallel(
      [...byServer],
      doctorServersConcurrentMax,
      async ([at, region]) => ({
        at,
        refusal: await diagnosis.refusedVersion(region, family, version),
      }),
    );
    const ms = performance.now() - startMs;
    const refusing = refusals.filter(({ refusal }) => refusal !== null);
    const [first] = refusing;
    if (first === undefined) return ok('HBase takes versions that are ahead of its clock', { ms });
    const slopMs = Number(/too\.new=(\d+)/.exec(first.refusal ?? '')?.[1]);
    const bound = Number.isFinite(slopMs) ? `${slopMs} ms ` : '';
    const where = refusing.map(({ at }) => at).join(', ');
    return fail(`HBase refuses versions that are more than ${bound}ahead of its clock (${where})`, {
      ms,
      ...slopAdvice(counts.schema.fullName),
    });
  } catch (thrown) {
    return fail(`it could not be found out: ${toError(thrown).message}`, {
      cause: 'A region of counts is not served at this moment.',
      fix: ['Run this again; see the checks of servers and regions above.'],
    });
  }
}

function slopAdvice(table: string): { cause: string; fix: readonly string[] } {
  const setting = 'hbase.hregion.keyvalue.timestamp.slop.millisecs';
  return {
    cause: `${setting} is set. The version of a cell is the start of its quarter-hour plus its count, so a cell that counts more than 1,000 a second, or one event with a large n, gets ahead of the clock and is refused.`,
    fix: [
      `Remove ${setting} from hbase-site.xml of the region servers and restart them.`,
      `If it is set on the table alone: alter '${table}', METHOD => 'table_att_unset', NAME => '${setting}'`,
    ],
  };
}

/** Nothing is written: the check never finds what it expects. It needs the right to write. */
async function refusalOfWrites(
  { name }: TableSchema,
  rows: RowStore,
): Promise<CounterError | null> {
  const value = Buffer.from('adcounter doctor');
  const check = { row: Buffer.from('doctor'), qualifier: metaQualifier, expected: value, value };
  try {
    await rows.checkAndPut(name, check, callOptions);
    return null;
  } catch (thrown) {
    if (thrown instanceof CounterError) return thrown;
    throw thrown;
  }
}

function alterations(
  schema: TableSchema,
  attributes: ReadonlyMap<string, string> | null,
): readonly string[] {
  const { fullName, family } = schema;
  if (attributes === null) return [`In the HBase shell: alter '${fullName}', NAME => '${family}'`];
  const ttl = schema.attributes.get('TTL') ?? "'FOREVER'";
  return [
    `In the HBase shell: alter '${fullName}', NAME => '${family}', VERSIONS => 1, TTL => ${ttl}`,
  ];
}

function attributesText(attributes: ReadonlyMap<string, string> | null): string {
  const ttl = attributes?.get('TTL') ?? 'FOREVER';
  const seconds = Number(ttl);
  const lasting =
    Number.isFinite(seconds) && seconds < 2_147_483_647
      ? `${Math.floor(seconds / 86_400)} days`
      : 'forever';
  const compression = attributes?.get('COMPRESSION') ?? 'NONE';
  return `TTL ${lasting}, VERSIONS ${attributes?.get('VERSIONS') ?? '1'}, compression ${compression}`;
}
