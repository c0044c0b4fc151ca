// Owns the table of settings: every name, default, meaning and check, as data.
// The command line, the loading (config.ts) and the README's table are made from it.
// Never reads the environment and never decides between two sources of a value.
import { z } from 'zod';
import type { Config } from './config.ts';

export interface Setting<Value> {
  /** `FLUSH_SECONDS`: the variable is `ADCOUNTER_FLUSH_SECONDS`, the flag `--flush-seconds`. */
  readonly name: string;
  /** As an operator would write it; undefined where the loading computes it (see `description`). */
  readonly default: string | undefined;
  readonly description: string;
  /** A secret's value is never shown, and `<NAME>_FILE` may name a file that holds it. */
  readonly secret: boolean;
  readonly schema: z.ZodType<Value, string>;
}

export type Settings = { readonly [Key in keyof Config]: Setting<Exclude<Config[Key], undefined>> };

const integer = (min: number, max: number) =>
  z
    .string()
    .regex(/^\d{1,16}$/, 'must be a whole number')
    .transform(Number)
    .pipe(z.number().min(min, `must be at least ${min}`).max(max, `must be at most ${max}`));

const bytesPerUnit = { '': 1, KiB: 2 ** 10, MiB: 2 ** 20, GiB: 2 ** 30 } as const;
const bytes = (min: number) =>
  z
    .string()
    .regex(/^\d{1,12}(KiB|MiB|GiB)?$/, 'must be bytes, or a number with KiB, MiB or GiB')
    .transform((text) => {
      const unit = (/[KMG]iB$/.exec(text)?.[0] ?? '') as keyof typeof bytesPerUnit;
      return Number.parseInt(text, 10) * bytesPerUnit[unit];
    })
    .pipe(
      z
        .number()
        .min(min, `must be at least ${min} bytes`)
        .max(2 ** 50, 'is too large'),
    );

const oneOf = <Word extends string>(...words: readonly [Word, ...Word[]]) =>
  z.enum(words, `must be one of ${words.join(', ')}`);

const list = <Item>(item: z.ZodType<Item, string>) =>
  z
    .string()
    .transform((text) => text.split(',').map((part) => part.trim()))
    .pipe(z.array(item));

const addressPattern = /^\[?([\w.:-]+)\]?:([1-9]\d{0,4})$/;
const zookeeperServer = z.string().regex(addressPattern, 'must be host:port,host:port…');

const hostMap = list(
  z
    .string()
    .regex(/^[^=]+=[^=]+$/, 'must be name:port=address:port,…')
    .transform((pair, issues) => {
      const [name = '', address = ''] = pair.split('=').map((side) => side.trim());
      const [, host, port] = addressPattern.exec(address) ?? [];
      if (host !== undefined && addressPattern.test(name)) {
        return [name, { host, port: Number(port) }] as const;
      }
      issues.addIssue('must be name:port=address:port,…');
      return z.NEVER;
    }),
).transform((pairs): Config['hbaseHostMap'] => new Map(pairs));

// A colon always ends a name, so a bare secret has none, and a name has a secret behind it.
const keys = list(
  z
    .string()
    .regex(
      /^([\w.-]{1,64}:[\x21-\x7e]{1,256}|[\x21-\x39\x3b-\x7e]{1,256})$/,
      'must be name:secret, or a secret without a colon',
    ),
).refine((all) => new Set(all).size === all.length, 'has the same key twice');

const origins = list(
  z
    .string()
    .refine(
      (text) => text === '*' || (URL.canParse(text) && new URL(text).origin === text),
      'must be origins like https://ads.example.com, or *',
    ),
);

const webUrl = z
  .string()
  .refine(
    (text) => URL.canParse(text) && /^https?:$/.test(new URL(text).protocol),
    'must be a http:// or https:// address',
  );

const text = (pattern: RegExp, mistake: string) => z.string().regex(pattern, mistake);

function setting<Value>(
  name: string,
  schema: z.ZodType<Value, string>,
  fallback: string | undefined,
  description: string,
): Setting<Value> {
  return { name, schema, default: fallback, description, secret: name.endsWith('_KEYS') };
}

