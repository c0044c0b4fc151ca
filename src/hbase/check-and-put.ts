// One cell, written only if it still stands as expected; the server decides, and stamps it.
// After a lost reply it is sent again, so false may also mean: done before. Whoever needs to know
// reads the cell and finds its own value there, or another's.
import { assert } from '../model/assert.ts';
import type { CheckAndPut } from '../model/rows.ts';
import { messageIn } from './connection.ts';
import type { Reply } from './connection.ts';
import { persist } from './deadline.ts';
import type { Deadline } from './deadline.ts';
import { invalidReply, toCounterError } from './failures.ts';
import { messages } from './messages.ts';
import { durabilityCode, mutateTypePut } from './multi-codec.ts';
import type { Durability } from './multi-codec.ts';
import type { Region } from './regions.ts';
import type { Room } from './room.ts';

export interface CheckAndPutOptions {
  readonly table: string;
  readonly family: Buffer;
  readonly check: CheckAndPut;
  readonly durability: Durability;
  readonly deadline: Deadline;
}

const compareEqual = 2;
const empty = Buffer.alloc(0);

export async function checkAndPutCell(room: Room, options: CheckAndPutOptions): Promise<boolean> {
  const { table, check, deadline } = options;
  // HBase takes an empty value for an absent cell, in what it checks and in what is there.
  assert(check.value.length > 0, 'a checked cell is never empty');
  assert(check.expected === null || check.expected.length > 0, 'an empty value is never expected');
  return await persist(
    deadline,
    () => room.observer.retry('Mutate'),
    async () => {
      const region = await room.locator.locate(table, check.row, deadline);
      try {
        const call = {
          method: 'Mutate',
          body: requestOf(options, region),
          cellBytes: 0,
          timeoutMs: room.rpcTimeoutMs,
          deadline,
          signal: deadline.signal,
          region: region.name,
        };
        return await room.connections.ask(region.server, 'ClientService', call, processedOf);
      } catch (error) {
        room.locator.failed(table, region, toCounterError(error));
        throw error;
      }
    },
  );
}

function processedOf(reply: Reply): boolean {
  const response = messageIn(reply, messages.mutateResponse);
  if (!Object.hasOwn(response, 'processed')) {
    throw invalidReply('a check-and-put does not say whether it was done');
  }
  return response.processed;
}

function requestOf({ family, check, durability }: CheckAndPutOptions, region: Region): Buffer {
  const { row, qualifier, value } = check;
  return messages.mutateRequest.encodeDelimited({
    region: { type: 1, value: region.name },
    mutation: {
      row,
      mutateType: mutateTypePut,
      columnValue: [{ family, qualifierValue: [{ qualifier, value }] }],
      durability: durabilityCode[durability],
    },
    condition: {
      row,
      family,
      qualifier,
      compareType: compareEqual,
      comparator: {
        name: 'org.apache.hadoop.hbase.filter.BinaryComparator',
        serializedComparator: messages.binaryComparator.encode({
          comparable: { value: check.expected ?? empty },
        }),
      },
    },
  });
}
