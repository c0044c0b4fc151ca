// The layout row: who writes it, and what is refused by it before anything else is read.
import { describe, expect, test } from '@jest/globals';
import { CounterStore } from '../../src/store/counter-store.ts';
import { CounterError } from '../../src/model/errors.ts';
import { layoutRow, metaQualifier } from '../../src/store/key-layout.ts';
import { readLayout, writeLayout } from '../../src/store/layout.ts';
import { MemoryRowStore } from '../support/memory-row-store.ts';
import { inTime, putAll, scanCells } from '../support/rows.ts';

const createdMs = Date.UTC(2026, 0, 2, 3, 4, 5, 678);
const create = { createIfMissing: true };
const guard = { createIfMissing: false };

function storeWith(value: Buffer): Promise<MemoryRowStore> {
  const rows = new MemoryRowStore();
  const cell = { row: layoutRow, qualifier: metaQualifier, value, version: 1 };
  return putAll(rows, 'meta', [cell]).then(() => rows);
}

describe('the layout row', () => {
  test('is 01 and JSON, written once', async () => {
    const rows = new MemoryRowStore();
    await writeLayout(rows, { salts: 16, createdMs }, inTime);
    const standing = await writeLayout(rows, { salts: 32, createdMs: createdMs + 1 }, inTime);
    expect(standing).toEqual({ salts: 16, created: '2026-01-02T03:04:05.678Z' });
    const all = { start: Buffer.alloc(0), stop: Buffer.alloc(0) };
    const [cell, ...more] = await scanCells(rows, 'meta', all);
    expect(more).toEqual([]);
    expect(cell?.row.toString('hex')).toBe('6c61796f7574');
    expect(cell?.qualifier.toString('hex')).toBe('01');
    expect(cell?.value.toString('latin1')).toBe(
      '\u0001{"salts":16,"created":"2026-01-02T03:04:05.678Z"}',
    );
  });

  test('of two that write it at once both keep the same', async () => {
    const rows = new MemoryRowStore();
    const written = await Promise.all(
      [4, 8, 16].map((salts) => writeLayout(rows, { salts, createdMs }, inTime)),
    );
    expect(new Set(written.map((layout) => layout.salts)).size).toBe(1);
    expect(await readLayout(rows, inTime)).toEqual(written[0]);
  });

  test('a salt is a byte: other counts are never written', async () => {
    for (const salts of [0, 257, 1.5, Number.NaN]) {
      const write = writeLayout(new MemoryRowStore(), { salts, createdMs }, inTime);
      await expect(write).rejects.toMatchObject({ code: 'SCHEMA_MISMATCH' });
    }
  });
});

describe('opening', () => {
  test('creates the layout with 16 salts where the store may create itself', async () => {
    const store = await CounterStore.open(new MemoryRowStore(() => createdMs), create, inTime);
    expect(store.layout).toEqual({ salts: 16, created: '2026-01-02T03:04:05.678Z' });
  });

  test('without a layout, where an operator creates the schema: SCHEMA_MISSING', async () => {
    const rows = new MemoryRowStore();
    const open = CounterStore.open(rows, guard, inTime);
    await expect(open).rejects.toMatchObject({ code: 'SCHEMA_MISSING', remedy: 'give-up' });
    expect(rows.cellsIn('meta')).toBe(0);
  });

  test('tables that are missing, the layout among them: SCHEMA_MISSING names them', async () => {
    for (const failure of [
      new CounterError('STORE_TABLE_MISSING', 'retry'),
      new CounterError('STORE_REFUSED', 'give-up'),
    ]) {
      const rows = new MemoryRowStore();
      rows.differences = ['the table counts is missing'];
      rows.failBefore = () => failure;
      const open = CounterStore.open(rows, create, inTime);
      await expect(open).rejects.toThrow(/^SCHEMA_MISSING: .*the table counts is missing/);
    }
  });

  test('tables of another shape: SCHEMA_MISMATCH names what differs', async () => {
    const rows = new MemoryRowStore();
    await writeLayout(rows, { salts: 16, createdMs }, inTime);
    rows.differences = ['counts: VERSIONS is 3, not 1', 'counts: TTL is 10 days'];
    await expect(CounterStore.open(rows, guard, inTime)).rejects.toThrow(
      'SCHEMA_MISMATCH: counts: VERSIONS is 3, not 1; counts: TTL is 10 days',
    );
  });

  test('other salts than configured: SCHEMA_MISMATCH names both', async () => {
    const rows = new MemoryRowStore();
    await writeLayout(rows, { salts: 16, createdMs }, inTime);
    const open = CounterStore.open(rows, { ...guard, salts: 32 }, inTime);
    await expect(open).rejects.toThrow(
      'SCHEMA_MISMATCH: the store has 16 salts, configured are 32',
    );
    expect((await CounterStore.open(rows, { ...guard, salts: 16 }, inTime)).layout.salts).toBe(16);
  });

  test('another format, and bytes that are no layout: SCHEMA_MISMATCH', async () => {
    const values = ['\u0002{"salts":16}', '', '\u0001', '\u0001{', '\u0001null', '\u0001[]'];
    values.push('\u0001{"salts":0}', '\u0001{"salts":"16"}');
    for (const value of values) {
      const rows = await storeWith(Buffer.from(value));
      const open = CounterStore.open(rows, create, inTime);
      await expect(open).rejects.toMatchObject({ code: 'SCHEMA_MISMATCH', remedy: 'give-up' });
    }
  });

  test('a store that is out of reach is not a store without a layout', async () => {
    const rows = new MemoryRowStore();
    rows.failBefore = () => new CounterError('STORE_TIMEOUT', 'retry');
    const open = CounterStore.open(rows, create, inTime);
    await expect(open).rejects.toMatchObject({ code: 'STORE_TIMEOUT', remedy: 'retry' });
  });
});
