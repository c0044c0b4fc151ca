// `npm run bench:ingest`: impressions a second that are on the disk when they are acknowledged,
// one a request and 1,000 a request, beside a node:http server that only answers, interleaved in
// one run. A first figure: ratios are claims, the rest depends on the machine.
import { execFile, fork } from 'node:child_process';
import { createServer } from 'node:http';
import { once } from 'node:events';
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { freePort, ServiceProcess } from '../test/crash/service-process.ts';
import { seededRandom } from '../test/crash/random.ts';

const rounds = 5;
const secondsPerRound = 3;
const ads = 1000;
const sites = 100;
const here = fileURLToPath(import.meta.url);

interface Measured {
  readonly requestsPerSecond: number;
  /** Of the server, a request. */
  readonly cpuMicroseconds: number;
}

interface Side {
  readonly name: string;
  readonly pid: number;
  readonly port: number;
  readonly requests: string;
  readonly impressions: number;
  readonly results: Measured[];
}

if (process.argv[2] === 'echo') await echo();
else await bench();

/** What node:http alone can do: the body is read, nothing is made of it. */
async function echo(): Promise<void> {
  const answer = '{"accepted":1}';
  const server = createServer((request, response) => {
    request.resume();
    request.on('end', () => {
      response.writeHead(202, {
        'Content-Type': 'application/json',
        'Content-Length': answer.length,
      });
      response.end(answer);
    });
  }).listen(0, '127.0.0.1');
  await once(server, 'listening');
  process.send?.(server.address());
  process.on('disconnect', () => process.exit(0));
}

async function bench(): Promise<void> {
  const home = await mkdtemp(path.join(tmpdir(), 'adcounter-bench-'));
  const port = await freePort();
  const service = new ServiceProcess({
    dataDir: path.join(home, 'data'),
    port,
    env: { ADCOUNTER_LOG_LEVEL: 'warn' },
  });
  const echoProcess = fork(here, ['echo'], { execArgv: process.execArgv });
  try {
    const [address] = (await once(echoProcess, 'message')) as [{ port: number }];
    await untilUp(service);
    const single = path.join(home, 'single.json');
    const batch = path.join(home, 'batch.json');
    await writeFile(single, JSON.stringify(requestsOf(1, 2000)));
    await writeFile(batch, JSON.stringify(requestsOf(1000, 50)));
    const echoPid = echoProcess.pid ?? 0;
    const sides: Side[] = [
      side('node:http that only answers, 1 a request', echoPid, address.port, single, 1),
      side('adcounter, 1 a request', service.pid, port, single, 1),
      side('node:http that only answers, 1,000 a request', echoPid, address.port, batch, 1000),
      side('adcounter, 1,000 a request', service.pid, port, batch, 1000),
    ];
    for (let round = 0; round < rounds; round++) {
      for (const each of sides) each.results.push(await measure(each));
    }
    print(sides);
  } finally {
    echoProcess.disconnect();
    await service.stop();
    await rm(home, { recursive: true, force: true });
  }
}

function side(
  name: string,
  pid: number,
  port: number,
  requests: string,
  impressions: number,
): Side {
  return { name, pid, port, requests, impressions, results: [] };
}

/** Zipf(1) over the ads, a site of a hundred each. */
function requestsOf(events: number, requests: number): string[] {
  const random = seededRandom(1);
  const zipf = (): number => Math.floor(Math.exp(random() * Math.log(ads)));
  return Array.from({ length: requests }, () => {
    const all = Array.from({ length: events }, () => ({
      ad: `ad-${zipf()}`,
      site: `site-${Math.floor(random() * sites)}.example`,
    }));
    const body = JSON.stringify(events === 1 ? all[0] : all);
    const head =
      'POST /v1/impressions HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Type: application/json\r\n' +
      `Content-Length: ${body.length}\r\n\r\n`;
    return Buffer.from(head + body).toString('base64');
  });
}

async function measure({ pid, port, requests }: Side): Promise<Measured> {
  const before = await cpuSecondsOf(pid);
  const generator = fileURLToPath(new URL('load-sockets.ts', import.meta.url));
  const args = [...process.execArgv, generator, String(port), '64', String(secondsPerRound)];
  const { stdout } = await promisify(execFile)(process.execPath, [...args, requests]);
  const { answered, refused } = JSON.parse(stdout) as { answered: number; refused: number };
  if (refused > 0) throw new Error(`${refused} requests were refused`);
  const cpuSeconds = (await cpuSecondsOf(pid)) - before;
  return {
    requestsPerSecond: answered / secondsPerRound,
    cpuMicroseconds: (cpuSeconds * 1e6) / answered,
  };
}

/** utime and stime of /proc/<pid>/stat, in clock ticks of a hundredth of a second. */
async function cpuSecondsOf(pid: number): Promise<number> {
  const fields = (await readFile(`/proc/${pid}/stat`, 'latin1')).split(') ')[1]?.split(' ') ?? [];
  return (Number(fields[11]) + Number(fields[12])) / 100;
}

async function untilUp(service: ServiceProcess): Promise<void> {
  for (let attempt = 0; attempt < 200; attempt++) {
    const up = await fetch(`${service.address}/livez`).then(
      (response) => response.ok,
      () => false,
    );
    if (up) return;
    await new Promise((resolve) => setTimeout(resolve, 50));
  }
  throw new Error(service.tail());
}

function print(sides: readonly Side[]): void {
  say(`${rounds} interleaved rounds of ${secondsPerRound} s, 64 connections; median (least-most)`);
  for (const { name, results, impressions } of sides) {
    const rates = results.map((result) => result.requestsPerSecond * impressions);
    const costs = results.map((result) => result.cpuMicroseconds / impressions);
    say(`${name.padEnd(46)} ${spread(rates, 0)} impressions/s, ${spread(costs, 2)} µs CPU each`);
  }
  for (const [echoes, ours] of [
    [sides[0], sides[1]],
    [sides[2], sides[3]],
  ]) {
    if (echoes === undefined || ours === undefined) continue;
    const ratios = ours.results.map(
      (result, i) => result.requestsPerSecond / (echoes.results[i]?.requestsPerSecond ?? 0),
    );
    say(`${ours.name} ÷ node:http: ${spread(ratios, 2)}`);
  }
}

function say(line: string): void {
  process.stdout.write(`${line}\n`);
}

function spread(values: readonly number[], digits: number): string {
  const sorted = [...values].sort((a, b) => a - b);
  const at = (i: number): string => (sorted[i] ?? 0).toFixed(digits);
  return `${at(Math.floor(sorted.length / 2))} (${at(0)}-${at(sorted.length - 1)})`;
}
