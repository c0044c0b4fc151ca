// Owns what an HBase of several processes over HDFS is told: which processes, and their files
// under one folder. Loopback only, small, and quick to notice that one of them is gone.
// Never starts anything.
import { mkdirSync } from 'node:fs';
import path from 'node:path';
import { sharedSettings, writeSettings } from './conf.ts';
import type { SiteSettings } from './conf.ts';
import type { Ports } from './ports.ts';

/** In the order in which they start. */
export const processNames = ['zookeeper', 'namenode', 'datanode', 'master', 'rs1', 'rs2'] as const;
export type ProcessName = (typeof processNames)[number];

/** Of each process the port that others know it by, and those that HDFS wants besides. */
export const clusterPorts = [...processNames, 'datanodeIpc'] as const;
export type ClusterPorts = Ports<(typeof clusterPorts)[number]>;

/** What a process is beside its name. */
export interface Role {
  readonly mainClass: string;
  readonly flags: readonly string[];
  readonly heapMiB: number;
}

// These do little here: compiling them well would cost more than it gains.
const light = ['-XX:TieredStopAtLevel=1'];
const hdfsServer = 'org.apache.hadoop.hdfs.server';
const regionServer: Role = {
  mainClass: 'org.apache.hadoop.hbase.regionserver.HRegionServer',
  flags: [],
  heapMiB: 768,
};

export const roles: Readonly<Record<ProcessName, Role>> = {
  zookeeper: {
    mainClass: 'org.apache.hadoop.hbase.zookeeper.HQuorumPeer',
    // Else ZooKeeper opens pages for administrators on every interface.
    flags: [...light, '-Dzookeeper.admin.enableServer=false'],
    heapMiB: 64,
  },
  namenode: { mainClass: `${hdfsServer}.namenode.NameNode`, flags: light, heapMiB: 192 },
  datanode: { mainClass: `${hdfsServer}.datanode.DataNode`, flags: light, heapMiB: 192 },
  master: { mainClass: 'org.apache.hadoop.hbase.master.HMaster', flags: light, heapMiB: 384 },
  rs1: regionServer,
  rs2: regionServer,
};

export function argumentsOf(name: ProcessName, ports: ClusterPorts): readonly string[] {
  if (name === 'namenode' || name === 'datanode') return [];
  // After the class name: as a flag of the JVM it would be ignored.
  const own = name === 'rs1' || name === 'rs2';
  return own ? [`-Dhbase.regionserver.port=${ports[name]}`, 'start'] : ['start'];
}

export function writeClusterConf(folder: string, ports: ClusterPorts, more: SiteSettings): void {
  // NameNode and DataNode look for their pages on the class path and end without them.
  for (const name of ['hdfs', 'datanode']) {
    mkdirSync(path.join(folder, 'conf', 'webapps', name, 'WEB-INF'), { recursive: true });
  }
  const settings = { ...hdfsSettings(folder, ports), ...hbaseSettings(folder, ports), ...more };
  writeSettings(folder, ['core-site.xml', 'hdfs-site.xml', 'hbase-site.xml'], settings);
}

export function nameFolder(folder: string): string {
  return path.join(folder, 'data', 'namenode');
}

function hdfsSettings(folder: string, ports: ClusterPorts): SiteSettings {
  return {
    'fs.defaultFS': `hdfs://127.0.0.1:${ports.namenode}`,
    'hadoop.tmp.dir': path.join(folder, 'data', 'tmp'),
    'dfs.namenode.name.dir': `file://${nameFolder(folder)}`,
    'dfs.datanode.data.dir': `file://${path.join(folder, 'data', 'datanode')}`,
    'dfs.replication': '1',
    'dfs.namenode.http-address': '127.0.0.1:0',
    'dfs.namenode.rpc-bind-host': '127.0.0.1',
    'dfs.datanode.address': `127.0.0.1:${ports.datanode}`,
    'dfs.datanode.ipc.address': `127.0.0.1:${ports.datanodeIpc}`,
    'dfs.datanode.http.address': '127.0.0.1:0',
    'dfs.datanode.hostname': '127.0.0.1',
    'dfs.namenode.datanode.registration.ip-hostname-check': 'false',
    'dfs.permissions.enabled': 'false',
    'dfs.namenode.safemode.extension': '0',
    'dfs.heartbeat.interval': '1',
    // Not a whole reserve for a disk that also holds other things.
    'dfs.datanode.du.reserved': '0',
    'dfs.namenode.handler.count': '8',
  };
}

function hbaseSettings(folder: string, ports: ClusterPorts): SiteSettings {
  return {
    ...sharedSettings,
    'hbase.cluster.distributed': 'true',
    'hbase.rootdir': `hdfs://127.0.0.1:${ports.namenode}/hbase`,
    'hbase.tmp.dir': path.join(folder, 'data', 'tmp'),
    'hbase.zookeeper.property.dataDir': path.join(folder, 'data', 'zookeeper'),
    'hbase.zookeeper.property.clientPort': String(ports.zookeeper),
    // A server that was killed or paused is given up after 6 s.
    'hbase.zookeeper.property.tickTime': '1000',
    'zookeeper.session.timeout': '6000',
    'hbase.zookeeper.property.maxClientCnxns': '1000',
    'hbase.master.port': String(ports.master),
    // Both at the first start; a master that starts again while one is gone does not wait for it.
    'hbase.master.wait.on.regionservers.mintostart': '1',
    'hbase.master.wait.on.regionservers.maxtostart': '2',
    // The log of a killed server is free again within a second, not within four.
    'hbase.lease.recovery.first.pause': '500',
    // Regions stay where they were put: whoever moves them wants to know where they are.
    'hbase.balancer.period': '86400000',
    'hbase.regionserver.handler.count': '16',
  };
}
