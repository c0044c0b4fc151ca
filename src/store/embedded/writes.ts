// Which puts of a batch go into one synced write, and which of them change anything.
// Promises: of two puts of a cell the higher version stays, whatever their order. Only computes.
import { embeddedPutsPerWrite, embeddedWriteBytesMax } from '../../limits.ts';
import { CounterError } from '../../model/errors.ts';
import type { PutBatch } from '../../model/rows.ts';
import { valueOf, versionOf, versionedValue } from './ordered-key.ts';

export interface Write {
  readonly key: Buffer;
  readonly value: Buffer;
}

/** The write ends where it is long enough, but never inside a row. */
export function endOfWrite(batch: PutBatch, first: number): number {
  const { starts, rowLengths, bytes } = batch;
  const startOf = (i: number): number => starts[i] ?? batch.byteLength;
  const rowOf = (i: number): Buffer =>
    bytes.subarray(startOf(i), startOf(i) + (rowLengths[i] ?? 0));
  let end = first + 1;
  for (; end < batch.count; end++) {
    const long =
      end - first >= embeddedPutsPerWrite || startOf(end) - startOf(first) >= embeddedWriteBytesMax;
    if (long && !rowOf(end).equals(rowOf(end - 1))) break;
  }
  return end;
}

/** The puts that change something: the highest version of each key, if it beats what stands. */
export function winners(
  part: {
    readonly batch: PutBatch;
    readonly first: number;
    readonly keys: readonly Buffer[];
    readonly standing: readonly (Buffer | undefined)[];
  },
  failures: Map<number, Error>,
): Write[] {
  const best = new Map<string, { version: number; value: Buffer; write: Write | undefined }>();
  for (const [k, key] of part.keys.entries()) {
    const { version, value } = part.batch.at(part.first + k);
    const name = key.toString('latin1');
    const stored = part.standing[k];
    const rival =
      best.get(name) ??
      (stored && { version: versionOf(stored), value: valueOf(stored), write: undefined });
    if (rival !== undefined && rival.version >= version) {
      // Equal versions have equal values; where they have not, neither may silently win.
      if (rival.version === version && !rival.value.equals(value)) {
        failures.set(part.first + k, new CounterError('STORE_VERSION_CONFLICT', 'give-up'));
      }
      continue;
    }
    const write: Write = { key, value: versionedValue(version, value) };
    best.set(name, { version, value, write });
  }
  const writes: Write[] = [];
  for (const { write } of best.values()) if (write !== undefined) writes.push(write);
  return writes;
}
