// What the master does: tables, namespaces, the clock of the cluster, regions moved and split.
// Promises that what it made is ready when it returns. Never alters a table that exists.
import { CounterError } from '../model/errors.ts';
import { hbaseProcedurePollMs } from '../limits.ts';
import type { Connections } from './connections.ts';
import { persist, timeoutFailure } from './deadline.ts';
import type { Deadline } from './deadline.ts';
import type { Discovery } from './discovery.ts';
import { failureOf, toCounterError } from './failures.ts';
import type { ServerAddress } from './host-map.ts';
import { addressOf } from './locator.ts';
import { messages } from './messages.ts';
import type {
  AttributeMessage,
  Int64,
  Message,
  ServerNameMessage,
  TableNameMessage,
} from './messages.ts';
import type { HBaseObserver } from './observer.ts';

export interface TableDescription {
  readonly name: string;
  /** By name, as HBase keeps them: TTL, VERSIONS … of each family. */
  readonly families: ReadonlyMap<string, ReadonlyMap<string, string>>;
}

export interface NewTable extends TableDescription {
  readonly splitKeys: readonly Buffer[];
  /** Of the table itself, beside those of its families. */
  readonly attributes?: ReadonlyMap<string, string>;
}

const stateFinished = 2;
const stateNotFound = 0;
const optionLiveServers = 2;

export class Admin {
  readonly #connections: Connections;
  readonly #discovery: Discovery;
  readonly #observer: HBaseObserver;
  readonly #rpcTimeoutMs: number;
  #master: ServerAddress | null = null;

  constructor(options: {
    readonly connections: Connections;
    readonly discovery: Discovery;
    readonly observer: HBaseObserver;
    readonly rpcTimeoutMs: number;
  }) {
    this.#connections = options.connections;
    this.#discovery = options.discovery;
    this.#observer = options.observer;
    this.#rpcTimeoutMs = options.rpcTimeoutMs;
  }

  /** Those of the tables that exist. */
  async describe(names: readonly string[], deadline: Deadline): Promise<TableDescription[]> {
    const request = { tableNames: names.map((name) => splitName(name)) };
    const body = messages.getTables.encodeDelimited(request);
    const reply = await this.#call('GetTableDescriptors', body, messages.tables, deadline);
    return reply.tableSchema.map((table) => ({
      name: joinName(table.tableName),
      families: new Map(
        table.columnFamilies.map((family) => [text(family.name), attributesOf(family.attributes)]),
      ),
    }));
  }

  /** False: somebody else has made it before. */
  async createTable(table: NewTable, deadline: Deadline): Promise<boolean> {
    const tableName = splitName(table.name);
    await this.#createNamespace(tableName.namespace, deadline);
    const columnFamilies = [...table.families].map(([name, values]) => ({
      name: Buffer.from(name),
      attributes: attributePairs(values),
    }));
    const attributes = attributePairs(table.attributes ?? new Map());
    const body = messages.createTable.encodeDelimited({
      tableSchema: { tableName, attributes, columnFamilies },
      splitKeys: table.splitKeys,
    });
    return await this.#procedure('CreateTable', body, 'STORE_TABLE_EXISTS', deadline);
  }

  /** The latest that any live region server has reported, on its own clock. */
  async nowMs(deadline: Deadline): Promise<number> {
    const body = messages.getClusterStatus.encodeDelimited({ options: [optionLiveServers] });
    const reply = await this.#call('GetClusterStatus', body, messages.clusterStatus, deadline);
    const ends = reply.clusterStatus.liveServers.map((live) =>
      live.serverLoad.reportEndTime.toNumber(),
    );
    const latest = Math.max(0, ...ends);
    if (latest > 0) return latest;
    throw new CounterError('STORE_NOT_READY', 'retry', { detail: 'no region server has reported' });
  }

  async servers(deadline: Deadline): Promise<ServerNameMessage[]> {
    const body = messages.getClusterStatus.encodeDelimited({ options: [optionLiveServers] });
    const reply = await this.#call('GetClusterStatus', body, messages.clusterStatus, deadline);
    return reply.clusterStatus.liveServers.map((live) => live.server);
  }

  async moveRegion(
    region: { readonly name: Buffer },
    to: ServerNameMessage,
    deadline: Deadline,
  ): Promise<void> {
    const body = messages.moveRegion.encodeDelimited({
      region: { type: 2, value: Buffer.from(nameParts(region).encodedName) },
      destServerName: to,
    });
    await this.#call('MoveRegion', body, null, deadline);
  }

