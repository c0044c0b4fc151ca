// How long a start takes to replay a million events: a service of its own counts them all over the
// distinct cells, is killed before it can end, and is started again on its folder.
import { rm } from 'node:fs/promises';
import { mkdtemp } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { freePort } from '../crash/service-process.ts';
import { until } from '../support/until.ts';
import { Instance } from './instance.ts';
import type { System } from './system.ts';

export interface ReplayTime {
  readonly events: number;
  readonly cells: number;
  /** From the start of the process until it listens, and until all is in the store and sealed. */
  readonly listenMs: number;
  readonly sealedMs: number;
  /** As the service itself counts them. */
  readonly replayedEvents: number;
}

const eventsPerRequest = 1_000;
const connections = 8;
const sealTimeoutMs = 180_000;

export async function replayTime(
  system: System,
  { events, cells }: { readonly events: number; readonly cells: number },
): Promise<ReplayTime> {
  const home = await mkdtemp(path.join(tmpdir(), 'adcounter-replay-'));
  const instance = new Instance({
    name: 'replay',
    port: await freePort(),
    dataDir: path.join(home, 'data'),
    workers: 1,
    env: { ...system.env, ADCOUNTER_FLUSH_SECONDS: '60' },
  });
  try {
    await instance.start();
    await sendAll(instance, events, cells);
    await instance.kill9();
    const beganMs = performance.now();
    await instance.start();
    const listenMs = performance.now() - beganMs;
    await until(() => instance.service.countOf('recovery.sealed') > 0, sealTimeoutMs);
    const sealedMs = performance.now() - beganMs;
    const text = await (await instance.ask('/metrics')).text();
    const replayed = /^adcounter_journal_replayed_events_total (\S+)$/m.exec(text)?.[1];
    return { events, cells, listenMs, sealedMs, replayedEvents: Number(replayed) };
  } finally {
    await instance.end();
    await rm(home, { recursive: true, force: true });
  }
}

async function sendAll(instance: Instance, events: number, cells: number): Promise<void> {
  let next = 0;
  const sites = 1_000;
  const send = async (): Promise<void> => {
    while (next < events) {
      const from = next;
      next += eventsPerRequest;
      const body = Array.from({ length: Math.min(eventsPerRequest, events - from) }, (_, i) => {
        const cell = (from + i) % cells;
        return { ad: `replay-${Math.floor(cell / sites)}`, site: `site-${cell % sites}` };
      });
      const response = await fetch(`${instance.target.address}/v1/impressions`, {
        method: 'POST',
        headers: { 'content-type': 'application/json' },
        body: JSON.stringify(body),
      });
      if (response.status !== 202) throw new Error(`replay load: ${response.status}`);
      await response.arrayBuffer();
    }
  };
  await Promise.all(Array.from({ length: connections }, send));
}
