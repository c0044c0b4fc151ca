// A real process with a small heap and its store out of reach, under a flood of new cells: it
// refuses before V8 would end it, and what it acknowledged is in its journal after a kill -9.
import { mkdtemp, readdir, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { afterAll, beforeAll, expect, test } from '@jest/globals';
import { nodeDisk } from '../../src/journal/disk.ts';
import { replayFolder } from '../../src/journal/replay.ts';
import { replayQuarter } from '../../src/journal/replay-quarter.ts';
import { freePort, isAlive, ServiceProcess } from '../crash/service-process.ts';
import { until } from '../support/until.ts';

const startTimeoutMs = 30_000;
const eventsPerRequest = 1_000;
const clients = 16;

let folder = '';
let service: ServiceProcess | undefined;

beforeAll(async () => {
  folder = await mkdtemp(path.join(tmpdir(), 'adcounter-heap-'));
});

afterAll(async () => {
  await service?.kill9();
  await rm(folder, { recursive: true, force: true });
});

interface Tally {
  acknowledged: number;
  refused: number;
  other: number;
}

test('a heap of 150 MiB is not outgrown: refused with 503, alive, nothing acknowledged lost', async () => {
  const dataDir = path.join(folder, 'data');
  const running = new ServiceProcess({
    dataDir,
    port: await freePort(),
    env: {
      NODE_OPTIONS: '--max-old-space-size=150',
      ADCOUNTER_HBASE_ZOOKEEPER: '127.0.0.1:1',
      ADCOUNTER_FLUSH_SECONDS: '5',
    },
  });
  service = running;
  await running.logged('service.start', startTimeoutMs);
  const tally: Tally = { acknowledged: 0, refused: 0, other: 0 };
  let next = 0;
  const over = new AbortController();
  const client = async (): Promise<void> => {
    while (!over.signal.aborted) await post(running, eventsOf(next++), tally);
  };
  const flood = Promise.all(Array.from({ length: clients }, client));
  // Refused, and it goes on being sent: at least as much again as it took.
  const isFlooded = (): boolean => tally.refused > 200 && tally.refused > tally.acknowledged / 1e3;
  await until(isFlooded, 60_000);
  over.abort();
  await flood;
  expect(tally.other).toBe(0);
  expect(isAlive(running.pid)).toBe(true);

  const status = (await (await fetch(`${running.address}/v1/status`)).json()) as StatusPart;
  expect(status.memory.bytes).toBeLessThanOrEqual(status.memory.max);
  expect(status.memory.bytes).toBeGreaterThan(status.memory.max / 2);
  expect(status.memory.max).toBeLessThan(120 * 2 ** 20);
  const ready = await fetch(`${running.address}/readyz`);
  expect([ready.status, await ready.json()]).toMatchObject([503, { reasons: ['memory_full'] }]);

  await running.kill9();
  expect(await journaled(path.join(dataDir, 'journal'))).toBe(tally.acknowledged);
}, 120_000);

interface StatusPart {
  readonly memory: { readonly bytes: number; readonly max: number };
}

function eventsOf(request: number): string {
  return JSON.stringify(
    Array.from({ length: eventsPerRequest }, (_, i) => {
      return { ad: `ad-${request}-${i % 100}`, site: `site-${i}.example` };
    }),
  );
}

async function post({ address }: ServiceProcess, body: string, tally: Tally): Promise<void> {
  const headers = { 'Content-Type': 'application/json' };
  const answer = await fetch(`${address}/v1/impressions`, { method: 'POST', headers, body });
  await answer.arrayBuffer();
  if (answer.status === 202) tally.acknowledged += eventsPerRequest;
  else if (answer.status === 503 && answer.headers.get('retry-after') !== null) tally.refused++;
  else tally.other++;
}

/** All counts that the journals in the folder hold. */
async function journaled(journalFolder: string): Promise<number> {
  let counts = 0;
  for (const name of await readdir(journalFolder)) {
    const place = { disk: nodeDisk, folder: path.join(journalFolder, name) };
    const replay = await replayFolder(place);
    for (const quarter of replay.quarters()) counts += (await replayQuarter(place, quarter)).counts;
  }
  return counts;
}
