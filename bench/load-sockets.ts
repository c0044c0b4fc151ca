// A closed-loop generator on bare sockets, so that it costs less than what it measures: each
// connection sends its next request when the last one is answered. Run as a process of its own.
// Arguments: port, connections, seconds, requests (a JSON file of base64 requests).
import { readFileSync } from 'node:fs';
import { connect } from 'node:net';

const [port, connections, seconds, file] = process.argv.slice(2);
const requests = (JSON.parse(readFileSync(file ?? '', 'utf8')) as string[]).map((text) =>
  Buffer.from(text, 'base64'),
);
const headEnd = Buffer.from('\r\n\r\n');
const endAtMs = Date.now() + Number(seconds) * 1000;
let answered = 0;
let refused = 0;
let next = 0;

await Promise.all(Array.from({ length: Number(connections) }, () => run()));
process.stdout.write(JSON.stringify({ answered, refused }));

function run(): Promise<void> {
  return new Promise((resolve, reject) => {
    const socket = connect({ port: Number(port), host: '127.0.0.1', noDelay: true });
    let held = Buffer.alloc(0);
    const send = (): void => {
      if (Date.now() >= endAtMs) {
        socket.destroy();
        resolve();
      } else socket.write(requests[next++ % requests.length] ?? '');
    };
    socket.on('connect', send);
    socket.on('error', reject);
    socket.on('data', (chunk) => {
      held = held.length === 0 ? chunk : Buffer.concat([held, chunk]);
      const end = held.indexOf(headEnd);
      if (end < 0) return;
      const length = /content-length: (\d+)/i.exec(held.toString('latin1', 0, end))?.[1];
      if (held.length < end + 4 + Number(length)) return;
      // HTTP/1.1 202: the first digit of the status.
      if (held[9] === 0x32) answered++;
      else refused++;
      held = Buffer.alloc(0);
      send();
    });
  });
}
