// Owns the choice between flag, variable, file and default; the only home of process.env.
// A bad value never starts anything: all mistakes are named at once.
// Never says a secret, in a mistake or elsewhere.
import { readFileSync } from 'node:fs';
import { totalmem } from 'node:os';
import {
  environmentName,
  flagName,
  settings,
  settingsPrefix,
  settingSources,
  type Setting,
} from './settings.ts';

/** What an operator chose, checked. */
export interface Config {
  readonly httpHost: string;
  readonly httpPort: number;
  readonly store: 'embedded' | 'hbase';
  readonly dataDir: string;
  /** `host:port` of each ZooKeeper server; empty with the embedded store. */
  readonly hbaseZookeeper: readonly string[];
  readonly hbaseZnode: string;
  readonly hbaseTablePrefix: string;
  /** `name:port` as HBase says it → the address that this machine dials. */
  readonly hbaseHostMap: ReadonlyMap<string, Readonly<{ host: string; port: number }>>;
  /** Undefined: the default where tables are created, else what the store was created with. */
  readonly hbaseSalts: number | undefined;
  readonly hbaseUser: string;
  readonly hbaseDurability: 'sync_wal' | 'fsync_wal';
  readonly hbaseRpcTimeoutMs: number;
  readonly flushSeconds: number;
  readonly ack: 'memory' | 'journal' | 'store';
  readonly memoryMaxBytes: number;
  /** Undefined: half of the disk's free bytes at start, measured by whoever opens the journal. */
  readonly journalMaxBytes: number | undefined;
  readonly asideHours: number;
  /** Processes that serve together; more than one with HBase only. */
  readonly workers: number;
  readonly retentionDays: number;
  /** Each `name:secret` or a bare secret. */
  readonly writeKeys: readonly string[];
  readonly readKeys: readonly string[];
  readonly adminKeys: readonly string[];
  readonly corsOrigins: readonly string[];
  readonly logLevel: LogLevel;
  readonly drainDelayMs: number;
  readonly shutdownGraceMs: number;
  readonly url: string;
}

export type LogLevel = 'info' | 'warn' | 'error' | 'silent';

export interface ConfigSources {
  readonly env: Readonly<Record<string, string | undefined>>;
  /** By flag name, `flush-seconds`. A flag wins over its variable. */
  readonly flags: Readonly<Record<string, string | undefined>>;
  readonly readFile: (path: string) => string;
  readonly machineMemoryBytes: number;
  /** False for commands that open no store: what it would lack is no mistake then. */
  readonly storeOpened?: boolean;
}

export type LoadedConfig =
  | { readonly config: Config; readonly warnings: readonly string[] }
  | { readonly mistakes: readonly string[] };

type Flags = ConfigSources['flags'];

/** The settings of this process. */
export function configOfProcess(flags: Flags, storeOpened: boolean): LoadedConfig {
  return loadConfig({
    env: process.env,
    flags,
    readFile: (path) => readFileSync(path, 'utf8'),
    machineMemoryBytes: machineMemoryBytes(),
    storeOpened,
  });
}

export function loadConfig(sources: ConfigSources): LoadedConfig {
  const mistakes: string[] = [];
  const take = taker(sources, mistakes);
  const required = <Value>(setting: Setting<Value>): Value =>
    // After a mistake the default stands in, so that the other settings are checked all the same.
    take(setting) ?? setting.schema.parse(setting.default);

  const httpPort = required(settings.httpPort);
  const config: Config = {
    httpHost: required(settings.httpHost),
    httpPort,
    store:
      take(settings.store) ?? (isGiven(settings.hbaseZookeeper, sources) ? 'hbase' : 'embedded'),
    dataDir: required(settings.dataDir),
    hbaseZookeeper: take(settings.hbaseZookeeper) ?? [],
    hbaseZnode: required(settings.hbaseZnode),
    hbaseTablePrefix: required(settings.hbaseTablePrefix),
    hbaseHostMap: take(settings.hbaseHostMap) ?? new Map(),
    hbaseSalts: take(settings.hbaseSalts),
    hbaseUser: required(settings.hbaseUser),
    hbaseDurability: required(settings.hbaseDurability),
    hbaseRpcTimeoutMs: required(settings.hbaseRpcTimeoutMs),
    flushSeconds: required(settings.flushSeconds),
    ack: required(settings.ack),
    memoryMaxBytes: take(settings.memoryMaxBytes) ?? Math.floor(sources.machineMemoryBytes / 4),
    journalMaxBytes: take(settings.journalMaxBytes),
    asideHours: required(settings.asideHours),
    workers: required(settings.workers),
    retentionDays: required(settings.retentionDays),
    writeKeys: take(settings.writeKeys) ?? [],
    readKeys: take(settings.readKeys) ?? [],
    adminKeys: take(settings.adminKeys) ?? [],
    corsOrigins: take(settings.corsOrigins) ?? [],
    logLevel: required(settings.logLevel),
    drainDelayMs: required(settings.drainDelayMs),
    shutdownGraceMs: required(settings.shutdownGraceMs),
    url: take(settings.url) ?? `http://127.0.0.1:${httpPort}`,
  };
  mistakes.push(...mistakesTogether(config, sources));
  return mistakes.length > 0 ? { mistakes } : { config, warnings: unknownVariables(sources.env) };
}

