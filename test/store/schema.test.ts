// The tables as they should be: one source for what is created, compared and printed.
import { readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { describe, expect, test } from '@jest/globals';
import { differences, printSchema, tableSchemas } from '../../src/store/schema.ts';

const options = { tablePrefix: 'adcounter_', salts: 16, retentionDays: 400 };

describe('the schema', () => {
  test('the committed script is the printed one', () => {
    const script = fileURLToPath(new URL('../../hbase-schema/create-tables.rb', import.meta.url));
    expect(readFileSync(script, 'utf8')).toBe(printSchema(options));
  });

  test('salted tables are split on the salt, tokens evenly, meta not', () => {
    const splits = new Map(
      tableSchemas(options).map(({ name, splitKeys }) => [
        name,
        splitKeys.map((key) => key.toString('hex')).join(' '),
      ]),
    );
    expect(splits.get('counts')).toBe('01 02 03 04 05 06 07 08 09 0a 0b 0c 0d 0e 0f');
    expect(splits.get('summaries')).toBe(splits.get('counts'));
    expect(splits.get('sites')).toBe(splits.get('counts'));
    expect(splits.get('tokens')).toBe('10 20 30 40 50 60 70 80 90 a0 b0 c0 d0 e0 f0');
    expect(splits.get('meta')).toBe('');
  });

  test('cells outlive the retention by a week, tokens four days, meta everything', () => {
    const days = tableSchemas(options).map(({ name, attributes }) => [
      name,
      Number(attributes.get('TTL') ?? Number.POSITIVE_INFINITY) / 86_400,
    ]);
    expect(Object.fromEntries(days)).toEqual({
      counts: 407,
      summaries: 407,
      sites: 407,
      meta: Number.POSITIVE_INFINITY,
      tokens: 4,
    });
  });

  test('one salt makes one region, and a namespace comes first', () => {
    const one = { ...options, salts: 1, tablePrefix: 'ads:adcounter_' };
    expect(tableSchemas(one).every(({ splitKeys }) => splitKeys.length === 0)).toBe(true);
    expect(printSchema(one)).toContain("create_namespace 'ads'\ncreate 'ads:adcounter_counts'");
  });

  test('a difference is a sentence that names table and setting', () => {
    const [counts, , , meta] = tableSchemas(options);
    if (counts === undefined || meta === undefined) throw new Error('five tables');
    expect(differences(counts, counts.attributes)).toEqual([]);
    expect(differences(counts, as({ TTL: '2147483647' }))).toEqual([]);
    expect(differences(counts, as({ TTL: '34560000' }))).toEqual([]);
    expect(differences(counts, null)).toEqual(['The table adcounter_counts has no family c.']);
    expect(differences(counts, as({ VERSIONS: '3' }))).toEqual([
      'The table adcounter_counts has VERSIONS 3 in family c; it must be 1.',
    ]);
    expect(differences(counts, as({ TTL: '86400' }))).toEqual([
      'The table adcounter_counts has TTL 86400 s in family c, ' +
        'less than the 34560000 s that its cells are needed.',
    ]);
    expect(differences(meta, as({ TTL: '86400' }))).toEqual([
      'The table adcounter_meta has TTL 86400 s in family c; it must be FOREVER.',
    ]);
  });
});

function as(more: Readonly<Record<string, string>>): ReadonlyMap<string, string> {
  return new Map(Object.entries({ VERSIONS: '1', ...more }));
}
