// A cluster of two or more servers that do as they are told: regions that move, split and merge at
// once, scanners that expire, replies that are lost after they were applied. What it counts is what
// the client asked of it. For what a real HBase does too seldom or too slowly.
import protobuf from 'protobufjs';
import type { Discovery } from '../../src/hbase/discovery.ts';
import type { ScanRequest } from '../../src/hbase/messages.ts';
import { message, messages } from '../../src/hbase/messages.ts';
import type { Put } from '../../src/model/rows.ts';
import { putsOf } from './cells.ts';
import { answerScan, FakeServer, multiReply, regionFailure } from './fake-server.ts';
import type { FakeCall } from './fake-server.ts';

export interface FakeRegion {
  readonly name: string;
  readonly startKey: Buffer;
  readonly endKey: Buffer;
  server: FakeServer;
  state: 'OPEN' | 'CLOSED';
}

interface Scanner {
  readonly region: FakeRegion;
  rows: readonly (readonly Put[])[];
  nextCallSeq: number;
}

export const notServing = 'org.apache.hadoop.hbase.NotServingRegionException';
export const moved = 'org.apache.hadoop.hbase.exceptions.RegionMovedException';

export class FakeCluster {
  readonly servers: FakeServer[];
  readonly table: string;
  readonly puts: Put[] = [];
  regions: FakeRegion[] = [];
  /** By name of the region: the port at which it is, by the word of who had it. */
  readonly hints = new Map<string, number>();
  metaServer: FakeServer;
  metaQuestions = 0;
  stateQuestions = 0;
  disabled = false;
  /** Servers whose session with ZooKeeper has ended, and how often it was asked for those left. */
  readonly gone = new Set<FakeServer>();
  looks = 0;
  rowsPerReply = 3;
  /** True: the call was dealt with otherwise. */
  before: (call: FakeCall, at: FakeServer) => boolean = () => false;
  readonly #scanners = new Map<number, Scanner>();
  #ids = 1;

  private constructor(servers: FakeServer[], table: string) {
    this.servers = servers;
    this.table = table;
    const [first] = servers;
    if (first === undefined) throw new Error('a cluster has servers');
    this.metaServer = first;
    for (const server of servers) {
      server.meta = (call) => this.#playMeta(call, server);
      server.handler = (call) => this.#play(call, server);
    }
  }

  /** Regions between the keys, on the servers in turn. */
  static async start(keys: readonly string[], servers = 2, table = 't'): Promise<FakeCluster> {
    const listening: FakeServer[] = [];
    for (let i = 0; i < servers; i++) listening.push(await FakeServer.listen());
    const cluster = new FakeCluster(listening, table);
    const starts = ['', ...keys].map((key) => Buffer.from(key, 'latin1'));
    for (const [i, startKey] of starts.entries()) {
      const endKey = starts[i + 1] ?? Buffer.alloc(0);
      cluster.regions.push(cluster.newRegion(startKey, endKey, cluster.at(i)));
    }
    return cluster;
  }

  at(i: number): FakeServer {
    const server = this.servers[i % this.servers.length];
    if (server === undefined) throw new Error('there is no such server');
    return server;
  }

  get discovery(): Discovery {
    const place = (): ReturnType<Discovery['master']> =>
      Promise.resolve({ hostName: '127.0.0.1', port: this.metaServer.port, startCode: 1 });
    const regionServers = (): Promise<ReadonlySet<string>> => {
      this.looks++;
      const there = this.servers.filter((server) => !this.gone.has(server));
      return Promise.resolve(new Set(there.map(({ port }) => `127.0.0.1:${port}`)));
    };
    return { master: place, metaServer: place, regionServers, close: () => undefined };
  }

  newRegion(startKey: Buffer, endKey: Buffer, server: FakeServer): FakeRegion {
    const id = this.#ids++;
    const key = startKey.toString('latin1');
    const encoded = id.toString(16).padStart(32, '0');
    const name = `${this.table},${key},${id}.${encoded}.`;
    return { name, startKey, endKey, server, state: 'OPEN' };
  }

