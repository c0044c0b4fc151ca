// A whole cluster that does as it is told: a ZooKeeper, and one server that plays the master and
// every region server, under whatever names a test wants. All is well unless the test changes it.
import { loadConfig, type Config } from '../../src/config.ts';
import { examine } from '../../src/doctor/doctor.ts';
import type { Check, CheckName } from '../../src/doctor/check.ts';
import { diagnosisMessages } from '../../src/hbase/diagnosis-messages.ts';
import { messages } from '../../src/hbase/messages.ts';
import { encodeLayout } from '../../src/store/layout.ts';
import { layoutRow, metaQualifier } from '../../src/store/key-layout.ts';
import { tableSchemas } from '../../src/store/schema.ts';
import { answerScan, FakeServer } from '../hbase/fake-server.ts';
import type { FakeCall } from '../hbase/fake-server.ts';
import { clusterNodes, fakeZooKeeper, serverName, type FakeZooKeeper } from './fake-zookeeper.ts';

const start = 1_764_000_000_000;

/** What the cluster says; a test changes it before it asks. */
export interface Situation {
  /** Host names under which the region servers registered. */
  hosts: string[];
  version: string;
  /** Of each server's clock beside this machine's. */
  skewMs: number;
  dead: string[];
  /** By table, without the prefix: attributes of the family; undefined: no such table. */
  families: Map<string, Map<string, string>>;
  /** 0 enabled, 1 disabled. */
  tableState: number;
  regionState: string;
  /** Start and end keys of the regions of every table. */
  keys: (readonly [string, string])[];
  /** Start of the run of the server that regions are at. */
  regionsAtRun: number;
  salts: number | null;
  slopMs: number | null;
  /** Of every call to a region server: the Java class of a refusal. */
  refusal: string | null;
}

export interface FakeCluster {
  readonly zookeeper: FakeZooKeeper;
  readonly server: FakeServer;
  readonly situation: Situation;
  close(): Promise<void>;
}

export const nowMs = Date.UTC(2026, 10, 24);

export async function fakeCluster(
  changes: Partial<Situation> = {},
  znode = '/hbase',
): Promise<FakeCluster> {
  const server = await FakeServer.listen();
  const families = new Map(
    tableSchemas({ tablePrefix: '', salts: 16, retentionDays: 400 }).map((table) => [
      table.name as string,
      new Map(table.attributes),
    ]),
  );
  const situation: Situation = {
    hosts: ['localhost'],
    version: '2.6.4',
    skewMs: 0,
    dead: [],
    families,
    tableState: 0,
    regionState: 'OPEN',
    keys: [['', '']],
    regionsAtRun: start,
    salts: 16,
    slopMs: null,
    refusal: null,
    ...changes,
  };
  const names = situation.hosts.map((host) => serverName(host, server.port, start));
  const [meta] = names;
  const nodes = clusterNodes(znode, {
    master: serverName('localhost', server.port, start),
    meta: meta ?? serverName('localhost', server.port, start),
    regionServers: names,
  });
  const zookeeper = await fakeZooKeeper(nodes);
  server.handler = (call) => play(call, situation, server.port);
  server.meta = (call) => playMeta(call, situation, server.port);
  return {
    zookeeper,
    server,
    situation,
    close: async () => {
      await zookeeper.close();
      await server.close();
    },
  };
}

/** The settings of an operator who has written these. */
export function configOf(flags: Readonly<Record<string, string>>): Config {
  const loaded = loadConfig({
    env: {},
    flags,
    readFile: () => '',
    machineMemoryBytes: 2 ** 30,
  });
  if ('mistakes' in loaded) throw new Error(loaded.mistakes.join('; '));
  return loaded.config;
}

/** Everything that the doctor finds on the cluster. */
export async function findings(
  zookeeper: string,
  flags: Readonly<Record<string, string>> = {},
  limits: { readonly totalMs?: number } = {},
): Promise<readonly Check[]> {
  return await examine({
    ...limits,
    config: configOf({ 'hbase-zookeeper': zookeeper, ...flags }),
    warnings: [],
    clock: { wallMs: () => nowMs, monotonicMs: () => performance.now() },
    onStep: () => undefined,
    onChecks: () => undefined,
  });
}

export function of(checks: readonly Check[], name: CheckName): Check {
  const found = checks.find(({ check }) => check === name);
  if (found === undefined) throw new Error(`there is no check ${name}`);
  return found;
}

export function failing(checks: readonly Check[]): string[] {
  return checks.filter(({ outcome }) => outcome === 'fail').map(({ check }) => check);
}

