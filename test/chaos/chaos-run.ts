// One run: instances under load, all faults of a plan, and in the end every total held against the
// clients' books, every cell against the journals. The same run for adcounter and for baselines.
import { rmSync } from 'node:fs';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { wait } from '../crash/load.ts';
import { freePort } from '../crash/service-process.ts';
import { until } from '../support/until.ts';
import type { AckLevel } from './account.ts';
import { audit } from './audit.ts';
import type { Audit } from './audit.ts';
import { clientsOf } from './clients.ts';
import type { ClientsOptions } from './clients.ts';
import { clockAheadMs } from './clock-fault.ts';
import { Instance } from './instance.ts';
import { Lanes } from './lanes.ts';
import type { FaultDone, Outage } from './lanes.ts';
import { Load } from './load.ts';
import { Memory } from './memory.ts';
import type { Plan } from './plan.ts';
import { Reader } from './reader.ts';
import type { Violations } from './reader.ts';
import { recoverFolder } from './recovery.ts';
import type { Scene } from './scene.ts';
import type { ChaosStore } from './store.ts';
import { command } from './system.ts';
import type { System } from './system.ts';
import { lossesAt, verdictOf } from './verdict.ts';
import type { Verdict } from './verdict.ts';

export interface ChaosOptions {
  readonly system: System;
  readonly store: ChaosStore;
  /** Workers of each instance. */
  readonly workers: readonly number[];
  readonly clients: ClientsOptions;
  readonly plan: Plan;
  readonly downForMs: number;
  readonly cuts: { readonly most: number; readonly pauseMs: number };
  /** As many as are answered, for so long; then a share of what was reached. */
  readonly peakMs: number;
  readonly paceShare: number;
  readonly readerPauseMs: number;
  readonly memoryEveryMs: number;
  /** Before the faults begin, with the load on its way. */
  readonly beforeFaults?: (say: (line: string) => void) => Promise<void>;
  readonly say: (line: string) => void;
}

export interface ChaosReport extends Verdict {
  readonly system: string;
  readonly faults: readonly FaultDone[];
  readonly outages: readonly Outage[];
  /** Events a second: as many as were answered; and over the faults. */
  readonly peakPerSecond: number;
  readonly pacedPerSecond: number;
  readonly refusedRequests: number;
  /** From the sending of the first request that was not acknowledged to the next that was. */
  readonly longestRefusalMs: ReadonlyMap<AckLevel, number>;
  /** How long an instance took nothing, by name, at most. */
  readonly longestAwayMs: ReadonlyMap<string, number>;
  readonly convergedMs: number | undefined;
  readonly violations: Violations;
  readonly answers: ReadonlyMap<string, number>;
  readonly unanswered: number;
  readonly completeChecked: number;
  readonly lostWriters: number;
  readonly unaccounted: readonly number[];
  readonly audit: Audit | undefined;
  readonly memory: readonly string[];
  /** What went on beside the faults and failed: why. */
  readonly brokenOff: readonly string[];
  readonly exitCodes: readonly (number | null)[];
}

const convergeTimeoutMs = 300_000;
/** Nobody knows of anything that could still come. */
const convergeWithoutJournalMs = 30_000;

export async function chaosRun(options: ChaosOptions): Promise<ChaosReport> {
  const home = await mkdtemp(path.join(tmpdir(), 'adcounter-chaos-'));
  const scene = await sceneOf(options, home);
  try {
    return await run(options, scene);
  } finally {
    await scene.load.stop();
    await scene.reader.stop();
    for (const instance of scene.instances) await instance.end();
    await rm(home, { recursive: true, force: true });
  }
}