  regionOf(row: Buffer): FakeRegion {
    const region = this.regions.findLast(({ startKey }) => startKey.compare(row) <= 0);
    if (region === undefined) throw new Error('a region holds every row');
    return region;
  }

  move(region: FakeRegion, to: FakeServer, options: { readonly hint: boolean }): void {
    if (options.hint) this.hints.set(region.name, to.port);
    region.server = to;
    this.#expire((scanner) => scanner.region === region);
  }

  split(region: FakeRegion, key: Buffer): void {
    const { startKey, endKey, server } = region;
    const parts = [this.newRegion(startKey, key, server), this.newRegion(key, endKey, server)];
    this.regions = this.regions.flatMap((one) => (one === region ? parts : [one]));
    this.#expire((scanner) => scanner.region === region);
  }

  /** With the region behind it. */
  merge(region: FakeRegion): void {
    const next = this.regions[this.regions.indexOf(region) + 1];
    if (next === undefined) return;
    const whole = this.newRegion(region.startKey, next.endKey, region.server);
    this.regions = this.regions.flatMap((one) => (one === region ? [whole] : [one]));
    this.regions = this.regions.filter((one) => one !== next);
    this.#expire((scanner) => scanner.region === region || scanner.region === next);
  }

  expireScanners(): void {
    this.#expire(() => true);
  }

  async close(): Promise<void> {
    await Promise.all(this.servers.map(async (server) => await server.close()));
  }

  calls(method: string): number {
    return this.servers.flatMap((server) => server.calls).filter((call) => call.method === method)
      .length;
  }

  #expire(which: (scanner: Scanner) => boolean): void {
    for (const [id, scanner] of this.#scanners) if (which(scanner)) this.#scanners.delete(id);
  }

