import { describe, expect, test } from '@jest/globals';
import { loadConfig, type Config, type ConfigSources } from '../src/config.ts';
import { environmentName, flagName, settings, settingSources } from '../src/settings.ts';

type Input = Partial<ConfigSources>;

function load(input: Input) {
  return loadConfig({
    env: {},
    flags: {},
    readFile: (path) => {
      throw Object.assign(new Error(path), { code: 'ENOENT' });
    },
    machineMemoryBytes: 4_000_000_000,
    ...input,
  });
}

function configOf(input: Input): Config {
  const loaded = load(input);
  if ('mistakes' in loaded) throw new Error(loaded.mistakes.join('\n'));
  return loaded.config;
}

function mistakesOf(input: Input): readonly string[] {
  const loaded = load(input);
  return 'mistakes' in loaded ? loaded.mistakes : [];
}

test('several workers need HBase, and commands that open no store do not care', () => {
  const workers = { ADCOUNTER_WORKERS: '3' };
  const why = 'ADCOUNTER_WORKERS is 3, but one process holds the embedded store';
  expect(mistakesOf({ env: workers })).toEqual([`${why}: several workers need HBase`]);
  expect(configOf({ env: { ...workers, ADCOUNTER_HBASE_ZOOKEEPER: 'zk:2181' } }).workers).toBe(3);
  expect(mistakesOf({ env: workers, storeOpened: false })).toEqual([]);
});

describe('with nothing set', () => {
  test('the defaults of interfaces hold', () => {
    expect(configOf({})).toEqual({
      httpHost: '127.0.0.1',
      httpPort: 8080,
      store: 'embedded',
      dataDir: './adcounter-data',
      hbaseZookeeper: [],
      hbaseZnode: '/hbase',
      hbaseTablePrefix: 'adcounter_',
      hbaseHostMap: new Map(),
      hbaseSalts: undefined,
      hbaseUser: 'adcounter',
      hbaseDurability: 'sync_wal',
      hbaseRpcTimeoutMs: 10_000,
      flushSeconds: 30,
      ack: 'journal',
      memoryMaxBytes: 1_000_000_000,
      journalMaxBytes: undefined,
      asideHours: 24,
      workers: 1,
      retentionDays: 400,
      writeKeys: [],
      readKeys: [],
      adminKeys: [],
      corsOrigins: [],
      logLevel: 'info',
      drainDelayMs: 0,
      shutdownGraceMs: 25_000,
      url: 'http://127.0.0.1:8080',
    });
  });

  test('every default that is written down passes its own check', () => {
    for (const setting of Object.values(settings)) {
      if (setting.default === undefined) continue;
      expect({ [setting.name]: setting.schema.safeParse(setting.default).success }).toEqual({
        [setting.name]: true,
      });
    }
  });
});

describe('where a value comes from', () => {
  test('a flag wins over its variable, a variable over the default', () => {
    const env = { ADCOUNTER_HTTP_PORT: '9000', ADCOUNTER_ACK: 'memory' };
    const config = configOf({ env, flags: { 'http-port': '9001' } });
    expect([config.httpPort, config.ack]).toEqual([9001, 'memory']);
  });

  test('an empty value is not given', () => {
    const env = { ADCOUNTER_STORE: '', ADCOUNTER_HBASE_ZOOKEEPER: '', ADCOUNTER_READ_KEYS: '' };
    expect(configOf({ env })).toEqual(configOf({}));
  });

  test('a key file holds keys one a line or comma-separated', () => {
    const input: Input = {
      flags: { 'read-keys-file': 'r' },
      readFile: (path) => `${path}:one\r\n\n  two , three\n`,
    };
    expect(configOf(input).readKeys).toEqual(['r:one', 'two', 'three']);
  });

  test('a key file that cannot be read, or keys given twice over, are mistakes', () => {
    const env = { ADCOUNTER_WRITE_KEYS_FILE: '/none', ADCOUNTER_ADMIN_KEYS: 'abc' };
    expect(mistakesOf({ env, flags: { 'admin-keys-file': 'f' } })).toEqual([
      'ADCOUNTER_WRITE_KEYS_FILE="/none" cannot be read (ENOENT)',
      'ADCOUNTER_ADMIN_KEYS and --admin-keys-file are both set: one of them is enough',
    ]);
  });

  test('the name of each setting, its variable and its flag belong together', () => {
    for (const [key, { name }] of Object.entries(settings)) {
      expect(key.replaceAll(/[A-Z]/g, '_$&').toUpperCase()).toBe(name);
    }
    expect(environmentName('FLUSH_SECONDS')).toBe('ADCOUNTER_FLUSH_SECONDS');
    expect(flagName('FLUSH_SECONDS')).toBe('flush-seconds');
    const flags = settingSources().map((source) => source.flag);
    expect(new Set(flags).size).toBe(flags.length);
    expect(flags).toContain('write-keys-file');
  });
});