async function run(options: ChaosOptions, scene: Scene): Promise<ChaosReport> {
  const { say, plan } = options;
  const { load, reader, instances } = scene;
  await Promise.all(instances.map((instance) => instance.start()));
  const memory = new Memory(instances, options.memoryEveryMs);
  load.start();
  reader.start();
  const peakPerSecond = await measurePeak(options, scene);
  say(`peak ${Math.round(peakPerSecond)} events/s, now ${options.paceShare} of it`);
  await options.beforeFaults?.(say);
  const lanes = new Lanes({ ...options, scene, plan });
  const [eventsBefore, beganMs] = [load.events, performance.now()];
  await lanes.run();
  const pacedPerSecond = ((load.events - eventsBefore) * 1000) / (performance.now() - beganMs);
  say('the faults are over, the load ends');
  await load.stop();
  await reader.stop();
  const convergedMs = await converged(scene);
  say(
    convergedMs === undefined ? 'NOT converged' : `converged after ${Math.round(convergedMs)} ms`,
  );
  const verdict = await verdictOf(scene);
  memory.stop();
  const { isJournaled } = scene.system;
  const unaccounted = isJournaled
    ? await Promise.all(instances.map((instance) => instance.unaccounted()))
    : [];
  const audited = isJournaled ? await audit(scene) : undefined;
  const exitCodes = await Promise.all(instances.map((instance) => instance.stop()));
  return {
    ...verdict,
    system: scene.system.name,
    faults: lanes.done,
    outages: lanes.outages,
    peakPerSecond,
    pacedPerSecond,
    refusedRequests: load.refusedRequests,
    longestRefusalMs: load.longestRefusalMs,
    longestAwayMs: new Map(
      instances.map(({ target }) => [target.name, target.longestAwayMs] as const),
    ),
    convergedMs,
    violations: reader.violations,
    answers: reader.answers,
    unanswered: reader.unanswered,
    completeChecked: reader.completeChecked,
    lostWriters: reader.lost.size,
    unaccounted,
    audit: audited,
    memory: memory.lines,
    brokenOff: scene.brokenOff,
    exitCodes,
  };
}

/** The clients as fast as they are answered; then a share of what came of it in the last part. */
async function measurePeak(options: ChaosOptions, { load }: Scene): Promise<number> {
  await wait(options.peakMs / 4);
  const [events, sinceMs] = [load.events, performance.now()];
  await wait((options.peakMs * 3) / 4);
  const peak = ((load.events - events) * 1000) / (performance.now() - sinceMs);
  load.paceTo(peak * options.paceShare);
  return peak;
}

/** All folders are recovered, nothing is unflushed, and every durable count is in a total. */
async function converged(scene: Scene): Promise<number | undefined> {
  const beganMs = performance.now();
  await scene.backgroundDone();
  for (const folder of scene.leftBehind.splice(0)) await recoverFolder(scene, folder);
  const isThere = async (): Promise<boolean> => {
    for (const instance of scene.instances) {
      await (await instance.ask('/v1/flush', 'POST')).arrayBuffer();
      const { unflushed } = await instance.status();
      if (unflushed === undefined || unflushed.counts > 0) return false;
    }
    return (await lossesAt(scene)) === 0;
  };
  const careful = (): Promise<boolean> => isThere().catch(() => false);
  const { isJournaled } = scene.system;
  const patienceMs = isJournaled ? convergeTimeoutMs : convergeWithoutJournalMs;
  return await until(careful, patienceMs).then(
    () => performance.now() - beganMs,
    () => undefined,
  );
}

async function sceneOf(options: ChaosOptions, home: string): Promise<Scene> {
  const { system, store, say } = options;
  let numbers = 0;
  const started: Instance[] = [];
  const brokenOff: string[] = [];
  const background: Promise<unknown>[] = [];
  const newInstance: Scene['newInstance'] = (own) => {
    const clockFile = path.join(home, `clock-${own.name}`);
    const program = system.program === undefined ? {} : { program: system.program };
    const instance = new Instance({ ...own, ...program, env: system.env, clockFile });
    started.push(instance);
    return instance;
  };
  const instances: Instance[] = [];
  for (const [i, workers] of options.workers.entries()) {
    const name = `instance-${i}`;
    const port = await freePort();
    instances.push(newInstance({ name, port, workers, dataDir: path.join(home, name) }));
  }
  const targets = instances.map(({ target }) => target);
  // Also where the run itself is ended: nothing of it may stay.
  process.once('exit', () => {
    for (const instance of started) instance.killAtOnce();
    rmSync(home, { recursive: true, force: true });
  });
  const clients = clientsOf(options.clients);
  const load = new Load({ targets, clients });
  const { accounts } = load;
  const pauseMs = options.readerPauseMs;
  const reader = new Reader({ accounts, targets, clockAheadMs, pauseMs });
  return {
    home,
    system,
    store,
    instances,
    targets,
    accounts,
    load,
    reader,
    leftBehind: [],
    brokenOff,
    say,
    inBackground: (work) => {
      background.push(work.catch((error: unknown) => brokenOff.push(String(error))));
    },
    backgroundDone: async () => void (await Promise.all(background.splice(0))),
    nextNumber: () => numbers++,
    newInstance,
    markLost: async (writer) => {
      const giveUp = ['writers', 'lost', writer, '--yes-lost', writer, '--even-if-alive'];
      return (await command(system, ...giveUp)).code === 0;
    },
  };
}