  #playMeta(call: FakeCall, at: FakeServer): void {
    if (this.before(call, at)) return;
    if (at !== this.metaServer) {
      call.fail(notServing);
      return;
    }
    const { scan } = messages.scanRequest.decode(call.message);
    const row = Buffer.from(scan?.startRow ?? []);
    if (scan?.reversed !== true) {
      this.stateQuestions++;
      const state = Buffer.from([0x08, this.disabled ? 1 : 0]);
      answerScan(call, [[metaCell(this.table, 'state', state)]], { more: false });
      return;
    }
    this.metaQuestions++;
    const end = row.length - ',99999999999999'.length;
    const region = this.regionOf(row.subarray(this.table.length + 1, end));
    const info = messages.regionInfo.encode({
      regionId: 1,
      tableName: { namespace: Buffer.from('default'), qualifier: Buffer.from(this.table) },
      startKey: region.startKey,
      endKey: region.endKey,
      offline: false,
      split: false,
    });
    const cells = [
      metaCell(region.name, 'regioninfo', Buffer.concat([Buffer.from('PBUF'), info])),
      metaCell(region.name, 'server', Buffer.from(`127.0.0.1:${region.server.port}`)),
      metaCell(region.name, 'state', Buffer.from(region.state)),
    ];
    answerScan(call, [cells], { more: false });
  }

  #play(call: FakeCall, at: FakeServer): void {
    if (this.before(call, at)) return;
    if (call.method === 'Multi') this.#multi(call, at);
    else if (call.method === 'Mutate') this.#mutate(call, at);
    else if (call.method === 'Scan') this.#scan(call, at);
    else call.fail('java.lang.UnsupportedOperationException');
  }

  /** What the server says of a region by that name; null: it has it. */
  refusal(name: string, at: FakeServer): { readonly name: string; readonly trace: string } | null {
    const region = this.regions.find((one) => one.name === name);
    if (region?.server === at && region.state === 'OPEN' && !this.disabled) return null;
    const to = this.hints.get(name);
    if (to === undefined) return { name: notServing, trace: `${notServing}: ${name}` };
    const place = `hostname=127.0.0.1 port=${to} startCode=7`;
    const trace = `${moved}: Region moved to: ${place}. As of locationSeqNum=12.`;
    return { name: moved, trace };
  }

  #multi(call: FakeCall, at: FakeServer): void {
    const cells = putsOf(call.cells);
    let next = 0;
    const answers = regionActions(call.message).map(({ name, count }) => {
      const puts = cells.slice(next, next + count);
      next += count;
      const refused = this.refusal(name, at);
      if (refused !== null) return regionFailure(refused.name, refused.trace);
      this.puts.push(...puts);
      return multiReply(puts.map(() => null));
    });
    call.answer(Buffer.concat(answers));
  }

  #mutate(call: FakeCall, at: FakeServer): void {
    const { region } = messages.mutateRequest.decode(call.message);
    const refused = this.refusal(Buffer.from(region.value).toString('latin1'), at);
    if (refused === null) call.answer(messages.mutateResponse.encode({ processed: true }));
    else call.fail(refused.name, refused.trace);
  }

  #scan(call: FakeCall, at: FakeServer): void {
    const request = messages.scanRequest.decode(call.message);
    const id = Number(request.scannerId);
    if (request.closeScanner === true) {
      this.#scanners.delete(id);
      answerScan(call, [], { more: false });
      return;
    }
    const scanner = id > 0 ? this.#scanners.get(id) : this.#open(call, request, at);
    if (scanner === undefined) {
      if (id > 0) call.fail('org.apache.hadoop.hbase.UnknownScannerException');
      return;
    }
    if (id > 0 && Number(request.nextCallSeq) !== scanner.nextCallSeq++) {
      call.fail('org.apache.hadoop.hbase.exceptions.OutOfOrderScannerNextException');
      return;
    }
    const rows = scanner.rows.slice(0, this.rowsPerReply);
    scanner.rows = scanner.rows.slice(this.rowsPerReply);
    const more = scanner.rows.length > 0;
    const scannerId = id > 0 ? id : this.#ids++;
    if (more) this.#scanners.set(scannerId, scanner);
    answerScan(call, rows, { more, scannerId });
  }

  #open(call: FakeCall, { region, scan }: ScanRequest, at: FakeServer): Scanner | undefined {
    const name = Buffer.from(region?.value ?? []).toString('latin1');
    const refused = this.refusal(name, at);
    const found = this.regions.find((one) => one.name === name);
    if (refused !== null || found === undefined) {
      call.fail(refused?.name ?? notServing, refused?.trace);
      return undefined;
    }
    const [start, stop] = [Buffer.from(scan?.startRow ?? []), Buffer.from(scan?.stopRow ?? [])];
    const wanted = (row: Buffer): boolean =>
      row.compare(start) >= (scan?.includeStartRow === false ? 1 : 0) &&
      (stop.length === 0 || row.compare(stop) < 0) &&
      row.compare(found.startKey) >= 0 &&
      (found.endKey.length === 0 || row.compare(found.endKey) < 0);
    const rows = new Map<string, Put[]>();
    for (const put of this.puts.filter(({ row }) => wanted(row))) {
      const key = put.row.toString('latin1');
      rows.set(key, [...(rows.get(key) ?? []), put]);
    }
    const sorted = [...rows].toSorted(([a], [b]) => (a < b ? -1 : 1)).map(([, puts]) => puts);
    return { region: found, rows: sorted, nextCallSeq: 0 };
  }
}

function metaCell(name: string, qualifier: string, value: Buffer): Put {
  const row = Buffer.from(name, 'latin1');
  return { row, qualifier: Buffer.from(qualifier), value, version: 1 };
}

interface MultiRequest {
  readonly regionAction: readonly {
    readonly region: { readonly value: Uint8Array };
    readonly action: readonly Uint8Array[];
  }[];
}
const multiRequest = message<never, MultiRequest>(
  'MultiRequest',
  protobuf.parse(
    `syntax = "proto2";
     message Region { optional bytes value = 2; }
     message RegionAction { required Region region = 1; repeated bytes action = 3; }
     message MultiRequest { repeated RegionAction region_action = 1; }`,
  ).root,
);

/** The regions of a Multi, and how many actions each has. */
function regionActions(bytes: Buffer): { readonly name: string; readonly count: number }[] {
  const { regionAction } = multiRequest.decode(bytes);
  return regionAction.map(({ region, action }) => ({
    name: Buffer.from(region.value).toString('latin1'),
    count: action.length,
  }));
}