  async splitRegion(
    region: { readonly name: Buffer; readonly startKey: Buffer; readonly endKey: Buffer },
    splitRow: Buffer,
    deadline: Deadline,
  ): Promise<void> {
    const { table, id } = nameParts(region);
    const { startKey, endKey } = region;
    const regionInfo = { regionId: id, tableName: splitName(table), startKey, endKey };
    const body = messages.splitRegion.encodeDelimited({
      regionInfo: { ...regionInfo, offline: false, split: false },
      splitRow,
    });
    await this.#procedure('SplitRegion', body, null, deadline);
  }

  async #createNamespace(name: Uint8Array, deadline: Deadline): Promise<void> {
    const namespaceName = text(name);
    if (namespaceName === 'default') return;
    const question = messages.getNamespace.encodeDelimited({ namespaceName });
    try {
      await this.#call('GetNamespaceDescriptor', question, null, deadline);
    } catch (error) {
      if (toCounterError(error).code !== 'STORE_NAMESPACE_MISSING') throw error;
      const body = messages.createNamespace.encodeDelimited({ namespaceDescriptor: { name } });
      await this.#procedure('CreateNamespace', body, 'STORE_NAMESPACE_EXISTS', deadline);
    }
  }

  /** Starts something, then waits until the master says that it is done; false: it was before. */
  async #procedure(
    method: string,
    body: Buffer,
    existsCode: string | null,
    deadline: Deadline,
  ): Promise<boolean> {
    let procId: Int64;
    try {
      ({ procId } = await this.#call(method, body, messages.procedure, deadline));
    } catch (error) {
      if (toCounterError(error).code === existsCode) return false;
      throw error;
    }
    const question = messages.getProcedureResult.encodeDelimited({ procId });
    for (;;) {
      const result = await this.#call(
        'getProcedureResult',
        question,
        messages.procedureResult,
        deadline,
      );
      const exception = result.exception?.genericException;
      if (exception) {
        const failure = failureOf(exception.className, exception.message, true);
        if (failure.code === existsCode) return false;
        throw failure;
      }
      // The master forgets a procedure some minutes after it has ended.
      if (result.state === stateFinished || result.state === stateNotFound) return true;
      if (!(await deadline.wait(hbaseProcedurePollMs))) {
        throw timeoutFailure(`${method} was not done in time`);
      }
    }
  }

  async #call<Decoded>(
    method: string,
    body: Buffer,
    message: Message<never, Decoded> | null,
    deadline: Deadline,
  ): Promise<Decoded> {
    return await persist(
      deadline,
      () => this.#observer.retry(method),
      async () => {
        this.#master ??= addressOf(await this.#discovery.master(deadline));
        try {
          const reply = await this.#connections.call(this.#master, 'MasterService', {
            method,
            body,
            cellBytes: 0,
            timeoutMs: Math.min(this.#rpcTimeoutMs, deadline.leftMs()),
            signal: deadline.signal,
          });
          const bytes = reply.bytes.subarray(reply.messageStart, reply.messageEnd);
          return message === null ? (undefined as Decoded) : message.decode(bytes);
        } catch (error) {
          if (toCounterError(error).remedy === 'relocate') this.#master = null;
          throw error;
        }
      },
    );
  }
}

/** `namespace:name`, or a name in the namespace `default`. */
function splitName(name: string): TableNameMessage {
  const colon = name.indexOf(':');
  return {
    namespace: Buffer.from(colon < 0 ? 'default' : name.slice(0, colon)),
    qualifier: Buffer.from(name.slice(colon + 1)),
  };
}

function joinName({ namespace, qualifier }: TableNameMessage): string {
  const space = text(namespace);
  return space === 'default' ? text(qualifier) : `${space}:${text(qualifier)}`;
}

/** Of `table,start key,id.encoded name.`, where the start key may hold any byte. */
function nameParts({ name }: { readonly name: Buffer }): {
  readonly table: string;
  readonly id: number;
  readonly encodedName: string;
} {
  const whole = name.toString('latin1');
  const parts = /,(\d+)\.([0-9a-f]{32})\.$/.exec(whole);
  const table = whole.slice(0, whole.indexOf(','));
  return { table, id: Number(parts?.[1]), encodedName: parts?.[2] ?? '' };
}

function attributePairs(values: ReadonlyMap<string, string>): AttributeMessage[] {
  return [...values].map(([first, second]) => ({
    first: Buffer.from(first),
    second: Buffer.from(second),
  }));
}

function attributesOf(pairs: readonly AttributeMessage[]): ReadonlyMap<string, string> {
  return new Map(pairs.map(({ first, second }) => [text(first), text(second)]));
}

function text(bytes: Uint8Array): string {
  return Buffer.from(bytes).toString('utf8');
}
