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

/** What a process is beside its name; `port` is said after the class name, or it is ignored. */
export interface Role {
  readonly mainClass: string;
  readonly flags: readonly string[];
  readonly args: readonly string[];
  readonly heapMiB: number;
}

export function roleOf(name: ProcessName, ports: ClusterPorts): Role {
  const hbase = 'org.apache.hadoop.hbase';
  const hdfs = 'org.apache.hadoop.hdfs.server';
  // These run for short and do little: compiling them well would cost more than it gains.
  const light = ['-XX:TieredStopAtLevel=1'];
  switch (name) {
    case 'zookeeper': {
      // Else ZooKeeper opens pages for administrators on every interface.
      const flags = [...light, '-Dzookeeper.admin.enableServer=false'];
      return { mainClass: `${hbase}.zookeeper.HQuorumPeer`, flags, args: ['start'], heapMiB: 64 };
    }
    case 'namenode':
      return { mainClass: `${hdfs}.namenode.NameNode`, flags: light, args: [], heapMiB: 192 };
    case 'datanode':
      return { mainClass: `${hdfs}.datanode.DataNode`, flags: light, args: [], heapMiB: 192 };
    case 'master': {
      const mainClass = `${hbase}.master.HMaster`;
      return { mainClass, flags: light, args: ['start'], heapMiB: 384 };
    }
    case 'rs1':
    case 'rs2': {
      const args = [`-Dhbase.regionserver.port=${ports[name]}`, 'start'];
      return { mainClass: `${hbase}.regionserver.HRegionServer`, flags: [], args, heapMiB: 768 };
    }
  }
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
