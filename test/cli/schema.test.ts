import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from '@jest/globals';
import { run } from './run.ts';

let folder: string;

beforeEach(async () => {
  folder = await mkdtemp(path.join(tmpdir(), 'adcounter-schema-'));
});

afterEach(async () => {
  await rm(folder, { recursive: true });
});

describe('schema print', () => {
  test('is a script for an administrator, with what is configured', async () => {
    const flags = ['--hbase-salts', '4', '--hbase-table-prefix', 'ads:x_'];
    const { code, out, err } = await run('schema', 'print', ...flags);
    expect([code, err]).toEqual([0, '']);
    for (const table of ['counts', 'summaries', 'sites', 'meta', 'tokens']) {
      expect(out).toContain(`create 'ads:x_${table}'`);
    }
    expect(out.match(/SPLITS => \["\\x01", "\\x02", "\\x03"\]/g)).toHaveLength(3);
  });

  test('--json is the same as data', async () => {
    const { out } = await run('schema', 'print', '--json', '--hbase-salts', '2');
    const tables = JSON.parse(out) as { name: string; splitKeysHex: string[] }[];
    expect(tables).toHaveLength(5);
    expect(tables[0]).toMatchObject({ name: 'adcounter_counts', splitKeysHex: ['01'] });
  });
});

function stored(...args: string[]) {
  return run('schema', ...args, '--data-dir', folder);
}

describe('schema create and verify on the embedded store', () => {
  test('create may be repeated, and verify is content with what it made', async () => {
    expect((await stored('create')).code).toBe(0);
    expect(await stored('create')).toMatchObject({ code: 0, err: '' });
    const { code, out } = await stored('verify');
    expect(code).toBe(0);
    expect(out).toMatch(/^All is as it should be: 16 salts, at /);
    const json = (await stored('verify', '--json')).out;
    expect(JSON.parse(json)).toEqual({ differences: [], salts: 16 });
    expect((await stored('verify', '--quiet')).out).toBe('');
  });

  test('verify names what is missing, and ends with 1', async () => {
    const { code, out } = await stored('verify');
    expect(code).toBe(1);
    expect(out).toContain('no layout row in meta');
  });
});
