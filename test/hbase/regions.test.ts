// Where regions are, as remembered: found by row, replaced when they split, merge or move.
import { describe, expect, test } from '@jest/globals';
import * as fc from 'fast-check';
import { Regions } from '../../src/hbase/regions.ts';
import type { Region } from '../../src/hbase/regions.ts';

const region = (startKey: string, endKey: string, port = 1): Region => ({
  name: Buffer.from(`t,${startKey},1.x.`),
  startKey: Buffer.from(startKey),
  endKey: Buffer.from(endKey),
  server: { host: 'h', port },
});
const find = (regions: Regions, row: string): string | null => {
  const bytes = Buffer.from(`..${row}..`);
  const found = regions.find('t', bytes, 2, bytes.length - 2);
  return found === null ? null : `${found.startKey.toString()}-${found.endKey.toString()}`;
};

describe('known regions', () => {
  test('a row is found in the region that holds it, or in none', () => {
    const regions = new Regions();
    regions.learn('t', region('m', ''));
    regions.learn('t', region('', 'c'));
    expect(['', 'b\xff', 'c', 'l', 'm', 'z'].map((row) => find(regions, row))).toEqual([
      '-c',
      '-c',
      null,
      null,
      'm-',
      'm-',
    ]);
    expect(find(new Regions(), 'a')).toBeNull();
  });

  test('a split replaces the parent, a merge its parts', () => {
    const regions = new Regions();
    regions.learn('t', region('', ''));
    regions.learn('t', region('', 'm'));
    expect(find(regions, 'z')).toBeNull();
    regions.learn('t', region('m', ''));
    expect(find(regions, 'z')).toBe('m-');
    regions.learn('t', region('', ''));
    expect(find(regions, 'z')).toBe('-');
  });

  test('what was replaced cannot be forgotten again', () => {
    const regions = new Regions();
    const before = region('', '');
    regions.learn('t', before);
    regions.learn('t', region('', '', 2));
    expect(regions.forget('t', before)).toBe(false);
    expect(find(regions, 'a')).toBe('-');
  });

  test('beyond the bound those go that were not asked for the longest, and not all of them', () => {
    const max = 160;
    const regions = new Regions(max);
    const learn = (i: number): void => regions.learn(`t${i % 3}`, region(keyOf(i), keyOf(i + 1)));
    const known = (i: number): boolean =>
      regions.find(`t${i % 3}`, Buffer.from(keyOf(i)), 0, 4) !== null;
    for (let i = 0; i < max; i++) learn(i);
    // The oldest are in use, and stay.
    for (let i = 0; i < 40; i++) expect(known(i)).toBe(true);
    for (let i = max; i < max + 100; i++) {
      learn(i);
      expect(regions.count).toBeLessThanOrEqual(max);
      // A sixteenth at most goes at once.
      expect(regions.count).toBeGreaterThanOrEqual(max - max / 16 - 1);
    }
    expect(Array.from({ length: 40 }, (_, i) => known(i)).every(Boolean)).toBe(true);
    expect(known(max + 99)).toBe(true);
    expect(known(41)).toBe(false);
  });

  test('a hundred thousand regions are learned in less time than a question to meta takes', () => {
    const regions = new Regions();
    const startMs = performance.now();
    for (let i = 0; i < 100_000; i++) {
      const key = String((i * 7_919) % 100_000).padStart(6, '0');
      regions.learn('t', region(key, `${key}\0`));
    }
    expect((performance.now() - startMs) / 100_000).toBeLessThan(1);
  });

  test('a server that is lost takes its own regions along, of every table', () => {
    const regions = new Regions();
    regions.learn('t', region('', 'm'));
    regions.learn('t', region('m', '', 2));
    regions.learn('u', region('', ''));
    expect(regions.forgetServer({ host: 'h', port: 1 })).toBe(2);
    expect(find(regions, 'z')).toBe('m-');
    expect(find(regions, 'a')).toBeNull();
    expect(regions.count).toBe(1);
  });

  test('for any keys, a row is found where its bytes sort', () => {
    const key = fc.uint8Array({ minLength: 1, maxLength: 3 });
    fc.assert(
      fc.property(fc.uniqueArray(key, { comparator: same }), key, (keys, row) => {
        const regions = new Regions();
        const bounds = keys.map((bytes) => Buffer.from(bytes)).sort((a, b) => a.compare(b));
        const starts = [Buffer.alloc(0), ...bounds];
        for (const [i, startKey] of starts.entries()) {
          const endKey = starts[i + 1] ?? Buffer.alloc(0);
          regions.learn('t', { ...region('', ''), startKey, endKey });
        }
        const expected = starts.findLast((start) => start.compare(row) <= 0);
        const found = regions.find('t', Buffer.from(row), 0, row.length);
        expect(found?.startKey.toString('hex')).toBe(expected?.toString('hex'));
      }),
    );
  });
});

function keyOf(i: number): string {
  return String(i).padStart(4, '0');
}

function same(a: Uint8Array, b: Uint8Array): boolean {
  return Buffer.from(a).equals(b);
}