describe('lists and amounts', () => {
  test('are read with blanks around their items', () => {
    const config = configOf({
      env: {
        ADCOUNTER_HBASE_ZOOKEEPER: 'zk-1:2181, zk-2:2181,[::1]:2181',
        ADCOUNTER_HBASE_HOST_MAP: 'rs-1:16020=127.0.0.1:26020, rs-2:16020=[::1]:26021',
        ADCOUNTER_CORS_ORIGINS: 'https://ads.example.com,http://localhost:3000',
        ADCOUNTER_WRITE_KEYS: 'edge:s3cret, other',
        ADCOUNTER_MEMORY_MAX_BYTES: '512MiB',
        ADCOUNTER_JOURNAL_MAX_BYTES: '1073741824',
      },
    });
    expect(config.store).toBe('hbase');
    expect(config.hbaseZookeeper).toEqual(['zk-1:2181', 'zk-2:2181', '[::1]:2181']);
    expect([...config.hbaseHostMap]).toEqual([
      ['rs-1:16020', { host: '127.0.0.1', port: 26_020 }],
      ['rs-2:16020', { host: '::1', port: 26_021 }],
    ]);
    expect(config.corsOrigins).toEqual(['https://ads.example.com', 'http://localhost:3000']);
    expect(config.writeKeys).toEqual(['edge:s3cret', 'other']);
    expect(config.memoryMaxBytes).toBe(536_870_912);
    expect(config.journalMaxBytes).toBe(1_073_741_824);
  });

  test('the commands ask the port that the service listens on', () => {
    expect(configOf({ flags: { 'http-port': '9090' } }).url).toBe('http://127.0.0.1:9090');
  });
});

describe('mistakes', () => {
  test('are all named at once, each with where it was written', () => {
    const env = {
      ADCOUNTER_FLUSH_SECONDS: '45',
      ADCOUNTER_RETENTION_DAYS: '681',
      ADCOUNTER_ACK: 'disk',
      ADCOUNTER_CORS_ORIGINS: 'https://ok.example,https://not/an/origin',
    };
    expect(mistakesOf({ env, flags: { 'http-port': '65536', url: 'ftp://x' } })).toEqual([
      '--http-port="65536" must be at most 65535',
      'ADCOUNTER_FLUSH_SECONDS="45" must divide 60: 1, 2, 3 … 15, 20, 30, 60',
      'ADCOUNTER_ACK="disk" must be one of memory, journal, store',
      'ADCOUNTER_RETENTION_DAYS="681" must be at most 680',
      expect.stringContaining('must be origins like'),
      '--url="ftp://x" must be a http:// or https:// address',
    ]);
  });

  const wrong: readonly [string, string][] = [
    ['HTTP_HOST', 'a b'],
    ['HTTP_PORT', '-1'],
    ['HTTP_PORT', '80.5'],
    ['HTTP_PORT', '0x50'],
    ['HTTP_PORT', ' 80'],
    ['STORE', 'cassandra'],
    ['DATA_DIR', 'a\0b'],
    ['HBASE_ZOOKEEPER', 'zk'],
    ['HBASE_ZOOKEEPER', 'zk:2181,'],
    ['HBASE_ZNODE', 'hbase'],
    ['HBASE_ZNODE', '/'],
    ['HBASE_TABLE_PREFIX', 'a:b:c'],
    ['HBASE_HOST_MAP', 'a:1=b'],
    ['HBASE_HOST_MAP', 'a:1=b:2=c:3'],
    ['HBASE_SALTS', '0'],
    ['HBASE_SALTS', '257'],
    ['HBASE_USER', 'a b'],
    ['HBASE_DURABILITY', 'skip_wal'],
    ['HBASE_RPC_TIMEOUT_MS', '0'],
    ['FLUSH_SECONDS', '0'],
    ['FLUSH_SECONDS', '120'],
    ['MEMORY_MAX_BYTES', '1GB'],
    ['MEMORY_MAX_BYTES', '1000'],
    ['JOURNAL_MAX_BYTES', '1e9'],
    ['ASIDE_HOURS', 'a day'],
    ['RETENTION_DAYS', '0'],
    ['WRITE_KEYS', 'a,,b'],
    ['WRITE_KEYS', 'name-without-secret:'],
    ['READ_KEYS', 'p@ss:word'],
    ['READ_KEYS', 'name with blanks:secret'],
    ['ADMIN_KEYS', 'same,same'],
    ['CORS_ORIGINS', 'example.com'],
    ['LOG_LEVEL', 'debug'],
    ['DRAIN_DELAY_MS', '30000'],
    ['SHUTDOWN_GRACE_MS', '1'],
    ['URL', 'localhost:8080'],
  ];
  test.each(wrong)('%s=%j is refused and named', (name, value) => {
    const hbase = name.startsWith('HBASE_') ? { ADCOUNTER_HBASE_ZOOKEEPER: 'zk:2181' } : {};
    const mistakes = mistakesOf({ env: { ...hbase, [environmentName(name)]: value } });
    expect(mistakes).toHaveLength(1);
    expect(mistakes[0]).toContain(environmentName(name));
  });

  test('never repeat a secret', () => {
    const env = { ADCOUNTER_WRITE_KEYS: 'hush hush', ADCOUNTER_READ_KEYS: 'hush,hush' };
    const mistakes = mistakesOf({ env });
    expect(mistakes).toHaveLength(2);
    expect(mistakes.join()).not.toContain('hush');
  });
});

