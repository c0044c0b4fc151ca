// Carries out a plan: what is done to the service, to its store, to clocks and to replies goes on
// beside one another, each in its order. Writes down what came, when, and whether it hit.
import { wait } from '../crash/load.ts';
import { until } from '../support/until.ts';
import { shiftClock } from './clock-fault.ts';
import type { Instance } from './instance.ts';
import type { FaultKind, Plan, Planned, ServiceKind } from './plan.ts';
import { meaning, needStore } from './plan.ts';
import type { Scene } from './scene.ts';
import { serviceFault } from './service-faults.ts';
import { cutKinds } from './store.ts';

const flushedTimeoutMs = 300_000;

export interface FaultDone {
  readonly kind: FaultKind;
  readonly atMs: number;
  readonly hit: boolean;
  /** It could not be done, or its end was not seen: why. */
  readonly failed: string | undefined;
}

export interface Outage {
  readonly fromMs: number;
  readonly untilMs: number;
  /** Events acknowledged while the store was away. */
  readonly events: number;
}

export interface LanesOptions {
  readonly scene: Scene;
  readonly plan: Plan;
  /** Of the longest outage; others are shorter by their measure. */
  readonly downForMs: number;
  /** Replies to cut, with a pause after each; until the rest of the plan is done. */
  readonly cuts: { readonly most: number; readonly pauseMs: number };
}

export class Lanes {
  readonly done: FaultDone[] = [];
  readonly outages: Outage[] = [];
  readonly #options: LanesOptions;
  readonly #beganMs = performance.now();
  #isOver = false;

  constructor(options: LanesOptions) {
    this.#options = options;
  }

  async run(): Promise<void> {
    const { scene, plan } = this.#options;
    const cutting = this.#cut();
    await Promise.all([
      this.#lane(plan.service, (fault) => this.#serviceFault(fault)),
      this.#lane(plan.store, (fault) => this.#troubled(() => this.#storeFault(fault))),
      this.#lane(plan.clock, (fault) => shiftClock(scene, fault)),
    ]);
    this.#isOver = true;
    await cutting;
  }

  async #lane<Fault extends Planned>(
    faults: readonly Fault[],
    act: (fault: Fault) => Promise<boolean>,
  ): Promise<void> {
    for (const fault of faults) {
      await wait(Math.max(0, this.#beganMs + fault.atMs - performance.now()));
      const done = await this.#doOne(fault.kind, () => act(fault));
      this.#options.scene.say(`${lineOf(done)}: ${meaning[fault.kind]}`);
    }
  }

  async #doOne(kind: FaultKind, act: () => Promise<boolean>): Promise<FaultDone> {
    const atMs = performance.now() - this.#beganMs;
    let done: FaultDone;
    try {
      done = { kind, atMs, hit: await act(), failed: undefined };
    } catch (error) {
      const failed = error instanceof Error ? error.message : String(error);
      done = { kind, atMs, hit: false, failed };
    }
    this.done.push(done);
    return done;
  }

  /** Those that need a store wait for it. */
  async #serviceFault(fault: Planned<ServiceKind>): Promise<boolean> {
    const { scene, downForMs } = this.#options;
    const isThere = (): boolean => !scene.load.isStoreAway;
    if (needStore.has(fault.kind)) await until(isThere, downForMs + flushedTimeoutMs);
    return await serviceFault(scene, fault);
  }

  /** Whoever began meanwhile is registered by a round. */
  async #troubled(act: () => Promise<boolean>): Promise<boolean> {
    const { scene } = this.#options;
    scene.load.storeTroubles++;
    try {
      return await act();
    } finally {
      scene.inBackground(allFlushed(scene.instances).finally(() => scene.load.storeTroubles--));
    }
  }

  async #storeFault({ kind, choice, measure }: Planned): Promise<boolean> {
    const { scene } = this.#options;
    const { cluster } = scene.store;
    if (kind === 'down') return await this.#down(measure);
    if (cluster === undefined) throw new Error(`${kind} needs a cluster`);
    if (kind === 'killRegionServer') return await cluster.killRegionServer(choice);
    return await cluster.moveRegion(scene.system.tables, choice);
  }

  /** Hit: while it was away somebody asked and was refused an answer. */
  async #down(measure: number): Promise<boolean> {
    const { scene, downForMs } = this.#options;
    const fromMs = Date.now();
    const eventsBefore = scene.load.events;
    const { refused } = scene.reader;
    let goneEvents = eventsBefore;
    scene.load.isStoreAway = true;
    await scene.store.down(downForMs * (0.5 + measure / 2), () => {
      goneEvents = scene.load.events;
      return Promise.resolve();
    });
    scene.load.isStoreAway = false;
    const events = scene.load.events - goneEvents;
    this.outages.push({ fromMs, untilMs: Date.now(), events });
    return scene.reader.refused > refused;
  }

  async #cut(): Promise<void> {
    const { scene, cuts } = this.#options;
    const { cluster } = scene.store;
    if (cluster === undefined || cuts.most === 0) return;
    let cut = 0;
    const one = async (kind: string): Promise<void> => {
      while (!this.#isOver && cut < cuts.most) {
        cut++;
        await this.#doOne('cutReply', () => cluster.cutReply(kind));
        await wait(cuts.pauseMs);
      }
    };
    await Promise.all(cutKinds.map(one));
  }
}

async function allFlushed(instances: readonly Instance[]): Promise<void> {
  for (const instance of instances) {
    await until(() => isFlushed(instance).catch(() => false), flushedTimeoutMs);
  }
}

async function isFlushed(instance: Instance): Promise<boolean> {
  const flush = await instance.ask('/v1/flush', 'POST');
  return ((await flush.json()) as { outcome?: string }).outcome === 'success';
}

function lineOf({ kind, atMs, hit, failed }: FaultDone): string {
  const what = failed === undefined ? (hit ? 'hit' : 'NOT HIT') : `FAILED (${failed})`;
  return `${(atMs / 1000).toFixed(1)} s ${kind} ${what}`;
}
