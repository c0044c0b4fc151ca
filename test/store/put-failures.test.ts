import { expect, test } from '@jest/globals';
import { CounterError } from '../../src/model/errors.ts';
import { PutFailures } from '../../src/store/put-failures.ts';

const timeout = new CounterError('STORE_TIMEOUT', 'retry');
const refused = new CounterError('STORE_REFUSED', 'give-up');

test('a reason is found by the number of its put, in whatever order it is asked for', () => {
  const failures = new PutFailures();
  failures.addBatch(0, 10, new Map([[3, refused]]));
  failures.addBatch(10, 20, new Map());
  failures.addBatch(20, 30, new Map([[0, timeout]]));
  failures.addAll(30, 1_000_000, timeout);
  expect(failures.size).toBe(2 + 999_970);
  for (const i of [3, 20, 30, 999_999, 3]) expect(failures.get(i)).toBeDefined();
  for (const i of [0, 4, 10, 19, 21, 29, 1_000_000]) expect(failures.get(i)).toBeUndefined();
  expect([...failures.reasons()]).toEqual([refused, timeout, timeout]);
});