/** In the order in which an operator meets them. */
export const settings: Settings = {
  httpHost: setting(
    'HTTP_HOST',
    text(/^[\w.:-]+$/, 'must be a host name or an address'),
    '127.0.0.1',
    'Address to listen on; 0.0.0.0 for every one (the container does that)',
  ),
  httpPort: setting(
    'HTTP_PORT',
    integer(0, 65_535),
    '8080',
    'Port to listen on; 0 takes a free one',
  ),
  store: setting(
    'STORE',
    oneOf('embedded', 'hbase'),
    undefined,
    'embedded or hbase; by default hbase when HBASE_ZOOKEEPER is set, else embedded',
  ),
  dataDir: setting(
    'DATA_DIR',
    text(/^[^\0]+$/, 'must be a folder'),
    './adcounter-data',
    'Folder of the journal, and of the embedded store',
  ),
  hbaseZookeeper: setting(
    'HBASE_ZOOKEEPER',
    list(zookeeperServer),
    undefined,
    'ZooKeeper servers of the HBase cluster, host:2181,…',
  ),
  hbaseZnode: setting(
    'HBASE_ZNODE',
    text(/^\/[^\s\0]*[^\s\0/]$/, 'must be a path like /hbase'),
    '/hbase',
    'Where HBase keeps its names in ZooKeeper',
  ),
  hbaseTablePrefix: setting(
    'HBASE_TABLE_PREFIX',
    text(
      /^([A-Za-z0-9_]+:)?[A-Za-z0-9_][A-Za-z0-9_.-]*$/,
      'must be a table name, or namespace:name',
    ),
    'adcounter_',
    'Begins every table name; may carry a namespace (ads:adcounter_)',
  ),
  hbaseHostMap: setting(
    'HBASE_HOST_MAP',
    hostMap,
    undefined,
    'Where region servers are reached from here, name:port=address:port,…',
  ),
  hbaseSalts: setting(
    'HBASE_SALTS',
    integer(1, 256),
    '16',
    'Parts into which tables are split when they are created; stored, never changed later',
  ),
  hbaseUser: setting(
    'HBASE_USER',
    text(/^[\w.@/-]{1,128}$/, 'must be a user name'),
    'adcounter',
    'User name told to HBase (simple authentication)',
  ),
  hbaseDurability: setting(
    'HBASE_DURABILITY',
    oneOf('sync_wal', 'fsync_wal'),
    'sync_wal',
    'When HBase confirms: sync_wal (in the memory of all replicas) or fsync_wal (on their disks)',
  ),
  hbaseRpcTimeoutMs: setting(
    'HBASE_RPC_TIMEOUT_MS',
    integer(100, 600_000),
    '10000',
    'Deadline of one call to HBase',
  ),
  flushSeconds: setting(
    'FLUSH_SECONDS',
    integer(1, 60).refine(
      (seconds) => 60 % seconds === 0,
      'must divide 60: 1, 2, 3 … 15, 20, 30, 60',
    ),
    '30',
    'Seconds between two flushes to the store; a divisor of 60',
  ),
  ack: setting(
    'ACK',
    oneOf('memory', 'journal', 'store'),
    'journal',
    'When a request is answered unless it says so itself: memory, journal (on the disk) or store',
  ),
  memoryMaxBytes: setting(
    'MEMORY_MAX_BYTES',
    bytes(2 ** 24),
    undefined,
    "Bound of the counters; by default a quarter of the machine's memory",
  ),
  journalMaxBytes: setting(
    'JOURNAL_MAX_BYTES',
    bytes(2 ** 20),
    undefined,
    'Bound of the journal; by default half of the free disk at start',
  ),
  asideHours: setting(
    'ASIDE_HOURS',
    integer(0, 8760),
    '24',
    'Hours for which confirmed journal files are kept aside, in case the store loses data',
  ),
  workers: setting(
    'WORKERS',
    integer(1, 64),
    '1',
    'Processes that count and answer together on this machine; more than 1 with HBase only',
  ),
  retentionDays: setting(
    'RETENTION_DAYS',
    integer(1, 680),
    '400',
    'Days for which counts are kept and answered; at most 680',
  ),
  writeKeys: setting('WRITE_KEYS', keys, undefined, 'Keys that may count; open until set'),
  readKeys: setting('READ_KEYS', keys, undefined, 'Keys that may ask; open until set'),
  adminKeys: setting(
    'ADMIN_KEYS',
    keys,
    undefined,
    'Keys for admin calls; while none is set they need a loopback peer',
  ),
  corsOrigins: setting(
    'CORS_ORIGINS',
    origins,
    undefined,
    'Origins whose pages may ask, https://ads.example.com,… or *; none by default',
  ),
  logLevel: setting(
    'LOG_LEVEL',
    oneOf('info', 'warn', 'error', 'silent'),
    'info',
    'Least level logged',
  ),
  drainDelayMs: setting(
    'DRAIN_DELAY_MS',
    integer(0, 600_000),
    '0',
    'How long a stop stays unready, still serving, before it stops accepting',
  ),
  shutdownGraceMs: setting(
    'SHUTDOWN_GRACE_MS',
    integer(100, 3_600_000),
    '25000',
    'How long a stop may take, DRAIN_DELAY_MS included; then the process ends as in a crash',
  ),
  url: setting(
    'URL',
    webUrl,
    undefined,
    'Service that the commands ask; by default http://127.0.0.1: and HTTP_PORT',
  ),
};

export const settingsPrefix = 'ADCOUNTER_';

export function environmentName(name: string): string {
  return settingsPrefix + name;
}

/** FLUSH_SECONDS → flush-seconds */
export function flagName(name: string): string {
  return name.toLowerCase().replaceAll('_', '-');
}

export interface SettingSource {
  readonly name: string;
  readonly flag: string;
  readonly environment: string;
  readonly default: string;
  readonly description: string;
}

/** The settings as a person looks them up, those for files of secrets included. */
export function settingSources(): SettingSource[] {
  return Object.values(settings).flatMap((each) => {
    const source = (name: string, description: string): SettingSource => ({
      name,
      flag: flagName(name),
      environment: environmentName(name),
      default: each.default ?? '',
      description,
    });
    if (!each.secret) return [source(each.name, each.description)];
    return [
      source(each.name, `${each.description}; name:secret or secret, comma-separated`),
      source(`${each.name}_FILE`, `File that holds ${each.name}, one a line or comma-separated`),
    ];
  });
}
