// What every RowStore promises of check-and-put: it happens once, and only as expected.
import { expect, test } from '@jest/globals';
import type { CheckAndPut } from '../../src/model/rows.ts';
import { inTime, qualifier, scanCells } from '../support/rows.ts';
import type { Store } from '../support/rows.ts';
import { ownRows } from '../support/rows.ts';

export function checkAndPutContract(store: Store): void {
  const attempt = (row: Buffer, expected: string | null, value: string): Promise<boolean> =>
    store().checkAndPut('meta', check(row, expected, value), inTime);
  const standing = async (range: ReturnType<typeof ownRows>['all']): Promise<string[]> =>
    (await scanCells(store(), 'meta', range)).map((cell) => cell.value.toString());

  test('an absent cell is taken once', async () => {
    const { rowOf, all } = ownRows();
    expect(await attempt(rowOf(1), null, 'first')).toBe(true);
    expect(await attempt(rowOf(1), null, 'second')).toBe(false);
    expect(await standing(all)).toEqual(['first']);
  });

  test('what stands as expected is replaced', async () => {
    const { rowOf, all } = ownRows();
    await attempt(rowOf(1), null, 'old');
    expect(await attempt(rowOf(1), 'old', 'new')).toBe(true);
    expect(await standing(all)).toEqual(['new']);
  });

  test('what stands otherwise stays', async () => {
    const { rowOf, all } = ownRows();
    await attempt(rowOf(1), null, 'old');
    expect(await attempt(rowOf(1), 'older', 'new')).toBe(false);
    expect(await attempt(rowOf(1), 'ol', 'new')).toBe(false);
    expect(await attempt(rowOf(1), 'old ', 'new')).toBe(false);
    expect(await standing(all)).toEqual(['old']);
  });

  test('an absent cell is not something else', async () => {
    const { rowOf, all } = ownRows();
    expect(await attempt(rowOf(1), 'old', 'new')).toBe(false);
    expect(await standing(all)).toEqual([]);
  });

  test('a repeat of one that was done is refused, and a read finds it', async () => {
    const { rowOf, all } = ownRows();
    await attempt(rowOf(1), null, 'old');
    expect(await attempt(rowOf(1), 'old', 'new')).toBe(true);
    expect(await attempt(rowOf(1), 'old', 'new')).toBe(false);
    expect(await standing(all)).toEqual(['new']);
  });

  test('another qualifier and a row that begins alike are other cells', async () => {
    const { rowOf, all } = ownRows();
    await attempt(rowOf(1), null, 'one');
    expect(await attempt(rowOf(1, 0), null, 'two')).toBe(true);
    const third = { ...check(rowOf(1), null, 'three'), qualifier: Buffer.from('r') };
    expect(await store().checkAndPut('meta', third, inTime)).toBe(true);
    expect(await standing(all)).toEqual(['one', 'three', 'two']);
  });

  test('bytes of any kind are compared byte for byte', async () => {
    const { rowOf, all } = ownRows();
    const bytes = Buffer.from(Array.from({ length: 256 }, (_, i) => i));
    const first = { row: rowOf(1), qualifier: bytes, expected: null, value: bytes };
    expect(await store().checkAndPut('meta', first, inTime)).toBe(true);
    const reversed = Buffer.from(bytes.toReversed());
    const wrong = { ...first, expected: reversed, value: reversed };
    expect(await store().checkAndPut('meta', wrong, inTime)).toBe(false);
    const right = { ...first, expected: bytes, value: reversed };
    expect(await store().checkAndPut('meta', right, inTime)).toBe(true);
    const [cell] = await scanCells(store(), 'meta', all);
    expect(cell?.value).toEqual(reversed);
  });

  test('versions never fall from one replacement to the next', async () => {
    const { rowOf, all } = ownRows();
    await attempt(rowOf(1), null, '0');
    let version = 0;
    for (let i = 0; i < 20; i++) {
      expect(await attempt(rowOf(1), String(i), String(i + 1))).toBe(true);
      const [cell] = await scanCells(store(), 'meta', all);
      expect(cell?.value.toString()).toBe(String(i + 1));
      expect(cell?.version).toBeGreaterThanOrEqual(version);
      version = cell?.version ?? 0;
    }
  });

  test('of many callers at once exactly one takes an absent cell', async () => {
    const { rowOf, all } = ownRows();
    for (let round = 0; round < 5; round++) {
      const callers = Array.from({ length: 40 }, (_, caller) => caller);
      const won = await Promise.all(
        callers.map((caller) => attempt(rowOf(round), null, `caller ${caller}`)),
      );
      expect(won.filter(Boolean).length).toBe(1);
      expect((await standing(all))[round]).toBe(`caller ${won.indexOf(true)}`);
    }
  });

  test('of many callers at once exactly one continues a chain', async () => {
    const { rowOf, all } = ownRows();
    await attempt(rowOf(1), null, 'link 0');
    for (let link = 0; link < 10; link++) {
      const won = await Promise.all(
        Array.from({ length: 16 }, () => attempt(rowOf(1), `link ${link}`, `link ${link + 1}`)),
      );
      expect(won.filter(Boolean).length).toBe(1);
    }
    expect(await standing(all)).toEqual(['link 10']);
  });

  test('without time left, or for a caller that has gone, it fails and does nothing', async () => {
    const { rowOf, all } = ownRows();
    const late = store().checkAndPut('meta', check(rowOf(1), null, 'late'), { timeoutMs: 0 });
    await expect(late).rejects.toMatchObject({ remedy: 'retry' });
    const signal = AbortSignal.abort();
    const gone = store().checkAndPut('meta', check(rowOf(1), null, 'gone'), { ...inTime, signal });
    await expect(gone).rejects.toMatchObject({ name: 'CounterError' });
    expect(await standing(all)).toEqual([]);
  });
}

function check(row: Buffer, expected: string | null, value: string): CheckAndPut {
  return {
    row,
    qualifier,
    expected: expected === null ? null : Buffer.from(expected),
    value: Buffer.from(value),
  };
}
