// What CounterStore does when its store fails in part, and that it keeps its bounds.
import { describe, expect, test } from '@jest/globals';
import { putBatchBytesMax, scansConcurrentMax } from '../../src/limits.ts';
import type { Cell } from '../../src/model/cell.ts';
import { CounterError } from '../../src/model/errors.ts';
import { drawWriterId } from '../../src/model/writer-id.ts';
import { CounterStore } from '../../src/store/counter-store.ts';
import { Deadline } from '../../src/store/deadline.ts';
import { Gate } from '../../src/store/gate.ts';
import { ad, cellOf, site, someQuarter } from '../support/cells.ts';
import { MemoryRowStore } from '../support/memory-row-store.ts';
import { inTime } from '../support/rows.ts';

const around = { first: someQuarter - 10, end: someQuarter + 10 };
const timeout = new CounterError('STORE_TIMEOUT', 'retry');

async function opened(): Promise<{ rows: MemoryRowStore; store: CounterStore }> {
  const rows = new MemoryRowStore();
  return { rows, store: await CounterStore.open(rows, { createIfMissing: true }, inTime) };
}

describe('putCells', () => {
  test('says of every cell whether it was confirmed', async () => {
    const { rows, store } = await opened();
    const refused = new CounterError('STORE_REFUSED', 'give-up');
    rows.failPut = (_, i) => (i % 3 === 1 ? refused : undefined);
    const cells = Array.from({ length: 7 }, (_, i) => cellOf({ site: site(`s${i}`) }));
    const outcome = await store.putCells(cells, inTime);
    expect([...outcome.confirmed]).toEqual([1, 0, 1, 1, 0, 1, 1]);
    expect(outcome.confirmedCount).toBe(5);
    expect(outcome.failures.size).toBe(2);
    expect([0, 1, 4, 5].map((i) => outcome.failures.get(i))).toEqual([
      undefined,
      refused,
      refused,
      undefined,
    ]);
  });

  test('a lost reply is not a confirmation; putting again is', async () => {
    const { rows, store } = await opened();
    const cell = cellOf();
    rows.failAfter = () => timeout;
    const outcome = await store.putCells([cell], inTime);
    expect([outcome.confirmedCount, outcome.failures.get(0)]).toEqual([0, timeout]);
    rows.failAfter = undefined;
    expect((await store.putCells([cell], inTime)).confirmedCount).toBe(1);
    expect(rows.cellsIn('counts')).toBe(1);
  });

  test('no cells are a call to nobody', async () => {
    const { rows, store } = await opened();
    const outcome = await store.putCells([], inTime);
    expect([outcome.confirmedCount, outcome.failures.size, rows.calls.put]).toEqual([0, 0, 0]);
  });

  test('more than a batch goes in several; what failed keeps the number of its cell', async () => {
    const { rows, store } = await opened();
    const [writer, long] = [drawWriterId(), 'x'.repeat(122)];
    const at = (i: number): Cell =>
      cellOf({ writer, ad: ad(`${long}${i % 7}`), site: site(`${long}${i % 500_000}`) });
    const cellBytes = 1 + 123 + 1 + 2 + 127 + 12 + 2;
    const count = Math.ceil((putBatchBytesMax / cellBytes) * 1.2);
    let bytesMax = 0;
    const put = rows.put.bind(rows);
    rows.put = (table, batch, options) => {
      bytesMax = Math.max(bytesMax, batch.byteLength);
      return put(table, batch, options);
    };
    rows.failBefore = () => (rows.calls.put === 2 ? timeout : undefined);
    let turns = 0;
    const turn = (): void => {
      turns++;
      ticking = setImmediate(turn);
    };
    let ticking = setImmediate(turn);
    const outcome = await store.putCells({ count, at }, { timeoutMs: 120_000 });
    clearImmediate(ticking);
    expect(rows.calls.put).toBe(2);
    expect(bytesMax).toBeLessThan(putBatchBytesMax + 1_024);
    expect(outcome.confirmedCount + outcome.failures.size).toBe(count);
    expect(outcome.failures.get(count - 1)).toBe(timeout);
    expect(outcome.confirmed[outcome.confirmedCount - 1]).toBe(1);
    expect(outcome.failures.get(outcome.confirmedCount - 1)).toBeUndefined();
    expect(outcome.failures.get(outcome.confirmedCount)).toBe(timeout);
    // Encoding gave the event loop back again and again.
    expect(turns).toBeGreaterThan(3);
  }, 60_000);

  test('when the time is over, what is left is not even encoded', async () => {
    const { rows, store } = await opened();
    const cell = cellOf();
    let encoded = 0;
    const list = {
      count: 500_000,
      at: () => {
        encoded++;
        return cell;
      },
    };
    const outcome = await store.putCells(list, { timeoutMs: 0 });
    expect([outcome.confirmedCount, outcome.failures.size]).toEqual([0, list.count]);
    expect(outcome.failures.get(list.count - 1)).toMatchObject({ code: 'STORE_TIMEOUT' });
    expect([encoded, rows.calls.put]).toEqual([0, 0]);
  });

  test('our own mistake is no failure of the store: it rejects', async () => {
    const { store } = await opened();
    const put = store.putCells([cellOf({ counts: [] })], inTime);
    await expect(put).rejects.toMatchObject({ name: 'AssertionError' });
  });
});

