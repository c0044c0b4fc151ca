// A connection to ZooKeeper that was lost in the middle of a question was taken for its answer: the
// path is not there. So a master that was only slow was left as one that is gone.
import { once } from 'node:events';
import net from 'node:net';
import { afterEach, beforeEach, expect, test } from '@jest/globals';
import { Deadline } from '../../src/hbase/deadline.ts';
import { ZooKeeperDiscovery } from '../../src/hbase/discovery.ts';
import { Presence } from '../../src/hbase/presence.ts';

const noNode = -101;
const master = { host: 'master', port: 16_000 };
let server: net.Server;
let discovery: ZooKeeperDiscovery;
/** What follows the hello: an error of ZooKeeper's, or the end of the connection. */
let errorCode: number | null;

beforeEach(async () => {
  server = net.createServer((socket) => {
    socket.on('error', () => undefined);
    socket.once('data', () => {
      socket.write(hello());
      socket.once('data', (request) => {
        if (errorCode === null) socket.destroy();
        else socket.write(failed(request.readInt32BE(4), errorCode));
      });
    });
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { port } = server.address() as net.AddressInfo;
  discovery = new ZooKeeperDiscovery({ quorum: `127.0.0.1:${port}`, znode: '/hbase' });
});
afterEach(async () => {
  discovery.close();
  server.close();
  await once(server, 'close');
});

/** length · version · time-out · session · password of 16 bytes */
function hello(): Buffer {
  const bytes = Buffer.alloc(4 + 36);
  bytes.writeInt32BE(36, 0);
  bytes.writeInt32BE(4_000, 8);
  bytes.writeInt32BE(16, 20);
  return bytes;
}

/** length · xid · zxid · error */
function failed(xid: number, error: number): Buffer {
  const bytes = Buffer.alloc(4 + 16);
  bytes.writeInt32BE(16, 0);
  bytes.writeInt32BE(xid, 4);
  bytes.writeInt32BE(error, 16);
  return bytes;
}

test.each([
  ['a cut connection', null, 'STORE_ZOOKEEPER_UNREACHABLE', false],
  ['no such path', noNode, 'STORE_NOT_READY', true],
])('after %s ZooKeeper has said that much and no more', async (_what, code, said, isGone) => {
  errorCode = code;
  const question = discovery.master(new Deadline({ timeoutMs: 5_000 }));
  await expect(question).rejects.toMatchObject({ code: said });
  expect(await new Presence(discovery).isGone(master, 'MasterService')).toBe(isGone);
});
