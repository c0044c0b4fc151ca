// The way to ZooKeeper: what listens in its place, and what HBase keeps there, or does not.
import { once } from 'node:events';
import net from 'node:net';
import { afterEach, describe, expect, test } from '@jest/globals';
import { failing, fakeCluster, findings, of } from './fake-cluster.ts';
import { clusterNodes, fakeZooKeeper, serverName } from './fake-zookeeper.ts';

let open: { close(): unknown }[] = [];

afterEach(async () => {
  for (const each of open) await each.close();
  open = [];
});

function kept<T extends { close(): unknown }>(each: T): T {
  open.push(each);
  return each;
}

async function listening(greet: (socket: net.Socket) => void): Promise<number> {
  const sockets = new Set<net.Socket>();
  const server = net.createServer((socket) => {
    sockets.add(socket);
    socket.on('error', () => undefined).resume();
    greet(socket);
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  open.push({
    close: () => {
      for (const socket of sockets) socket.destroy();
      server.close();
    },
  });
  return (server.address() as net.AddressInfo).port;
}

describe('in place of a ZooKeeper', () => {
  test.each([
    ['a web server', 'HTTP/1.1 400 Bad Request\r\n\r\n', 'answers "HTTP/1.1 400 Bad Request"'],
    ['bytes that are no text', Buffer.alloc(40, 0xff), 'it is no ZooKeeper'],
    ['a frame that is no greeting', Buffer.from([0, 0, 0, 2, 1, 2]), 'it is no ZooKeeper'],
    ['half a frame and an end', Buffer.from([0, 0, 0, 40, 1, 2]), 'it is no ZooKeeper'],
  ])('%s is told as what it is, and all that depends on it is skipped', async (_, said, seen) => {
    const port = await listening((socket) => socket.end(said));
    const checks = await findings(`127.0.0.1:${port}`);
    expect(of(checks, 'zookeeper')).toMatchObject({ outcome: 'fail' });
    expect(of(checks, 'zookeeper').seen).toContain(seen);
    expect(failing(checks)).toEqual(['zookeeper']);
    for (const name of ['znode', 'master', 'region-server', 'clock', 'table', 'layout'] as const) {
      expect(of(checks, name).outcome).toBe('skipped');
    }
  });

  test('one that closes at once has no quorum, and the fix says to look there', async () => {
    const port = await listening((socket) => socket.end());
    const { seen, cause } = of(await findings(`127.0.0.1:${port}`), 'zookeeper');
    expect(seen).toBe('it closes the connection without a session');
    expect(cause).toContain('majority');
  });

  test('one that says nothing is given up in time', async () => {
    const port = await listening(() => undefined);
    const startMs = performance.now();
    const { seen } = of(await findings(`127.0.0.1:${port}`), 'zookeeper');
    expect(seen).toBe('it accepts the connection and says nothing');
    expect(performance.now() - startMs).toBeLessThan(20_000);
  }, 30_000);

  test('what takes longer than all may take is given up, and says so once', async () => {
    const port = await listening(() => undefined);
    const checks = await findings(`127.0.0.1:${port}`, {}, { totalMs: 1_000 });
    expect(checks.map(({ check }) => check)).toEqual(['settings', 'data-dir', 'time-limit']);
    expect(of(checks, 'time-limit')).toMatchObject({ outcome: 'fail' });
    expect(of(checks, 'time-limit').seen).toContain('given up after 1 s');
  }, 30_000);

  test('nobody, and a name that does not resolve', async () => {
    const checks = await findings('127.0.0.1:9,zk-1.invalid:2181');
    const [refused, unresolved] = checks.filter(({ check }) => check === 'zookeeper');
    expect(refused).toMatchObject({ outcome: 'fail', subject: '127.0.0.1:9' });
    expect(refused?.seen).toBe('127.0.0.1 refuses the connection');
    expect(unresolved?.seen).toContain('its name does not resolve');
  }, 20_000);
});

describe('a quorum', () => {
  test('is a warning where one of its servers does not answer', async () => {
    const cluster = kept(await fakeCluster());
    const checks = await findings(`127.0.0.1:9,127.0.0.1:${cluster.zookeeper.port}`);
    const hosts = checks.filter(({ check }) => check === 'zookeeper');
    expect(hosts.map(({ outcome }) => outcome)).toEqual(['warn', 'ok']);
    expect(hosts[0]?.fix).not.toEqual([]);
    expect(failing(checks)).toEqual([]);
  });
});

describe('what HBase keeps there', () => {
  const at = serverName('localhost', 1, 1);

  test('a wrong znode names the one that was meant, as a line to copy', async () => {
    const { zookeeper } = kept(await fakeCluster({}, '/hbase-unsecure'));
    const checks = await findings(`127.0.0.1:${zookeeper.port}`);
    expect(of(checks, 'znode')).toMatchObject({
      outcome: 'fail',
      subject: '/hbase',
      fix: ['ADCOUNTER_HBASE_ZNODE=/hbase-unsecure'],
    });
    expect(of(checks, 'region-server').outcome).toBe('skipped');
    const [line = ''] = of(checks, 'znode').fix;
    const flags = { 'hbase-znode': line.slice(line.indexOf('=') + 1) };
    expect(failing(await findings(`127.0.0.1:${zookeeper.port}`, flags))).toEqual([]);
  });

  test('a ZooKeeper without any HBase says that', async () => {
    const { port } = kept(await fakeZooKeeper(new Map([['/zookeeper/quota', Buffer.alloc(0)]])));
    const { seen, cause } = of(await findings(`127.0.0.1:${port}`), 'znode');
    expect(seen).toContain('nor another one of HBase');
    expect(cause).toContain('never started');
  });

  test('a cluster without master and servers is named as such', async () => {
    const nodes = clusterNodes('/hbase', { master: at, meta: at, regionServers: [] });
    nodes.delete('/hbase/master');
    const { port } = kept(await fakeZooKeeper(nodes));
    const checks = await findings(`127.0.0.1:${port}`);
    expect(of(checks, 'znode')).toMatchObject({ outcome: 'fail' });
    expect(of(checks, 'znode').seen).toBe('no active master, no region server registered');
    expect(of(checks, 'cluster').outcome).toBe('skipped');
  });

  test('znodes that may not be read speak of Kerberos', async () => {
    const nodes = clusterNodes('/hbase', { master: at, meta: at, regionServers: [at] });
    const { port } = kept(await fakeZooKeeper(nodes, { forbidden: true }));
    expect(of(await findings(`127.0.0.1:${port}`), 'znode').cause).toContain('Kerberos');
  });
});
