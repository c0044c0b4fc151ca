// One session with one ZooKeeper server, byte by byte, for diagnosis: what listens there, and what
// it holds. The client's way goes through the package (discovery.ts), which asks any of a quorum.
// Reads only, one question after the other. Bounded in time; never throws outside of a call.
//   frame: length i32 · body;  request: xid i32 · type i32 · path · watch u8
//   reply: xid i32 · zxid i64 · error i32 · what was asked for
import type net from 'node:net';

/** Why there is no session: for a person, `cause` of it by kind. */
export class ZooKeeperFailure extends Error {
  readonly kind: 'other-service' | 'closed' | 'refused' | 'silent' | 'forbidden';
  /** The first bytes of what answered instead, where they are text. */
  readonly heard: string;

  constructor(kind: ZooKeeperFailure['kind'], heard = '') {
    super(kind);
    this.kind = kind;
    this.heard = heard;
  }
}

const sessionMs = 10_000;
/** As jute.maxbuffer of ZooKeeper. */
const frameBytesMax = 4 * 1_048_576;
const typeGetData = 4;
const typeGetChildren = 8;
const typeClose = -11;
const noNode = -101;
const noAuth = -102;

export class ZooKeeperSession {
  readonly #socket: net.Socket;
  readonly #stepMs: number;
  #received = Buffer.alloc(0);
  #xid = 0;
  #ended = false;
  #wake: () => void = () => undefined;

  private constructor(socket: net.Socket, stepMs: number) {
    this.#socket = socket;
    this.#stepMs = stepMs;
    socket.on('data', (chunk: Buffer) => {
      this.#received = Buffer.concat([this.#received, chunk]);
      this.#wake();
    });
    socket.on('close', () => {
      this.#ended = true;
      this.#wake();
    });
  }

  /** On a socket that is connected; it ends with the session, or with the failure. */
  static async open(socket: net.Socket, stepMs: number): Promise<ZooKeeperSession> {
    const session = new ZooKeeperSession(socket, stepMs);
    try {
      // version i32 · last zxid i64 · time-out i32 · session i64 · password · read-only u8
      const hello = Buffer.alloc(4 + 8 + 4 + 8 + 4 + 16 + 1);
      hello.writeInt32BE(sessionMs, 12);
      hello.writeInt32BE(16, 24);
      socket.write(framed(hello));
      const reply = await session.#frame();
      // version i32 · time-out i32 (0: refused) · session i64 · password
      if (reply.length < 36 || reply.length > 64) throw session.#otherService(reply);
      if (reply.readInt32BE(4) <= 0) throw new ZooKeeperFailure('refused');
      return session;
    } catch (error) {
      socket.destroy();
      throw error;
    }
  }

  /** Names beneath a path; null: the path is not there. */
  async children(path: string): Promise<readonly string[] | null> {
    const reply = await this.#ask(typeGetChildren, path);
    if (reply === null) return null;
    const names: string[] = [];
    let at = 4;
    for (let left = reply.readInt32BE(0); left > 0; left--) {
      const end = at + 4 + reply.readInt32BE(at);
      names.push(reply.toString('utf8', at + 4, end));
      at = end;
    }
    return names.toSorted();
  }

  /** What a path holds; null: it is not there. */
  async data(path: string): Promise<Buffer | null> {
    const reply = await this.#ask(typeGetData, path);
    if (reply === null) return null;
    return reply.subarray(4, 4 + Math.max(0, reply.readInt32BE(0)));
  }

  close(): void {
    const bye = Buffer.alloc(8);
    bye.writeInt32BE(++this.#xid, 0);
    bye.writeInt32BE(typeClose, 4);
    if (!this.#ended) this.#socket.write(framed(bye));
    this.#socket.destroySoon();
  }

  async #ask(type: number, path: string): Promise<Buffer | null> {
    const name = Buffer.from(path);
    const request = Buffer.alloc(4 + 4 + 4 + name.length + 1);
    request.writeInt32BE(++this.#xid, 0);
    request.writeInt32BE(type, 4);
    request.writeInt32BE(name.length, 8);
    name.copy(request, 12);
    this.#socket.write(framed(request));
    const reply = await this.#frame();
    const error = reply.length < 16 ? 0 : reply.readInt32BE(12);
    if (error === noNode) return null;
    if (error === noAuth) throw new ZooKeeperFailure('forbidden');
    if (reply.length < 20 || error !== 0) throw new ZooKeeperFailure('refused');
    return reply.subarray(16);
  }

  async #frame(): Promise<Buffer> {
    const endMs = performance.now() + this.#stepMs;
    for (;;) {
      const have = this.#received;
      const length = have.length < 4 ? 0 : have.readInt32BE(0);
      if (have.length >= 4 && (length <= 0 || length > frameBytesMax)) {
        throw this.#otherService(have);
      }
      if (have.length >= 4 && have.length >= 4 + length) {
        this.#received = have.subarray(4 + length);
        return have.subarray(4, 4 + length);
      }
      if (this.#ended) throw have.length > 0 ? this.#otherService(have) : gone();
      if (!(await this.#more(endMs - performance.now()))) throw new ZooKeeperFailure('silent');
    }
  }

  /** False: nothing came in time. */
  async #more(ms: number): Promise<boolean> {
    return await new Promise((done) => {
      const timer = setTimeout(() => done(false), Math.max(0, ms));
      this.#wake = () => {
        clearTimeout(timer);
        done(true);
      };
    });
  }

  #otherService(bytes: Buffer): ZooKeeperFailure {
    const line = bytes.toString('latin1', 0, 60).split(/[\r\n]/, 1)[0] ?? '';
    return new ZooKeeperFailure('other-service', /^[\x20-\x7e]{3,}$/.test(line) ? line : '');
  }
}

function gone(): ZooKeeperFailure {
  return new ZooKeeperFailure('closed');
}

function framed(body: Buffer): Buffer {
  const length = Buffer.alloc(4);
  length.writeInt32BE(body.length, 0);
  return Buffer.concat([length, body]);
}
