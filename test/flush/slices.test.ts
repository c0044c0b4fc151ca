// The event loop's time: long work of many kinds never adds up in one turn.
import { expect, test } from '@jest/globals';
import { nextTurn, Slice } from '../../src/model/slice.ts';

test('each turn of the event loop goes to one of those who wait, in their order', async () => {
  let turn = 0;
  let running = true;
  const count = (): void => {
    turn++;
    if (running) setImmediate(count);
  };
  setImmediate(count);
  const taken: { readonly who: string; readonly turn: number }[] = [];
  const sliced = async (who: string): Promise<void> => {
    const slice = await Slice.begin(1);
    for (let i = 0; i < 5; i++) {
      taken.push({ who, turn });
      await slice.next();
    }
  };
  const single = async (who: string): Promise<void> => {
    for (let i = 0; i < 5; i++) {
      await nextTurn();
      taken.push({ who, turn });
    }
  };
  await Promise.all([sliced('a'), single('b'), sliced('c')]);
  running = false;
  expect(new Set(taken.map((each) => each.turn)).size).toBe(15);
  expect(taken.map(({ who }) => who).join('')).toBe('abc'.repeat(5));
});

test('a slice is over after its time, and another one begins in its next turn', async () => {
  const slice = await Slice.begin(500);
  expect(slice.isOver).toBe(false);
  const endMs = performance.now() + 501;
  while (performance.now() < endMs);
  expect(slice.isOver).toBe(true);
  await slice.next();
  expect(slice.isOver).toBe(false);
});
