// The way to the servers of HBase: names that lead nowhere, ports where nobody is, users that are
// refused; and the host map, which is the cure and has mistakes of its own.
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import net from 'node:net';
import { setTimeout as sleep } from 'node:timers/promises';
import { afterEach, describe, expect, test } from '@jest/globals';
import type { Check } from '../../src/doctor/check.ts';
import { checkServers } from '../../src/doctor/servers.ts';
import { Diagnosis } from '../../src/hbase/diagnosis.ts';
import { systemClock } from '../../src/model/clock.ts';
import { configOf, failing, fakeCluster, findings, of } from './fake-cluster.ts';
import type { FakeCluster, Situation } from './fake-cluster.ts';

let cluster: FakeCluster | null = null;

afterEach(async () => {
  await cluster?.close();
  cluster = null;
});

async function look(
  changes: Partial<Situation>,
  hostMap: (cluster: FakeCluster) => string = () => '',
): Promise<readonly Check[]> {
  cluster = await fakeCluster(changes);
  const map = hostMap(cluster);
  const flags = map === '' ? {} : { 'hbase-host-map': map };
  return await findings(`127.0.0.1:${cluster.zookeeper.port}`, flags);
}

const skippedBehind = ['regions', 'table', 'layout', 'versions'] as const;

describe('a name that does not resolve from here', () => {
  test('is named with where it came from, and the line that helps, which helps', async () => {
    const checks = await look({ hosts: ['rs-7f3a.invalid'] });
    const check = of(checks, 'region-server');
    const port = cluster?.server.port ?? 0;
    expect(check).toMatchObject({ outcome: 'fail', subject: `rs-7f3a.invalid:${port}` });
    expect(check.seen).toMatch(/^the name does not resolve \(\w+\)$/);
    expect(check.cause).toContain('HBase registered under this name in ZooKeeper');
    const [, line = '', ...others] = check.fix;
    expect(line).toBe(`ADCOUNTER_HBASE_HOST_MAP=rs-7f3a.invalid:${port}=127.0.0.1:${port}`);
    expect(others.join(' ')).toContain('hbase.regionserver.hostname in hbase-site.xml');
    expect(others.join(' ')).toContain('docker run --hostname');
    expect(others.join(' ')).toContain('extra_hosts: ["rs-7f3a.invalid:127.0.0.1"]');
    for (const name of skippedBehind) expect(of(checks, name).outcome).toBe('skipped');
    expect(of(checks, 'cluster').outcome).toBe('ok');

    const flags = { 'hbase-host-map': line.slice(line.indexOf('=') + 1) };
    const cured = await findings(`127.0.0.1:${cluster?.zookeeper.port}`, flags);
    expect(failing(cured)).toEqual([]);
    expect(of(cured, 'region-server').seen).toContain(`mapped to 127.0.0.1:${port}`);
    expect(of(cured, 'host-map').outcome).toBe('ok');
  }, 30_000);

  test.each([
    ['0123456789ab', 'the id of a container'],
    ['hbase-regionserver-1', 'a short name like this'],
    ['rs-0.hbase.default.svc.cluster.local', 'a name of Kubernetes'],
  ])(
    '%s is known for what it is',
    async (host, cause) => {
      const checks = await look({ hosts: [host] });
      expect(of(checks, 'region-server').cause).toContain(cause);
    },
    30_000,
  );

  test('one line maps all that fail, and keeps what is mapped', async () => {
    const checks = await look({ hosts: ['a.invalid', 'b.invalid', 'c.invalid'] }, ({ server }) => {
      return `a.invalid:${server.port}=127.0.0.1:${server.port}`;
    });
    const servers = checks.filter(({ check }) => check === 'region-server');
    expect(servers.map(({ outcome }) => outcome)).toEqual(['ok', 'fail', 'fail']);
    const port = cluster?.server.port ?? 0;
    const line =
      `ADCOUNTER_HBASE_HOST_MAP=a.invalid:${port}=127.0.0.1:${port},` +
      `b.invalid:${port}=<address-of-b.invalid>:${port},` +
      `c.invalid:${port}=<address-of-c.invalid>:${port}`;
    for (const { fix } of servers.slice(1)) expect(fix).toContain(line);
  }, 30_000);
});

