// Owns what a standalone HBase for tests and trials is told: its files under one folder.
// What a cluster is told is in conf-cluster.ts.
// Loopback only, and as durable on a local disk as HBase can be (docs/hbase-measured.md).
// Never starts anything.
import { mkdirSync, writeFileSync } from 'node:fs';
import path from 'node:path';

import type { Ports } from './ports.ts';

const defaultVersion = '2.6.4-hadoop3';

/** TEST_HBASE_VERSION names another one, as Maven knows it. */
export function hbaseVersion(): string {
  const named = process.env['TEST_HBASE_VERSION'];
  return named === undefined || named === '' ? defaultVersion : named;
}

export const standalonePorts = ['zookeeper', 'master', 'regionServer'] as const;
export type StandalonePorts = Ports<(typeof standalonePorts)[number]>;

export type SiteSettings = Readonly<Record<string, string>>;

export interface ConfOptions {
  readonly folder: string;
  readonly ports: StandalonePorts;
  /** More than one: they take free ports of their own, and regions can move. */
  readonly regionServers: number;
  readonly more: SiteSettings;
}

export function writeConf({ folder, ports, regionServers, more }: ConfOptions): void {
  const settings = { ...site(folder, ports, regionServers), ...more };
  writeSettings(folder, ['hbase-site.xml'], settings);
}

export function writeSettings(
  folder: string,
  files: readonly string[],
  settings: SiteSettings,
): void {
  const conf = path.join(folder, 'conf');
  mkdirSync(conf, { recursive: true });
  for (const file of files) writeFileSync(path.join(conf, file), siteXml(settings));
  writeFileSync(path.join(conf, 'log4j.properties'), log4j);
}

export function pom(version: string): string {
  return `<project xmlns="http://maven.apache.org/POM/4.0.0">
  <modelVersion>4.0.0</modelVersion>
  <groupId>adcounter</groupId>
  <artifactId>hbase-jars</artifactId>
  <version>1</version>
  <dependencies>
    <dependency>
      <groupId>org.apache.hbase</groupId>
      <artifactId>hbase-server</artifactId>
      <version>${version}</version>
    </dependency>
  </dependencies>
</project>
`;
}

/** What HBase 2 and Hadoop 3 need of a JVM of 17. */
export const jvmFlags: readonly string[] = [
  '--add-modules',
  'jdk.unsupported',
  ...[
    'java.nio',
    'sun.nio.ch',
    'java.lang',
    'jdk.internal.ref',
    'java.lang.reflect',
    'java.util',
    'java.util.concurrent',
  ].flatMap((name) => ['--add-opens', `java.base/${name}=ALL-UNNAMED`]),
  '--add-exports',
  'java.base/jdk.internal.misc=ALL-UNNAMED',
  '--add-exports',
  'java.security.jgss/sun.security.krb5=ALL-UNNAMED',
  '-Djava.net.preferIPv4Stack=true',
];

/** Of both forms: loopback only, no pages, and quick to hear of what happens. */
export const sharedSettings: SiteSettings = {
  'hbase.zookeeper.property.clientPortAddress': '127.0.0.1',
  'hbase.zookeeper.quorum': '127.0.0.1',
  'hbase.master.ipc.address': '127.0.0.1',
  'hbase.regionserver.ipc.address': '127.0.0.1',
  'hbase.master.hostname': 'localhost',
  'hbase.regionserver.hostname': 'localhost',
  'hbase.master.info.port': '-1',
  'hbase.regionserver.info.port': '-1',
  'hbase.master.wait.on.regionservers.interval': '100',
  'hbase.regionserver.msginterval': '500',
  // A region that was split can be split again, or merged, once what it was split from is away.
  'hbase.hfile.compaction.discharger.interval': '1000',
};

function site(folder: string, ports: StandalonePorts, regionServers: number): SiteSettings {
  return {
    ...sharedSettings,
    'hbase.cluster.distributed': 'false',
    'hbase.rootdir': `file://${path.join(folder, 'data', 'hbase')}`,
    'hbase.tmp.dir': path.join(folder, 'data', 'tmp'),
    'hbase.zookeeper.property.dataDir': path.join(folder, 'data', 'zookeeper'),
    'hbase.zookeeper.property.clientPort': String(ports.zookeeper),
    'hbase.master.port': String(ports.master),
    'hbase.regionservers': String(regionServers),
    'hbase.regionserver.port': String(regionServers > 1 ? 0 : ports.regionServer),
    // An acknowledged put survives kill -9: a WAL that cannot be flushed is refused at start.
    'fs.file.impl': 'org.apache.hadoop.fs.RawLocalFileSystem',
    'hbase.wal.provider': 'filesystem',
    'hbase.unsafe.stream.capability.enforce': 'true',
    // The number of servers is known, so the master need not wait for more of them.
    'hbase.master.wait.on.regionservers.mintostart': String(regionServers),
    'hbase.master.wait.on.regionservers.maxtostart': String(regionServers),
  };
}

function siteXml(settings: SiteSettings): string {
  const properties = Object.entries(settings).map(
    ([name, value]) =>
      `  <property>\n    <name>${name}</name>\n    <value>${value}</value>\n  </property>\n`,
  );
  return `<?xml version="1.0"?>\n<configuration>\n${properties.join('')}</configuration>\n`;
}

const log4j = `log4j.rootLogger=INFO,console
log4j.appender.console=org.apache.log4j.ConsoleAppender
log4j.appender.console.target=System.out
log4j.appender.console.layout=org.apache.log4j.PatternLayout
log4j.appender.console.layout.ConversionPattern=%d{ISO8601} %-5p [%t] %c{2}: %m%n
log4j.logger.org.apache.zookeeper=WARN
log4j.logger.org.apache.hadoop.metrics2=ERROR
log4j.logger.org.apache.hadoop.hdfs.server.datanode.DataNode.clienttrace=WARN
log4j.logger.BlockStateChange=WARN
`;
