// A ZooKeeper that holds what a test gives it: sessions, data and children, nothing is ever
// watched or written. Speaks to the doctor and to the client's package alike.
import net from 'node:net';
import { messages } from '../../src/hbase/messages.ts';

export interface FakeZooKeeper {
  readonly port: number;
  close(): Promise<void>;
}

/** By path; the folders above a path are there too. */
export async function fakeZooKeeper(
  nodes: ReadonlyMap<string, Buffer>,
  options: { readonly forbidden?: boolean } = {},
): Promise<FakeZooKeeper> {
  const sockets = new Set<net.Socket>();
  const server = net.createServer((socket) => {
    sockets.add(socket);
    socket.on('error', () => undefined).on('close', () => sockets.delete(socket));
    let received = Buffer.alloc(0);
    let greeted = false;
    socket.on('data', (chunk: Buffer) => {
      received = Buffer.concat([received, chunk]);
      while (received.length >= 4 && received.length >= 4 + received.readInt32BE(0)) {
        const end = 4 + received.readInt32BE(0);
        const frame = received.subarray(4, end);
        received = received.subarray(end);
        socket.write(framed(greeted ? answer(frame, nodes, options.forbidden === true) : hello()));
        greeted = true;
      }
    });
  });
  await new Promise<void>((resolve) => {
    server.listen(0, '127.0.0.1', resolve);
  });
  return {
    port: (server.address() as net.AddressInfo).port,
    close: async () => {
      for (const socket of sockets) socket.destroy();
      await new Promise<void>((resolve) => {
        server.close(() => resolve());
      });
    },
  };
}

export function serverName(host: string, port: number, start: number) {
  return { hostName: host, port, startCode: start };
}

/** ff · length of a name · the name · PBUF · the message, as HBase writes its znodes. */
export function znodeData(message: Buffer): Buffer {
  const name = Buffer.from('regionserver:16020');
  const head = Buffer.alloc(5);
  head[0] = 0xff;
  head.writeUInt32BE(name.length, 1);
  return Buffer.concat([head, name, Buffer.from('PBUF'), message]);
}

/** What a cluster of these servers keeps in ZooKeeper. */
export function clusterNodes(
  znode: string,
  cluster: {
    readonly master: ReturnType<typeof serverName>;
    readonly meta: ReturnType<typeof serverName>;
    readonly regionServers: readonly ReturnType<typeof serverName>[];
  },
): Map<string, Buffer> {
  const { master, meta, regionServers } = cluster;
  const nodes = new Map([
    [`${znode}/hbaseid`, Buffer.alloc(0)],
    [`${znode}/master`, znodeData(messages.master.encode({ master }))],
    [`${znode}/meta-region-server`, znodeData(messages.metaRegionServer.encode({ server: meta }))],
  ]);
  for (const { hostName, port, startCode } of regionServers) {
    nodes.set(`${znode}/rs/${hostName},${port},${startCode}`, Buffer.alloc(0));
  }
  return nodes;
}

function hello(): Buffer {
  const reply = Buffer.alloc(4 + 4 + 8 + 4 + 16 + 1);
  reply.writeInt32BE(10_000, 4);
  reply.writeInt32BE(1, 12);
  reply.writeInt32BE(16, 16);
  return reply;
}

function answer(frame: Buffer, nodes: ReadonlyMap<string, Buffer>, forbidden: boolean): Buffer {
  const [xid, type] = [frame.readInt32BE(0), frame.readInt32BE(4)];
  if (type !== 4 && type !== 8) return replied(xid, 0);
  if (forbidden) return replied(xid, -102);
  const path = frame.toString('utf8', 12, 12 + frame.readInt32BE(8));
  const names = childrenOf(path, nodes);
  const data = nodes.get(path);
  if (data === undefined && names.length === 0 && path !== '/') return replied(xid, -101);
  if (type === 4) return Buffer.concat([replied(xid, 0), counted(data ?? Buffer.alloc(0)), stat]);
  const count = Buffer.alloc(4);
  count.writeInt32BE(names.length, 0);
  return Buffer.concat([
    replied(xid, 0),
    count,
    ...names.map((name) => counted(Buffer.from(name))),
  ]);
}

/** zxids, times, versions: nobody looks at them. */
const stat = Buffer.alloc(68);

function childrenOf(path: string, nodes: ReadonlyMap<string, Buffer>): string[] {
  const prefix = path === '/' ? '/' : `${path}/`;
  const below = [...nodes.keys()].filter((name) => name.startsWith(prefix));
  return [...new Set(below.map((name) => name.slice(prefix.length).split('/', 1)[0] ?? ''))];
}

function replied(xid: number, error: number): Buffer {
  const head = Buffer.alloc(16);
  head.writeInt32BE(xid, 0);
  head.writeInt32BE(error, 12);
  return head;
}

function counted(bytes: Buffer): Buffer {
  const length = Buffer.alloc(4);
  length.writeInt32BE(bytes.length, 0);
  return Buffer.concat([length, bytes]);
}

function framed(body: Buffer): Buffer {
  return counted(body);
}
