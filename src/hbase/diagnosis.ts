// Questions that only a diagnosis asks: whether one server answers at all, what the master knows of
// the others, every region of a table as meta has it, whether a far version would be refused.
// Promises an answer or a CounterError in time, and never to write: see refusedVersion().
import { Admin } from './admin.ts';
import type { TableDescription } from './admin.ts';
import { messageIn } from './connection.ts';
import type { Service } from './handshake.ts';
import { Connections } from './connections.ts';
import { Deadline } from './deadline.ts';
import type { Discovery } from './discovery.ts';
import { diagnosisMessages } from './diagnosis-messages.ts';
import { failureOf, toCounterError } from './failures.ts';
import type { HostMap, ServerAddress } from './host-map.ts';
import { addressOf } from './locator.ts';
import { Master } from './master.ts';
import { messages } from './messages.ts';
import { readMetaTable } from './meta-table.ts';
import type { MetaRegion, MetaTable } from './meta-table.ts';
import type { Message, ServerNameMessage } from './messages.ts';
import { mutateTypePut } from './multi-codec.ts';
import { silentObserver } from './observer.ts';

export interface LiveServer {
  readonly address: ServerAddress;
  /** `name,port,start`. */
  readonly fullName: string;
  readonly regions: number;
  /** Its clock at its last report, ms since 1970 UTC. */
  readonly reportMs: number;
}

export interface ClusterReport {
  readonly version: string;
  readonly live: readonly LiveServer[];
  readonly dead: readonly string[];
  readonly inTransition: number;
}

/** hbase version, live servers, dead servers, regions in transition. */
const statusOptions = [0, 2, 3, 7];
/** A family that no table has. */
const noFamily = Buffer.from('adcounter-doctor');

export class Diagnosis {
  readonly #connections: Connections;
  readonly #callMs: number;

  constructor(options: {
    readonly user: string;
    readonly hostMap: HostMap;
    readonly callMs: number;
  }) {
    this.#callMs = options.callMs;
    this.#connections = new Connections({ ...options, observer: silentObserver });
  }

  /** Any answer proves that a region server is there; this one changes and costs nothing. */
  async regionServerAnswers(server: ServerAddress): Promise<void> {
    const name = Buffer.from('adcounter-doctor,,1.00000000000000000000000000000000.');
    const body = messages.scanRequest.encodeDelimited({
      region: { type: 1, value: name },
      scan: {
        column: [],
        startRow: Buffer.alloc(0),
        stopRow: Buffer.alloc(0),
        maxResultSize: 1,
        caching: 1,
      },
      numberOfRows: 1,
      closeScanner: true,
    });
    try {
      await this.#ask(server, { service: 'ClientService', method: 'Scan', body }, null);
    } catch (error) {
      if (toCounterError(error).code !== 'STORE_REGION_MOVED') throw error;
    }
  }

  async clusterReport(master: ServerAddress): Promise<ClusterReport> {
    const body = messages.getClusterStatus.encodeDelimited({ options: statusOptions });
    const question = { service: 'MasterService', method: 'GetClusterStatus', body } as const;
    const reply = await this.#ask(master, question, diagnosisMessages.clusterStatus);
    const { clusterStatus: status } = reply;
    return {
      version: status.hbaseVersion?.version ?? 'unknown',
      live: status.liveServers.map(({ server, serverLoad }) => ({
        address: addressOf(server),
        fullName: fullNameOf(server),
        regions: serverLoad.regionLoads.length,
        reportMs: Number(serverLoad.reportEndTime),
      })),
      dead: status.deadServers.map((server) => fullNameOf(server)),
      inTransition: status.regionsInTransition.length,
    };
  }

  /** Those of the tables that exist. */
  async describe(
    names: readonly string[],
    master: ServerAddress,
  ): Promise<readonly TableDescription[]> {
    const shared = { connections: this.#connections, observer: silentObserver };
    const discovery = fixedDiscovery(master);
    const asking = new Master({ ...shared, discovery, rpcTimeoutMs: this.#callMs });
    return await new Admin(asking).describe(names, new Deadline({ timeoutMs: this.#callMs }));
  }

  /** Without a region and a state: there is no such table. */
  async metaTable(table: string, metaServer: ServerAddress): Promise<MetaTable> {
    const connections = this.#connections;
    return await readMetaTable({ connections, metaServer, callMs: this.#callMs }, table);
  }

  /**
   * Whether a region refuses a version; null: it takes it, else HBase's own words. Nothing is
   * written: the put stands in an atomic pair with one for a family that no table has, and HBase
   * looks at both, this one first, before it writes any.
   */
  async refusedVersion(
    region: MetaRegion,
    family: Buffer,
    version: number,
  ): Promise<string | null> {
    if (region.server === null) throw new Error('a region without a server is not asked');
    // No row that is ever read: the first key of the region alone.
    const row = region.startKey.length > 0 ? region.startKey : Buffer.alloc(1);
    const put = (index: number, ofFamily: Buffer) => {
      const cell = { qualifier: Buffer.from([0]), value: Buffer.from([0]), timestamp: version };
      const columnValue = [{ family: ofFamily, qualifierValue: [cell] }];
      return { index, mutation: { row, mutateType: mutateTypePut, columnValue } };
    };
    const specifier = { type: 1 as const, value: region.nameBytes };
    const action = [put(0, family), put(1, noFamily)];
    const body = diagnosisMessages.multiRequest.encodeDelimited({
      regionAction: [{ region: specifier, atomic: true, action }],
    });
    const question = { service: 'ClientService', method: 'Multi', body } as const;
    const reply = await this.#ask(region.server, question, diagnosisMessages.multiResponse);
    const failures = reply.regionActionResult
      .flatMap((result) => [[result], result.resultOrException].flat())
      .flatMap(({ exception }) => (exception ? [exception] : []))
      .map(({ name, value }) => failureOf(name, Buffer.from(value).toString('utf8'), true));
    const texts = failures.map((failure) => failure.message);
    const refusal = texts.find((text) => /out of range|too\.new/.test(text));
    if (refusal !== undefined) return refusal;
    if (texts.some((text) => text.includes('NoSuchColumnFamily'))) return null;
    throw failures[0] ?? toCounterError('the question about versions was not answered');
  }

  close(): void {
    this.#connections.close();
  }

  async #ask<Decoded>(
    server: ServerAddress,
    question: { readonly service: Service; readonly method: string; readonly body: Buffer },
    message: Message<never, Decoded> | null,
  ): Promise<Decoded> {
    const { service, method, body } = question;
    const call = { method, body, cellBytes: 0, timeoutMs: this.#callMs };
    return await this.#connections.ask(server, service, call, (reply) => messageIn(reply, message));
  }
}

function fullNameOf(server: ServerNameMessage): string {
  return `${server.hostName},${server.port},${Number(server.startCode)}`;
}

/** It has been asked before. */
function fixedDiscovery({ host, port }: ServerAddress): Pick<Discovery, 'master'> {
  return { master: () => Promise.resolve({ hostName: host, port, startCode: 0 }) };
}
