// A service in name only: answers what a test tells it, and remembers what it was asked.
import { createServer, type IncomingMessage } from 'node:http';
import type { AddressInfo } from 'node:net';

export interface StubService {
  readonly url: string;
  readonly asked: { method: string; path: string; authorization: string | undefined }[];
  answer: { status: number; body: unknown };
  close(): Promise<void>;
}

export async function startStub(): Promise<StubService> {
  const asked: StubService['asked'] = [];
  const server = createServer((request: IncomingMessage, response) => {
    const { method = '', url = '', headers } = request;
    asked.push({ method, path: url, authorization: headers.authorization });
    const { body, status } = stub.answer;
    response.writeHead(status, { 'Content-Type': 'application/json' });
    response.end(typeof body === 'string' ? body : JSON.stringify(body));
  });
  await new Promise<void>((resolve) => {
    server.listen(0, '127.0.0.1', resolve);
  });
  const { port } = server.address() as AddressInfo;
  const stub: StubService = {
    url: `http://127.0.0.1:${port}`,
    asked,
    answer: { status: 200, body: {} },
    close: async () => {
      server.closeAllConnections();
      await new Promise((resolve) => {
        server.close(resolve);
      });
    },
  };
  return stub;
}
