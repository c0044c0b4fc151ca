// The reader of chaos runs is not blind: an instance that tells a total it should not is caught.
import { createServer } from 'node:http';
import type { Server } from 'node:http';
import { afterAll, beforeAll, expect, test } from '@jest/globals';
import { Account } from './account.ts';
import { Reader } from './reader.ts';
import type { AdTotal } from './reader.ts';
import { newTarget } from './target.ts';
import type { Target } from './target.ts';

let told: Omit<AdTotal, 'ad'> = { impressions: { counted: 0 } };
let server: Server;
let target: Target;

beforeAll(async () => {
  server = createServer((_, response) => {
    response.end(JSON.stringify({ ads: [{ ad: 'a', ...told }] }));
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const address = server.address();
  target = newTarget('one', typeof address === 'object' && address !== null ? address.port : 0);
});

afterAll(() => {
  server.closeAllConnections();
  server.close();
});

function readerOf(account: Account): Reader {
  const rest = { targets: [target], clockAheadMs: 0, pauseMs: 1 };
  return new Reader({ accounts: [account], ...rest });
}

async function tells(reader: Reader, counted: number, more: object = {}): Promise<void> {
  told = { impressions: { counted }, ...more };
  await reader.totals(target, ['a']);
}

function completeIn(ms: number): object {
  return { completeThrough: new Date(Date.now() + ms).toISOString() };
}

test('what may be counted is between what is confirmed and all that was sent', async () => {
  const account = new Account('a', 'store');
  account.acknowledge(5, 'store');
  account.unknown = 2;
  account.inFlight = 1;
  const reader = readerOf(account);
  for (const counted of [5, 7, 8]) await tells(reader, counted);
  const none = { beyond: 0, fell: 0, storeMissing: 0, incomplete: 0 };
  expect(reader.violations.counts).toEqual(none);
  await tells(reader, 9);
  expect(reader.violations.counts).toEqual({ ...none, beyond: 1 });
  await tells(reader, 7);
  expect(reader.violations.counts).toEqual({ ...none, beyond: 1, fell: 1 });
  await tells(reader, 4);
  expect(reader.violations.counts).toEqual({ ...none, beyond: 1, fell: 2, storeMissing: 1 });
});

test('a total that says to be complete holds what was acknowledged before', async () => {
  const account = new Account('a', 'journal');
  account.acknowledge(5, 'journal');
  // By a writer that the store may not have known: it counts as accepted later.
  account.acknowledge(2, 'journal', false);
  const reader = readerOf(account);
  await tells(reader, 0, completeIn(-60_000));
  await tells(reader, 0, { completeThrough: null });
  // What a lost writer held is missing, and said to be.
  await tells(reader, 0, { ...completeIn(60_000), lost: ['w'] });
  expect(reader.violations.counts.incomplete).toBe(0);
  await tells(reader, 4, completeIn(60_000));
  expect(reader.violations.counts.incomplete).toBe(1);
  reader.found.add('w');
  await tells(reader, 4, { ...completeIn(60_000), lost: ['w'] });
  expect(reader.violations.counts.incomplete).toBe(2);
  await tells(reader, 5, completeIn(60_000));
  expect(reader.violations.counts.incomplete).toBe(2);
});