describe('reading', () => {
  test('the first failure ends the other scans and is what is thrown', async () => {
    const { rows, store } = await opened();
    const signals: AbortSignal[] = [];
    const scan = rows.scan.bind(rows);
    const gone = new CounterError('STORE_REGION_MOVED', 'relocate');
    rows.scan = async (table, range, visit, options) => {
      if (options.signal !== undefined) signals.push(options.signal);
      if (range.start[0] === 5) throw gone;
      await new Promise(setImmediate);
      return scan(table, range, visit, options);
    };
    const reading = store.readAd(ad('a'), around, () => undefined, inTime);
    await expect(reading).rejects.toBe(gone);
    expect(signals.length).toBe(16);
    expect(signals.every((signal) => signal.aborted)).toBe(true);
  });

  test('scans of many reads are bounded together', async () => {
    const { rows, store } = await opened();
    let running = 0;
    let most = 0;
    rows.delay = async () => {
      most = Math.max(most, ++running);
      await new Promise(setImmediate);
      running--;
    };
    const ads = Array.from({ length: 20 }, (_, i) => ad(`ad-${i}`));
    await store.putCells(
      ads.map((id) => cellOf({ ad: id })),
      inTime,
    );
    let seen = 0;
    await Promise.all(ads.map((id) => store.readAd(id, around, () => seen++, inTime)));
    expect([seen, most]).toEqual([20, scansConcurrentMax]);
  });

  test('an empty range of quarters asks nobody', async () => {
    const { rows, store } = await opened();
    const before = rows.calls.scan;
    const empty = { first: someQuarter, end: someQuarter };
    const tally = await store.readAd(ad('a'), empty, () => undefined, inTime);
    expect([tally.calls, rows.calls.scan]).toEqual([0, before]);
  });

  test('a row without a site, or whose site is no UTF-8, fails the read', async () => {
    for (const end of [Buffer.alloc(0), Buffer.of(0xff)]) {
      const { rows, store } = await opened();
      await store.putCells([cellOf({ ad: ad('a') })], inTime);
      const scan = rows.scan.bind(rows);
      rows.scan = (table, range, visit, options) => {
        const damage = (cell: Parameters<typeof visit>[0]): void => {
          const row = cell.bytes.subarray(cell.rowStart, cell.rowStart + 5);
          const bytes = Buffer.concat([row, end]);
          visit({ ...cell, bytes, rowStart: 0, rowEnd: bytes.length });
        };
        return scan(table, range, damage, options);
      };
      const read = store.readAd(ad('a'), around, () => undefined, inTime);
      await expect(read).rejects.toMatchObject({ code: 'BYTES_INVALID', remedy: 'give-up' });
    }
  });
});

describe('the gate', () => {
  test('lets its number through at once, the others in order', async () => {
    const gate = new Gate({ concurrent: 2, waitingMax: 10 });
    const order: number[] = [];
    const tasks = [0, 1, 2, 3, 4].map((i) =>
      gate.run(async () => {
        order.push(i);
        await new Promise(setImmediate);
        return i;
      }, new Deadline(inTime)),
    );
    expect(order).toEqual([0, 1]);
    expect(await Promise.all(tasks)).toEqual([0, 1, 2, 3, 4]);
    expect(order).toEqual([0, 1, 2, 3, 4]);
  });

  test('refuses beyond its bound of waiting', async () => {
    const gate = new Gate({ concurrent: 1, waitingMax: 1 });
    void gate.run(forever, new Deadline(inTime));
    const second = gate.run(forever, new Deadline({ timeoutMs: 20 }));
    const third = gate.run(forever, new Deadline(inTime));
    await expect(third).rejects.toMatchObject({ code: 'STORE_BUSY', remedy: 'throttle' });
    await expect(second).rejects.toMatchObject({ code: 'STORE_TIMEOUT' });
  });

  test('who gives up while waiting, or fails inside, leaves the place to the next', async () => {
    const gate = new Gate({ concurrent: 1, waitingMax: 10 });
    const abort = new AbortController();
    const failing = gate.run(() => Promise.reject(timeout), new Deadline(inTime));
    const leaving = gate.run(forever, new Deadline({ ...inTime, signal: abort.signal }));
    const last = gate.run(() => Promise.resolve('in'), new Deadline(inTime));
    abort.abort();
    await expect(failing).rejects.toBe(timeout);
    await expect(leaving).rejects.toMatchObject({ code: 'STORE_ABORTED' });
    expect(await last).toBe('in');
    expect(await gate.run(() => Promise.resolve('again'), new Deadline(inTime))).toBe('again');
  });
});

function forever(): Promise<never> {
  return new Promise(() => undefined);
}
