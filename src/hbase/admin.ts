// What is asked of the whole cluster: tables, namespaces, its clock, its servers.
// Promises that what it made is ready when it returns. Never alters a table that exists.
import { CounterError } from '../model/errors.ts';
import type { Deadline } from './deadline.ts';
import { toCounterError } from './failures.ts';
import { nonces } from './master.ts';
import type { Master } from './master.ts';
import { messages } from './messages.ts';
import type { AttributeMessage, ServerNameMessage } from './messages.ts';
import { joinName, splitName } from './table-name.ts';

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

const optionLiveServers = 2;

export class Admin {
  readonly #master: Master;

  constructor(master: Master) {
    this.#master = master;
  }

  /** Those of the tables that exist. */
  async describe(names: readonly string[], deadline: Deadline): Promise<TableDescription[]> {
    const request = { tableNames: names.map((name) => splitName(name)) };
    const body = messages.getTables.encodeDelimited(request);
    const reply = await this.#master.call('GetTableDescriptors', body, messages.tables, deadline);
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
      ...nonces(),
    });
    return await this.#master.procedure('CreateTable', body, 'STORE_TABLE_EXISTS', deadline);
  }

  /** The latest that any live region server has reported, on its own clock. */
  async nowMs(deadline: Deadline): Promise<number> {
    const body = messages.getClusterStatus.encodeDelimited({ options: [optionLiveServers] });
    const reply = await this.#master.call(
      'GetClusterStatus',
      body,
      messages.clusterStatus,
      deadline,
    );
    const ends = reply.clusterStatus.liveServers.map((live) =>
      live.serverLoad.reportEndTime.toNumber(),
    );
    const latest = Math.max(0, ...ends);
    if (latest > 0) return latest;
    throw new CounterError('STORE_NOT_READY', 'retry', { detail: 'no region server has reported' });
  }

  async servers(deadline: Deadline): Promise<ServerNameMessage[]> {
    const body = messages.getClusterStatus.encodeDelimited({ options: [optionLiveServers] });
    const reply = await this.#master.call(
      'GetClusterStatus',
      body,
      messages.clusterStatus,
      deadline,
    );
    return reply.clusterStatus.liveServers.map((live) => live.server);
  }

  async #createNamespace(name: Uint8Array, deadline: Deadline): Promise<void> {
    const namespaceName = text(name);
    if (namespaceName === 'default') return;
    const question = messages.getNamespace.encodeDelimited({ namespaceName });
    try {
      await this.#master.call('GetNamespaceDescriptor', question, null, deadline);
    } catch (error) {
      if (toCounterError(error).code !== 'STORE_NAMESPACE_MISSING') throw error;
      const body = messages.createNamespace.encodeDelimited({
        namespaceDescriptor: { name },
        ...nonces(),
      });
      await this.#master.procedure('CreateNamespace', body, 'STORE_NAMESPACE_EXISTS', deadline);
    }
  }
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
