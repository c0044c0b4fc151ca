// One run: a service under load is killed again and again, started again on the same folder, and
// in the end the store is held against the sender's ledger, per ad and per request.
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { Ledger } from './ledger.ts';
import { Load, wait } from './load.ts';
import { seededRandom } from './random.ts';
import { Reader } from './reader.ts';
import { freePort, ServiceProcess } from './service-process.ts';

export type KillKind = 'random' | 'recovery' | 'flush' | 'stop';

export interface CrashOptions {
  readonly kills: readonly KillKind[];
  readonly ack: 'memory' | 'journal';
  readonly seed: number;
  readonly senders: number;
  /** Acknowledgements between two kills, at least. */
  readonly acknowledgements: number;
  readonly sharedEvents: number;
  readonly sharedSites: number;
  readonly env: Readonly<Record<string, string>>;
  readonly say: (line: string) => void;
}

export interface Kill {
  readonly kind: KillKind;
  readonly atMs: number;
  readonly inFlight: number;
  readonly acknowledged: number;
  /** It was seen that the kill fell into what it was meant for. */
  readonly hit: boolean;
}

export interface CrashReport {
  readonly kills: readonly Kill[];
  readonly acknowledged: number;
  readonly unknown: number;
  readonly counted: number;
  /** Counts, summed over the ads: acknowledged and not counted, counted and never sent. */
  readonly lost: number;
  readonly doubled: number;
  /** Requests, found by their mark: acknowledged and missing, or there with another count. */
  readonly marksMissing: number;
  readonly marksWrong: number;
  /** Age of the oldest lost acknowledgement at its kill. */
  readonly lossMs: number;
  readonly readFalls: number;
  readonly unaccounted: number;
  readonly recoverMs: number;
}

const startTimeoutMs = 60_000;

export async function crashRun(options: CrashOptions): Promise<CrashReport> {
  const home = await mkdtemp(path.join(tmpdir(), 'adcounter-crash-'));
  const random = seededRandom(options.seed);
  const ledger = new Ledger();
  const load = new Load({ ...options, ledger, random });
  const port = await freePort();
  const begin = (): ServiceProcess =>
    new ServiceProcess({ dataDir: path.join(home, 'data'), port, env: options.env });
  let service = begin();
  const reader = new Reader(service.address, ledger);
  const kills: Kill[] = [];
  try {
    await service.logged('service.start', startTimeoutMs);
    load.aim(service.address);
    load.start();
    for (const kind of options.kills) {
      const moment = await untilKill(kind, { service, load, options, random });
      const kill = { kind, ...moment(), acknowledged: load.sinceRestart };
      await service.kill9();
      kills.push({ ...kill, atMs: Date.now() });
      options.say(
        `kill -9 (${kind}${kill.hit ? '' : ', missed'}): ${kill.inFlight} in flight, ` +
          `${kill.acknowledged} acknowledged since the last`,
      );
      service = begin();
      load.aim(service.address);
    }
    await service.logged('service.start', startTimeoutMs);
    await untilAcknowledged(load, options.acknowledgements);
    await load.stop();
    const recoverMs = await settled(service);
    const falls = await reader.stop();
    const found = await reader.compare(kills);
    const unaccounted = await reader.unaccounted();
    await service.stop();
    return { kills, ...found, readFalls: falls, unaccounted, recoverMs };
  } finally {
    await load.stop();
    await reader.stop();
    await service.kill9();
    await rm(home, { recursive: true, force: true });
  }
}

interface Scene {
  readonly service: ServiceProcess;
  readonly load: Load;
  readonly options: CrashOptions;
  readonly random: () => number;
}

/** Asked at the kill: whether it falls where it was meant to, and how many requests wait. */
type Moment = () => Pick<Kill, 'hit' | 'inFlight'>;

async function untilKill(kind: KillKind, scene: Scene): Promise<Moment> {
  const { service, load } = scene;
  if (kind !== 'stop') {
    const hit = await untilInstant(kind, scene);
    return () => ({ hit: hit(), inFlight: load.inFlight });
  }
  // In flight when it is told to stop: a stop answers them, and takes no more.
  await service.logged('service.start', startTimeoutMs);
  await untilAcknowledged(load, scene.options.acknowledgements);
  await untilInFlight(load, scene.options.senders);
  const { inFlight } = load;
  const flushes = service.countOf('flush.done');
  service.terminate();
  await service.logged('service.stop', startTimeoutMs);
  await intoTheStop(scene, flushes);
  return () => ({ hit: service.countOf('service.stopped') === 0, inFlight });
}

/** Its steps: draining, the last flush, the seal behind it. */
async function intoTheStop({ service, random }: Scene, flushes: number): Promise<void> {
  const step = Math.floor(random() * 3);
  if (step === 0) return wait(random() * 20);
  if (step === 1) return wait(random() * 700);
  const deadline = Date.now() + 5000;
  const isOver = (): boolean =>
    service.countOf('flush.done') > flushes || service.countOf('service.stopped') > 0;
  while (!isOver() && Date.now() < deadline) await new Promise(setImmediate);
}

/** Waits for the instant; the answer says, at the kill, whether it fell where it was meant to. */
async function untilInstant(kind: Exclude<KillKind, 'stop'>, scene: Scene): Promise<() => boolean> {
  const { service, load, options, random } = scene;
  if (kind === 'recovery') {
    // At once: what the kill before left behind is recovered while events pour in again.
    await service.logged('recovery.began', startTimeoutMs);
    await untilInFlight(load, options.senders);
    return () => service.countOf('recovery.began') > service.countOf('recovery.sealed');
  }
  await service.logged('service.start', startTimeoutMs);
  await untilAcknowledged(load, options.acknowledgements);
  if (kind === 'flush') {
    let answered = false;
    void fetch(`${service.address}/v1/flush`, { method: 'POST' }).then(
      () => (answered = true),
      () => undefined,
    );
    await wait(30 + random() * 60);
    await untilInFlight(load, options.senders);
    return () => !answered;
  }
  await wait(random() * 500);
  await untilInFlight(load, options.senders);
  return () => true;
}

async function untilAcknowledged(load: Load, acknowledgements: number): Promise<void> {
  const deadline = Date.now() + startTimeoutMs;
  while (load.sinceRestart < acknowledgements || load.inFlight === 0) {
    if (Date.now() > deadline) throw new Error(`only ${load.sinceRestart} acknowledgements`);
    await new Promise(setImmediate);
  }
}

/** All senders wait for an answer: nothing is idle when the kill comes. */
async function untilInFlight(load: Load, senders: number): Promise<void> {
  const deadline = Date.now() + 2000;
  while (load.inFlight < senders && Date.now() < deadline) await new Promise(setImmediate);
}

/** Recovered and flushed: no writer but the running one is open, nothing is unflushed. */
async function settled(service: ServiceProcess): Promise<number> {
  const startedMs = Date.now();
  const deadline = startedMs + 300_000;
  while (Date.now() < deadline) {
    const flush = await fetch(`${service.address}/v1/flush`, { method: 'POST' });
    const { outcome } = (await flush.json()) as { outcome: string };
    const status = (await (await fetch(`${service.address}/v1/status`)).json()) as {
      writers: { state: string }[];
      unflushed: { counts: number };
    };
    const open = status.writers.filter(({ state }) => state === 'open').length;
    if (outcome === 'success' && open === 1 && status.unflushed.counts === 0) {
      return Date.now() - startedMs;
    }
    await wait(500);
  }
  throw new Error(`not settled in time:\n${service.tail()}`);
}
