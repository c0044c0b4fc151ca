// Puts and deletes of one row in one atomic region action: all of it or nothing, for readers too.
// After a lost reply it is sent again, which changes nothing: every version is explicit, and a
// delete of what is deleted deletes no more.
import { assert } from '../model/assert.ts';
import type { RowDelete, RowMutation } from '../model/rows.ts';
import { messageIn } from './connection.ts';
import type { Reply } from './connection.ts';
import { persist } from './deadline.ts';
import type { Deadline } from './deadline.ts';
import { failureOf, invalidReply, toCounterError } from './failures.ts';
import { message } from './messages.ts';
import type { RegionSpecifier } from './messages.ts';
import { durabilityCode, mutateTypePut } from './multi-codec.ts';
import type { Durability } from './multi-codec.ts';
import type { Region } from './regions.ts';
import type { Room } from './room.ts';

export interface RowMutationOptions {
  readonly table: string;
  readonly family: Buffer;
  readonly mutation: RowMutation;
  readonly durability: Durability;
  readonly deadline: Deadline;
}

/** Of HBase's MutationProto. */
const mutateTypeDelete = 3;
const deleteTypes: Readonly<Record<RowDelete['kind'], number>> = { version: 0, upTo: 1, row: 2 };

export async function mutateOneRow(room: Room, options: RowMutationOptions): Promise<void> {
  const { table, mutation, deadline } = options;
  const { row, puts, deletes } = mutation;
  assert(puts.length + deletes.length > 0, 'a row mutation does something');
  await persist(
    deadline,
    () => room.observer.retry('Multi'),
    async () => {
      const region = await room.locator.locate(table, row, deadline);
      const actions = actionsOf(options);
      try {
        const call = {
          method: 'Multi',
          body: requests.encodeDelimited({
            regionAction: [
              { region: { type: 1, value: region.name }, atomic: true, action: actions },
            ],
          }),
          cellBytes: 0,
          timeoutMs: room.rpcTimeoutMs,
          deadline,
          signal: deadline.signal,
          region: region.name,
        };
        await ask(room, region, call, actions.length);
      } catch (error) {
        room.locator.failed(table, region, toCounterError(error));
        throw error;
      }
    },
  );
}

async function ask(
  { connections }: Room,
  region: Region,
  call: Parameters<Room['connections']['ask']>[2],
  actions: number,
): Promise<void> {
  await connections.ask(region.server, 'ClientService', call, (reply) => {
    checkDone(reply, actions);
  });
}

/** One mutation for each kind: HBase forgets a row's other deletes when one of the row follows. */
function actionsOf({ family, mutation, durability }: RowMutationOptions): Action[] {
  const { row, puts, deletes } = mutation;
  const kinds: [mutateType: number, cells: QualifierValue[]][] = [
    [
      mutateTypePut,
      puts.map(({ qualifier, value, version: timestamp }) => ({ qualifier, value, timestamp })),
    ],
    [mutateTypeDelete, deletes.filter(({ kind }) => kind !== 'row').map(deleted)],
    ...deletes
      .filter(({ kind }) => kind === 'row')
      .map((one): [number, QualifierValue[]] => [mutateTypeDelete, [deleted(one)]]),
  ];
  return kinds
    .filter(([, qualifierValue]) => qualifierValue.length > 0)
    .map(([mutateType, qualifierValue], index) => ({
      index,
      mutation: {
        row,
        mutateType,
        columnValue: [{ family, qualifierValue }],
        durability: durabilityCode[durability],
      },
    }));
}

function deleted(one: RowDelete): QualifierValue {
  const cell = { timestamp: one.version, deleteType: deleteTypes[one.kind] };
  return one.kind === 'row' ? cell : { ...cell, qualifier: one.qualifier };
}

/** Done is only what says so: a region without an exception, a result for every action. */
function checkDone(reply: Reply, actions: number): void {
  const { regionActionResult } = messageIn(reply, responses);
  const [result] = regionActionResult;
  if (result === undefined || regionActionResult.length > 1) {
    throw invalidReply('a row mutation is answered for one region');
  }
  const done = result.resultOrException;
  for (const { exception } of [result, ...done]) {
    if (exception) {
      throw failureOf(exception.name, Buffer.from(exception.value).toString('utf8'), false);
    }
  }
  if (done.length !== actions || done.some((one) => !one.result)) {
    throw invalidReply('a row mutation does not answer for every action');
  }
}

interface QualifierValue {
  readonly qualifier?: Uint8Array;
  readonly value?: Uint8Array;
  readonly timestamp: number;
  readonly deleteType?: number;
}

interface Action {
  readonly index: number;
  readonly mutation: {
    readonly row: Uint8Array;
    readonly mutateType: number;
    readonly columnValue: readonly {
      readonly family: Uint8Array;
      readonly qualifierValue: readonly QualifierValue[];
    }[];
    readonly durability: number;
  };
}

interface MayFail {
  readonly exception?: { readonly name: string; readonly value: Uint8Array } | null;
}

const requests = message<{
  readonly regionAction: readonly {
    readonly region: RegionSpecifier;
    readonly atomic: boolean;
    readonly action: readonly Action[];
  }[];
}>('MultiRequest');
const responses = message<{
  readonly regionActionResult: readonly (MayFail & {
    readonly resultOrException: readonly (MayFail & { readonly result?: object | null })[];
  })[];
}>('MultiResponse');
