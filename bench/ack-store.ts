// `npm run bench:ack-store`: how long a request with ack=store waits, at 1, 32 and 256 requests in
// flight, beside the same with ack=journal, interleaved in one run; on the embedded store and on a
// real HBase, and there once more with a large dirty set of others. Ratios are claims, the rest
// depends on the machine. usage: npm run bench:ack-store -- [seconds a round] [embedded|hbase]
import { mkdtemp, rm } from 'node:fs/promises';
import { Agent, request } from 'node:http';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { hbaseForCrashes } from '../test/crash/hbase.ts';
import { seededRandom } from '../test/crash/random.ts';
import { freePort, ServiceProcess } from '../test/crash/service-process.ts';

const seconds = Number(process.argv[2] ?? 4);
const only = process.argv[3];
const rounds = 3;
const inFlight = [1, 32, 256];
const ads = 1000;
const sites = 100;
const dirtyCells = 200_000;
const random = seededRandom(1);

interface Measured {
  readonly waitsMs: number[];
  late: number;
}

if (only !== 'hbase') await onStore('embedded', {}, false);
if (only !== 'embedded') {
  const hbase = await hbaseForCrashes();
  try {
    await onStore('hbase', await hbase.freshTables(), false);
    await onStore(`hbase, ${dirtyCells} cells dirty`, await hbase.freshTables(), true);
  } finally {
    await hbase.stop();
  }
}

async function onStore(name: string, env: Record<string, string>, isDirty: boolean): Promise<void> {
  const home = await mkdtemp(path.join(tmpdir(), 'adcounter-bench-'));
  const service = new ServiceProcess({
    dataDir: path.join(home, 'data'),
    port: await freePort(),
    env: { ...env, ADCOUNTER_FLUSH_SECONDS: isDirty ? '60' : '30' },
  });
  const agent = new Agent({ keepAlive: true, maxSockets: 1000 });
  try {
    await service.logged('service.start', 60_000);
    const url = `${service.address}/v1/impressions?ack=`;
    // Warm, and every cell known to the service, as in the middle of a quarter-hour.
    await measure(agent, `${url}store`, 32, 2);
    for (const senders of inFlight) {
      const results = { journal: measured(), store: measured() };
      for (let round = 0; round < rounds; round++) {
        for (const ack of ['journal', 'store'] as const) {
          if (isDirty) await fillUp(agent, `${url}journal`, round);
          const { waitsMs, late } = await measure(agent, `${url}${ack}`, senders, seconds);
          results[ack].waitsMs.push(...waitsMs);
          results[ack].late += late;
        }
      }
      for (const ack of ['journal', 'store'] as const) say(name, senders, ack, results[ack]);
    }
    await flushes(service);
  } finally {
    agent.destroy();
    await service.stop();
    await rm(home, { recursive: true, force: true });
  }
}

function measured(): Measured {
  return { waitsMs: [], late: 0 };
}

async function measure(
  agent: Agent,
  url: string,
  senders: number,
  forSeconds: number,
): Promise<Measured> {
  const result = measured();
  const endMs = performance.now() + forSeconds * 1000;
  const send = async (): Promise<void> => {
    while (performance.now() < endMs) {
      const startedMs = performance.now();
      const answer = await post(agent, url, JSON.stringify(event()));
      result.waitsMs.push(performance.now() - startedMs);
      if (url.endsWith('store') && !answer.includes('"ack":"store"')) result.late++;
    }
  };
  await Promise.all(Array.from({ length: senders }, send));
  return result;
}

/** Cells of others, counted at the journal and left for the next round. */
async function fillUp(agent: Agent, url: string, round: number): Promise<void> {
  for (let i = 0; i < dirtyCells; i += 10_000) {
    const events = Array.from({ length: 10_000 }, (_, j) => {
      return { ad: `other-${(i + j) % 1000}`, site: `site-${i + j}-${round % 2}.example` };
    });
    await post(agent, url, JSON.stringify(events));
  }
}

/** Zipf(1) over the ads, a site of a hundred each. */
function event(): object {
  const ad = Math.floor(Math.exp(random() * Math.log(ads)));
  return { ad: `ad-${ad}`, site: `site-${Math.floor(random() * sites)}.example` };
}

function post(agent: Agent, url: string, body: string): Promise<string> {
  return new Promise((resolve, reject) => {
    const headers = { 'content-type': 'application/json' };
    const sending = request(url, { method: 'POST', agent, headers }, (response) => {
      let text = '';
      response.setEncoding('utf8');
      response.on('data', (chunk: string) => (text += chunk));
      response.on('end', () => {
        if ((response.statusCode ?? 500) < 300) resolve(text);
        else reject(new Error(`${response.statusCode}: ${text}`));
      });
    });
    sending.on('error', reject);
    sending.end(body);
  });
}

function say(name: string, senders: number, ack: string, { waitsMs, late }: Measured): void {
  const sorted = waitsMs.toSorted((a, b) => a - b);
  const at = (part: number): string =>
    (sorted[Math.floor(part * (sorted.length - 1))] ?? 0).toFixed(1);
  const perSecond = Math.round(sorted.length / (rounds * seconds));
  process.stdout.write(
    `${name}: ${senders} in flight, ack=${ack}: p50 ${at(0.5)} ms, p99 ${at(0.99)} ms, ` +
      `${perSecond} requests/s, ${late} late\n`,
  );
}

async function flushes(service: ServiceProcess): Promise<void> {
  const text = await (await fetch(`${service.address}/metrics`)).text();
  for (const line of text.split('\n')) {
    if (/^adcounter_(expedited_flushes_total|unaccounted_counts|store_ack)/.test(line)) {
      process.stdout.write(`  ${line}\n`);
    }
  }
}