function play(call: FakeCall, situation: Situation, port: number): void {
  if (call.method === 'GetClusterStatus') call.answer(statusOf(situation, port));
  else if (call.method === 'GetTableDescriptors') call.answer(descriptions(situation));
  else if (situation.refusal !== null) call.fail(situation.refusal, situation.refusal, true);
  else if (call.method === 'Mutate') {
    call.answer(messages.mutateResponse.encode({ processed: false }));
  } else if (call.method === 'Multi') call.answer(pair(situation));
  else if (call.method === 'Scan') playScan(call, situation);
}

function statusOf({ hosts, version, skewMs, dead }: Situation, port: number): Buffer {
  const named = (host: string) => serverName(host, port, start);
  return diagnosisMessages.clusterStatus.encode({
    clusterStatus: {
      hbaseVersion: { version },
      liveServers: hosts.map((host) => ({
        server: named(host),
        serverLoad: { reportEndTime: nowMs + skewMs, regionLoads: [Buffer.alloc(0)] },
      })),
      deadServers: dead.map((host) => named(host)),
      regionsInTransition: [],
    },
  });
}

function descriptions({ families }: Situation): Buffer {
  return messages.tables.encode({
    tableSchema: [...families].map(([name, attributes]) => ({
      tableName: { namespace: Buffer.from('default'), qualifier: Buffer.from(`adcounter_${name}`) },
      attributes: [],
      columnFamilies: [
        {
          name: Buffer.from('c'),
          attributes: [...attributes].map(([first, second]) => ({
            first: Buffer.from(first),
            second: Buffer.from(second),
          })),
        },
      ],
    })),
  });
}

/** The answer to a pair of puts of which the second is for a family that is not there. */
function pair({ slopMs }: Situation): Buffer {
  const [name, text] =
    slopMs === null
      ? ['org.apache.hadoop.hbase.regionserver.NoSuchColumnFamilyException', 'no such family']
      : [
          'org.apache.hadoop.hbase.exceptions.FailedSanityCheckException',
          `Timestamp for KV out of range (too.new=${slopMs})`,
        ];
  const exception = { name, value: Buffer.from(`${name}: ${text}`) };
  return diagnosisMessages.multiResponse.encode({
    regionActionResult: [{ resultOrException: [], exception }],
  });
}

function playScan(call: FakeCall, { salts }: Situation): void {
  const request = messages.scanRequest.decode(call.message);
  const region = Buffer.from(request.region?.value ?? []).toString('latin1');
  if (region.startsWith('adcounter-doctor')) {
    call.fail('org.apache.hadoop.hbase.NotServingRegionException');
    return;
  }
  const value = salts === null ? null : encodeLayout({ salts, created: '2026-11-24T00:00:00Z' });
  const put = { row: layoutRow, qualifier: metaQualifier, version: 1 };
  answerScan(call, value === null ? [] : [[{ ...put, value }]], { more: false });
}

/** Asked by the doctor for all of a table, by the client for the region of one row, backwards. */
function playMeta(call: FakeCall, situation: Situation, port: number): void {
  const { scan } = messages.scanRequest.decode(call.message);
  const [table = '', row = ''] = Buffer.from(scan?.startRow ?? [])
    .toString()
    .split(',');
  const family = Buffer.from(scan?.column[0]?.family ?? []).toString();
  const there = situation.families.has(table.replace('adcounter_', ''));
  const rows = there ? metaRows(table, family, { situation, port }) : [];
  const { keys } = situation;
  const holding = keys.findLastIndex(([startKey]) => startKey <= row);
  const asked = scan?.reversed === true ? rows.slice(holding, holding + 1) : rows;
  answerScan(call, asked, { more: false });
}

function cell(row: string, qualifier: string, value: Buffer) {
  return { row: Buffer.from(row), qualifier: Buffer.from(qualifier), value, version: 1 };
}

function metaRows(
  table: string,
  family: string,
  { situation, port }: { readonly situation: Situation; readonly port: number },
) {
  const { tableState, keys, regionState, regionsAtRun, hosts } = situation;
  if (family === 'table') {
    return [[cell(table, 'state', diagnosisMessages.tableState.encode({ state: tableState }))]];
  }
  const run = Buffer.alloc(8);
  run.writeBigInt64BE(BigInt(regionsAtRun));
  return keys.map(([startKey, endKey], i) => {
    const row = `${table},${startKey},${i + 1}.0123456789abcdef0123456789abcdef.`;
    const info = messages.regionInfo.encode({
      regionId: i + 1,
      tableName: { namespace: Buffer.from('default'), qualifier: Buffer.from(table) },
      startKey: Buffer.from(startKey),
      endKey: Buffer.from(endKey),
      offline: false,
      split: false,
    });
    return [
      cell(row, 'regioninfo', Buffer.concat([Buffer.from('PBUF'), info])),
      cell(row, 'server', Buffer.from(`${hosts[0] ?? ''}:${port}`)),
      cell(row, 'serverstartcode', run),
      cell(row, 'state', Buffer.from(regionState)),
    ];
  });
}
