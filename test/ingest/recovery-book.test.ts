// The book of a recovery: what attempts on one journal add up to, for the ledger and for a finding.
import { expect, test } from '@jest/globals';
import { RecoveryBook } from '../../src/ingest/recovery-book.ts';
import type { WriterId } from '../../src/model/writer-id.ts';

const writer = '0000000001' as WriterId;
const quiet = { info: () => undefined, warn: () => undefined, error: () => undefined };

function newBook(): { book: RecoveryBook; ledger: { journaled: number; confirmed: number } } {
  const ledger = { journaled: 0, confirmed: 0 };
  const metrics = {
    ledgerJournaled: (counts: number) => void (ledger.journaled += counts),
    ledgerConfirmed: (counts: number) => void (ledger.confirmed += counts),
    replayedEvents: () => undefined,
    readBackFailed: () => undefined,
    journalError: () => undefined,
  };
  return { book: new RecoveryBook(metrics, quiet), ledger };
}

test('what is found and put again is booked once; what is put in parts is booked in parts', () => {
  const { book, ledger } = newBook();
  for (const counts of [0, 7, 3, 10, 10]) {
    book.found(writer, 1, { counts: 10, cells: 2 });
    book.put(writer, 1, { counts, cells: 1 });
    expect(book.unflushedCounts).toBe(ledger.journaled - ledger.confirmed);
  }
  expect(ledger).toEqual({ journaled: 10, confirmed: 10 });
  book.judge(writer, 'folder', 'sealed');
  expect(book.findings).toMatchObject([{ foundCounts: 10, putCounts: 10 }]);
});

test('what a disk did not give at one attempt counts as found with the attempt that read it', () => {
  const { book, ledger } = newBook();
  for (const counts of [6, 10, 4]) {
    book.found(writer, 1, { counts, cells: 1 });
    book.put(writer, 1, { counts, cells: 1 });
  }
  expect(ledger).toEqual({ journaled: 10, confirmed: 10 });
  expect(book.unflushedCounts).toBe(0);
});