/** Reads and checks one setting; undefined when nobody gave it, or when it is a mistake. */
function taker(sources: ConfigSources, mistakes: string[]) {
  return <Value>(setting: Setting<Value>): Value | undefined => {
    const given = find(setting, sources, mistakes);
    if (given === undefined) return undefined;
    const parsed = setting.schema.safeParse(given.text);
    if (parsed.success) return parsed.data;
    // Each item of a list has its own issue; one sentence says it for all that are alike.
    const reasons = new Set(parsed.error.issues.map((issue) => issue.message));
    const shown = setting.secret ? '' : `=${JSON.stringify(given.text)}`;
    mistakes.push(`${given.origin}${shown} ${[...reasons].join('; ')}`);
    return undefined;
  };
}

interface Given {
  /** As the operator wrote it: `--flush-seconds`, `ADCOUNTER_FLUSH_SECONDS`. */
  readonly origin: string;
  readonly text: string;
}

function find(
  setting: Setting<unknown>,
  sources: ConfigSources,
  mistakes: string[],
): Given | undefined {
  const direct = lookUp(setting.name, sources);
  if (!setting.secret) return direct;

  const file = lookUp(`${setting.name}_FILE`, sources);
  if (file === undefined) return direct;
  if (direct !== undefined) {
    mistakes.push(`${direct.origin} and ${file.origin} are both set: one of them is enough`);
    return undefined;
  }
  try {
    const lines = sources.readFile(file.text).split(/[\r\n]+/);
    const text = lines.filter((line) => line.trim() !== '').join(',');
    return { origin: `${file.origin}=${JSON.stringify(file.text)}`, text };
  } catch (thrown) {
    const code = (thrown as NodeJS.ErrnoException).code ?? 'unreadable';
    mistakes.push(`${file.origin}=${JSON.stringify(file.text)} cannot be read (${code})`);
    return undefined;
  }
}

/** An empty value counts as not given: that is how compose files pass on an unset variable. */
function lookUp(name: string, { env, flags }: ConfigSources): Given | undefined {
  const flag = flags[flagName(name)];
  if (flag !== undefined && flag !== '') return { origin: `--${flagName(name)}`, text: flag };
  const variable = env[environmentName(name)];
  if (variable === undefined || variable === '') return undefined;
  return { origin: environmentName(name), text: variable };
}

function isGiven(setting: Setting<unknown>, sources: ConfigSources): boolean {
  return lookUp(setting.name, sources) !== undefined;
}

/** What is right alone and wrong together. */
function mistakesTogether(config: Config, sources: ConfigSources): string[] {
  const mistakes: string[] = [];
  const zookeeper = environmentName(settings.hbaseZookeeper.name);
  if (sources.storeOpened !== false && config.store === 'embedded') {
    const given = Object.values<Setting<unknown>>(settings)
      .filter((setting) => setting.name.startsWith('HBASE_'))
      .flatMap((setting) => lookUp(setting.name, sources) ?? []);
    const way = isGiven(settings.store, sources) ? 'remove one of the two' : `set ${zookeeper} too`;
    for (const { origin } of given) {
      mistakes.push(`${origin} is set, but the store is embedded: ${way}`);
    }
  }
  if (sources.storeOpened !== false && config.store === 'hbase') {
    if (!isGiven(settings.hbaseZookeeper, sources)) {
      mistakes.push(`${zookeeper} is missing: the store is hbase`);
    }
  }
  if (sources.storeOpened !== false && config.store === 'embedded' && config.workers > 1) {
    const { origin } = lookUp(settings.workers.name, sources) ?? { origin: 'WORKERS' };
    const why = 'one process holds the embedded store';
    mistakes.push(`${origin} is ${config.workers}, but ${why}: several workers need HBase`);
  }
  if (config.drainDelayMs >= config.shutdownGraceMs) {
    mistakes.push('ADCOUNTER_DRAIN_DELAY_MS must be less than ADCOUNTER_SHUTDOWN_GRACE_MS');
  }
  return mistakes;
}

/** Kubernetes injects the variables of a service that is called adcounter. */
const injected = /^ADCOUNTER_(PORT|SERVICE)(_|$)/;

function unknownVariables(env: ConfigSources['env']): string[] {
  const known = new Set(settingSources().map((source) => source.environment));
  return Object.keys(env)
    .filter((name) => name.startsWith(settingsPrefix) && !known.has(name) && !injected.test(name))
    .sort()
    .map((name) => `${name} is not a setting of adcounter and does nothing`);
}

/** A container's limit counts, where there is one. */
function machineMemoryBytes(): number {
  const limit = process.constrainedMemory();
  return limit > 0 ? Math.min(limit, totalmem()) : totalmem();
}