describe('the store', () => {
  test('is hbase once ZooKeeper is named, and embedded otherwise', () => {
    expect(configOf({ env: { ADCOUNTER_HBASE_ZOOKEEPER: 'zk:2181' } }).store).toBe('hbase');
    expect(configOf({ env: { ADCOUNTER_STORE: 'embedded' } }).store).toBe('embedded');
  });

  test('embedded together with any setting of HBase is a mistake, each named', () => {
    const env = { ADCOUNTER_HBASE_SALTS: '8', ADCOUNTER_HBASE_USER: 'me' };
    expect(mistakesOf({ env })).toEqual([
      'ADCOUNTER_HBASE_SALTS is set, but the store is embedded: set ADCOUNTER_HBASE_ZOOKEEPER too',
      'ADCOUNTER_HBASE_USER is set, but the store is embedded: set ADCOUNTER_HBASE_ZOOKEEPER too',
    ]);
    const both = { ADCOUNTER_STORE: 'embedded', ADCOUNTER_HBASE_ZOOKEEPER: 'zk:2181' };
    expect(mistakesOf({ env: both })).toEqual([
      'ADCOUNTER_HBASE_ZOOKEEPER is set, but the store is embedded: remove one of the two',
    ]);
  });

  test('hbase without ZooKeeper is a mistake, but not for a command that opens no store', () => {
    const env = { ADCOUNTER_STORE: 'hbase' };
    expect(mistakesOf({ env })).toEqual([
      'ADCOUNTER_HBASE_ZOOKEEPER is missing: the store is hbase',
    ]);
    expect(mistakesOf({ env, storeOpened: false })).toEqual([]);
    expect(mistakesOf({ flags: { 'hbase-salts': '4' }, storeOpened: false })).toEqual([]);
  });
});

describe('a variable that nobody knows', () => {
  test('warns, but not what Kubernetes injects for a service of our name', () => {
    const env = {
      ADCOUNTER_FLUSH_SECOND: '30',
      ADCOUNTER_PORT: 'tcp://10.0.0.1:8080',
      ADCOUNTER_PORT_8080_TCP_ADDR: '10.0.0.1',
      ADCOUNTER_SERVICE_HOST: '10.0.0.1',
      ADCOUNTER_WRITE_KEYS_FILE: '',
      PATH: '/bin',
    };
    const loaded = load({ env });
    expect('warnings' in loaded ? loaded.warnings : undefined).toEqual([
      'ADCOUNTER_FLUSH_SECOND is not a setting of adcounter and does nothing',
    ]);
  });
});
