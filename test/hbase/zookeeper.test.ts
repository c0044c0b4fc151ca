// What listens where ZooKeeper should be may be another service, or nobody at all.
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import net from 'node:net';
import { setTimeout as sleep } from 'node:timers/promises';
import { describe, expect, jest, test } from '@jest/globals';
import { HBaseClient } from '../../src/hbase/hbase-client.ts';
import { hbaseZooKeeperAttemptMsMax } from '../../src/limits.ts';
import { until } from '../support/until.ts';
import { clientOptions } from './client-options.ts';

describe('in place of a ZooKeeper', () => {
  test.each([
    ['a negative length', Buffer.alloc(40, 0xff)],
    ['a frame of nothing', Buffer.alloc(40)],
    ['a frame too short for its kind', Buffer.from([0, 0, 0, 2, 1, 2])],
    ['a web server', Buffer.from('HTTP/1.1 400 Bad Request\r\n\r\n')],
  ])('%s fails the call, not the process', async (_what, bytes) => {
    const thrown: unknown[] = [];
    const onThrown = (error: unknown): number => thrown.push(error);
    process.on('uncaughtException', onThrown);
    const server = net.createServer((socket) => {
      socket.on('error', () => undefined).resume();
      socket.write(bytes);
    });
    server.listen(0, '127.0.0.1');
    await once(server, 'listening');
    const { port } = server.address() as net.AddressInfo;
    const client = new HBaseClient(clientOptions(`127.0.0.1:${port}`));
    await expect(client.nowMs({ timeoutMs: 400 })).rejects.toMatchObject({ remedy: 'retry' });
    client.close();
    server.close();
    await once(server, 'close'); // every socket has ended
    process.off('uncaughtException', onThrown);
    expect(thrown).toEqual([]);
  });

  test('one that refuses the session leaves no timer behind', async () => {
    const refusal = Buffer.alloc(4 + 36); // version, time-out 0, id, password of 16 bytes
    refusal.writeInt32BE(36, 0);
    refusal.writeInt32BE(16, 20);
    const server = net.createServer((socket) => {
      socket.on('error', () => undefined).once('data', () => socket.write(refusal));
    });
    server.listen(0, '127.0.0.1');
    await once(server, 'listening');
    const { port } = server.address() as net.AddressInfo;
    const timers = jest.spyOn(globalThis, 'setTimeout');
    const client = new HBaseClient(clientOptions(`127.0.0.1:${port}`));
    await expect(client.nowMs({ timeoutMs: 400 })).rejects.toMatchObject({ remedy: 'retry' });
    client.close();
    server.close();
    await once(server, 'close');
    const longest = Math.max(...timers.mock.calls.map(([, ms]) => ms ?? 0));
    timers.mockRestore();
    expect(longest).toBeLessThanOrEqual(hbaseZooKeeperAttemptMsMax);
  });

  test('a host that never answers keeps no socket after close', async () => {
    // Stopped, with its backlog full: a new connection is neither taken nor refused.
    const program = `const s = require('net').createServer();
      s.listen({ port: 0, host: '127.0.0.1', backlog: 1 }, () => console.log(s.address().port))`;
    const child = spawn(process.execPath, ['-e', program]);
    const [printed] = (await once(child.stdout, 'data')) as [Buffer];
    child.kill('SIGSTOP');
    const port = Number(printed.toString());
    const fill = Array.from({ length: 4 }, () => net.connect(port, '127.0.0.1'));
    await sleep(200);
    expect(fill.at(-1)?.connecting).toBe(true);
    const before = connecting();
    const client = new HBaseClient(clientOptions(`127.0.0.1:${port}`));
    await expect(client.nowMs({ timeoutMs: 300 })).rejects.toMatchObject({ remedy: 'retry' });
    expect(connecting()).toBe(before + 1);
    client.close();
    await until(() => connecting() === before, 5_000);
    for (const socket of fill) socket.destroy();
    child.kill('SIGKILL');
    await once(child, 'exit');
  });

  test('one that comes back after close is not spoken to any more', async () => {
    const server = net.createServer();
    server.listen(0, '127.0.0.1');
    await once(server, 'listening');
    const { port } = server.address() as net.AddressInfo;
    server.close();
    await once(server, 'close');
    const clients = Array.from(
      { length: 20 },
      () => new HBaseClient(clientOptions(`127.0.0.1:${port}`)),
    );
    const calls = clients.map(
      async (client) => await client.nowMs({ timeoutMs: 250 }).catch(() => undefined),
    );
    await Promise.all(calls);
    let connections = 0;
    server.on('connection', (socket) => {
      connections++;
      socket.destroy();
    });
    for (const client of clients) client.close();
    server.listen(port, '127.0.0.1');
    await sleep(200);
    server.close();
    expect(connections).toBe(0);
  });
});

function connecting(): number {
  return process.getActiveResourcesInfo().filter((name) => name === 'ConnectWrap').length;
}