describe('an address that does not answer', () => {
  test('refused: nobody listens, and the entry of the host map is to be corrected', async () => {
    const checks = await look({}, ({ server }) => `localhost:${server.port}=127.0.0.1:9`);
    const check = of(checks, 'region-server');
    expect(check.seen).toBe('mapped to 127.0.0.1:9, 127.0.0.1 refuses the connection');
    expect(check.cause).toContain('nobody listens on that port');
    expect(check.fix.join()).toContain('Correct the entry');
    expect(of(checks, 'cluster').outcome).toBe('skipped');
    expect(of(checks, 'clock').outcome).toBe('skipped');
  });

  test('dark: given up in time, and told apart from refused', async () => {
    // Stopped, with its backlog full: a new connection is neither taken nor refused.
    const program = `const s = require('net').createServer();
      s.listen({ port: 0, host: '127.0.0.1', backlog: 1 }, () => console.log(s.address().port))`;
    const child = spawn(process.execPath, ['-e', program]);
    const [printed] = (await once(child.stdout, 'data')) as [Buffer];
    child.kill('SIGSTOP');
    const port = Number(printed.toString());
    const fill = Array.from({ length: 4 }, () => net.connect(port, '127.0.0.1'));
    await sleep(200);
    const startMs = performance.now();
    const checks = await look({}, ({ server }) => `localhost:${server.port}=127.0.0.1:${port}`);
    const check = of(checks, 'region-server');
    expect(performance.now() - startMs).toBeLessThan(30_000);
    for (const socket of fill) socket.destroy();
    child.kill('SIGKILL');
    await once(child, 'exit');
    expect(check.seen).toContain('does not answer (TIMEOUT)');
    expect(check.cause).toContain('firewall');
  }, 60_000);

  test('a web server in its place is told as no HBase', async () => {
    const web = net.createServer((socket) => {
      socket.on('error', () => undefined).resume();
      socket.end('HTTP/1.1 400 Bad Request\r\n\r\n');
    });
    web.listen(0, '127.0.0.1');
    await once(web, 'listening');
    const { port } = web.address() as net.AddressInfo;
    const checks = await look({}, ({ server }) => `localhost:${server.port}=127.0.0.1:${port}`);
    web.close();
    expect(of(checks, 'region-server')).toMatchObject({ outcome: 'fail' });
    expect(of(checks, 'region-server').cause).toContain('no HBase of version 2');
  });

  test('one that takes calls and answers none is paused', async () => {
    cluster = await fakeCluster();
    cluster.server.handler = () => undefined;
    const flags = { 'hbase-rpc-timeout-ms': '300' };
    const checks = await findings(`127.0.0.1:${cluster.zookeeper.port}`, flags);
    expect(of(checks, 'region-server').cause).toContain('paused or overloaded');
  });
});

describe('what else is told of servers', () => {
  test('a name that leads to this machine, while ZooKeeper is elsewhere, is a warning', async () => {
    cluster = await fakeCluster();
    const address = { host: 'localhost', port: cluster.server.port };
    const fullName = `localhost,${address.port},1`;
    const znodes = {
      master: null,
      metaServer: address,
      regionServers: [{ address, fullName, version: '2.6.4' }],
    };
    const config = configOf({ 'hbase-zookeeper': 'zk-1.example.com:2181' });
    const diagnosis = new Diagnosis({ user: 'x', hostMap: new Map(), callMs: 5_000 });
    const { checks } = await checkServers({ config, clock: systemClock }, znodes, diagnosis);
    diagnosis.close();
    expect(checks).toHaveLength(1);
    expect(checks[0]).toMatchObject({ outcome: 'warn' });
    expect(checks[0]?.cause).toContain('registered under localhost');
    expect(checks[0]?.fix.join()).toContain('hbase.regionserver.hostname');
  });

  test('a user that is refused: Kerberos', async () => {
    const refusal = 'org.apache.hadoop.hbase.security.AccessDeniedException';
    const check = of(await look({ refusal }), 'region-server');
    expect(check.outcome).toBe('fail');
    expect(check.cause).toContain('Kerberos');
  });

  test('an entry of the host map that is of no server is a warning with the names', async () => {
    const checks = await look({}, () => 'rs1:16020=127.0.0.1:16020');
    const check = of(checks, 'host-map');
    expect(check).toMatchObject({ outcome: 'warn', seen: 'no server registered as rs1:16020' });
    expect(check.fix.join()).toContain(`Registered: localhost:${cluster?.server.port}`);
    expect(failing(checks)).toEqual([]);
  });

  test('two region servers that the host map sends to one place are a warning', async () => {
    const hosts = ['a.invalid', 'b.invalid'];
    const checks = await look({ hosts }, ({ server: { port } }) =>
      hosts.map((host) => `${host}:${port}=127.0.0.1:${port}`).join(','),
    );
    const check = of(checks, 'host-map');
    expect(check.outcome).toBe('warn');
    expect(check.seen).toMatch(/^a\.invalid:\d+ and b\.invalid:\d+ lead to one place/);
  });

  test('a server that stopped on this machine is called so, and no name is to be mapped', async () => {
    cluster = await fakeCluster({});
    await cluster.server.close();
    const checks = await findings(`127.0.0.1:${cluster.zookeeper.port}`, {});
    const check = of(checks, 'region-server');
    expect(check.outcome).toBe('fail');
    expect(check.cause).toContain('the process has stopped');
    expect(check.fix.join()).not.toContain('HOST_MAP');
  });

  test('a server that died, and another version than 2, are warnings', async () => {
    const died = of(await look({ dead: ['rs-9'] }), 'cluster');
    expect(died.outcome).toBe('warn');
    expect(died.seen).toMatch(/dead: rs-9,/);
    await cluster?.close();
    expect(of(await look({ version: '3.0.0' }), 'cluster').outcome).toBe('warn');
  });
});
