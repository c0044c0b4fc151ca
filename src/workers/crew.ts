// Owns the worker processes: as many as are wanted serve, one that ends is followed by another, all
// are replaced one by one when they are told to, and in the end all stop in their own order.
// Never counts, never asks a store; what is said of all of them is put together elsewhere.
import type { Log } from '../log.ts';
import { CounterError } from '../model/errors.ts';
import type { Answers } from './channel.ts';
import { HangWatch } from './hang-watch.ts';
import { RestartWaits, StartsOfHour } from './restarts.ts';
import { WorkerProcess } from './worker-process.ts';
import type { Child, Exit } from './worker-process.ts';

export interface CrewOptions {
  readonly workers: number;
  /** How long a worker may take to stop. */
  readonly graceMs: number;
  readonly launch: () => Child;
  /** What a worker may ask; `started` and `ended` are the crew's own. */
  readonly answers: (worker: () => WorkerProcess) => Answers;
  /** A worker answers nothing any more and is ended by force; `onEnd` follows. */
  readonly onHang: (worker: WorkerProcess) => void;
  /** A worker is gone: what it left in its journal is to be looked at. */
  readonly onEnd: (worker: WorkerProcess, isCrash: boolean) => void;
  readonly monotonicMs: () => number;
  readonly random: () => number;
  readonly log: Log;
}

/** A place in the crew, which is filled again when its worker ends. */
class Slot {
  readonly waits: RestartWaits;
  worker: WorkerProcess | undefined;
  /** Until the next start. */
  waiting: NodeJS.Timeout | undefined;
  /** Its next worker is started by a roll. */
  isRolling = false;

  constructor(random: () => number) {
    this.waits = new RestartWaits(random);
  }
}

export class Crew {
  readonly #options: CrewOptions;
  readonly #slots: readonly Slot[];
  readonly #starts = new StartsOfHour();
  /** All that live, those too that a roll starts or stops. */
  readonly #living = new Set<WorkerProcess>();
  #stopping = false;
  #rolling: Promise<void> | undefined;
  #rollAgain = false;
  #toldStorm = false;
  readonly #hangs: HangWatch;

  constructor(options: CrewOptions) {
    this.#options = options;
    this.#hangs = new HangWatch(options.monotonicMs);
    this.#slots = Array.from({ length: options.workers }, () => new Slot(options.random));
  }

  get living(): readonly WorkerProcess[] {
    return [...this.#living];
  }

  get isStopping(): boolean {
    return this.#stopping;
  }

  /** Slots whose next worker is not started yet. */
  get waiting(): number {
    return this.#slots.filter(({ waiting }) => waiting !== undefined).length;
  }

  /** Why an operator should look. */
  get alarms(): readonly string[] {
    const loop = this.#slots.some(({ waits }) => waits.isLoop) ? ['worker_crash_loop'] : [];
    const isStorm = this.#starts.isStorm(this.#options.monotonicMs());
    return isStorm ? [...loop, 'worker_starts'] : loop;
  }

  /**
   * Resolves when all serve, or would but for crashes that are being dealt with. Error:
   * WORKER_START_FAILED, where the first one cannot start: so could no other.
   */
  async start(): Promise<void> {
    const [first, ...others] = this.#slots;
    if (first === undefined) return;
    if (!(await this.#launch(first).serves())) {
      if (this.#stopping) return;
      throw new CounterError('WORKER_START_FAILED', 'give-up');
    }
    if (this.#stopping) return;
    await Promise.all(others.map((slot) => this.#launch(slot).serves()));
  }

  /** Replaces every worker, one at a time: the new one serves before the old one drains. */
  roll(): Promise<void> {
    if (this.#rolling !== undefined) this.#rollAgain = true;
    this.#rolling ??= this.#rollAll().finally(() => {
      this.#rolling = undefined;
    });
    return this.#rolling;
  }

  /**
   * To be called every `workerLookMs`: asks each that serves for a sign, and ends one that gave
   * none for a minute. It is followed by another like any that crashed.
   */
  look(): void {
    const serving = this.living.filter(({ state }) => state === 'serving');
    const hung = this.#hangs.look(serving);
    for (const worker of serving) {
      if (worker.id === hung) this.#endHung(worker);
      else worker.ask('sign').catch(() => undefined);
    }
  }

  /** Ends all, each in its own order. True: each of them ended well. */
  async stop(): Promise<boolean> {
    this.#stopping = true;
    for (const slot of this.#slots) clearTimeout(slot.waiting);
    const exits = await Promise.all(
      this.living.map((worker) => worker.stop(this.#options.graceMs)),
    );
    return exits.every(({ code }) => code === 0);
  }

  #launch(slot: Slot): WorkerProcess {
    const worker = this.#begin();
    slot.worker = worker;
    void worker.ended.then(() => this.#refill(slot, worker));
    return worker;
  }

  #begin(): WorkerProcess {
    const { launch, answers, monotonicMs, log } = this.#options;
    const nowMs = monotonicMs();
    this.#starts.add(nowMs);
    const isStorm = this.#starts.isStorm(nowMs);
    if (isStorm && !this.#toldStorm) {
      log.error('worker.starts', 'Workers start again and again: each is a writer of its own');
    }
    this.#toldStorm = isStorm;
    const worker: WorkerProcess = new WorkerProcess(
      launch(),
      answers(() => worker),
      nowMs,
    );
    this.#living.add(worker);
    void worker.ended.then((exit) => this.#ended(worker, exit));
    return worker;
  }

  #endHung(worker: WorkerProcess): void {
    const { onHang, log } = this.#options;
    const fields = { worker: worker.id, pid: worker.pid };
    log.error('worker.hung', 'A worker answered nothing for a minute: it is ended', fields);
    onHang(worker);
    worker.kill();
  }

  #ended(worker: WorkerProcess, { code, signal }: Exit): void {
    const { onEnd, log } = this.#options;
    this.#living.delete(worker);
    const isCrash = !worker.wasStopped;
    const fields = { worker: worker.id, pid: worker.pid, code, signal };
    if (isCrash) log.error('worker.crashed', 'A worker ended without being told to', fields);
    else if (code === 0) log.info('worker.stopped', 'A worker has stopped', fields);
    else log.warn('worker.cut', 'A worker ended before it had stopped in its order', fields);
    onEnd(worker, isCrash);
  }

  /** The next one, unless somebody else sees to it. */
  #refill(slot: Slot, worker: WorkerProcess): void {
    if (slot.worker !== worker) return;
    slot.worker = undefined;
    if (this.#stopping || slot.isRolling) return;
    const { monotonicMs, log } = this.#options;
    const waitMs = slot.waits.waitMs(monotonicMs() - worker.startedMs);
    if (slot.waits.isLoop) {
      log.error('worker.crash_loop', 'A worker ends again and again', {
        crashes: slot.waits.crashes,
        wait_ms: Math.round(waitMs),
      });
    }
    slot.waiting = setTimeout(() => {
      slot.waiting = undefined;
      if (!this.#stopping && !slot.isRolling) this.#launch(slot);
    }, waitMs);
  }

  async #rollAll(): Promise<void> {
    const { log } = this.#options;
    do {
      this.#rollAgain = false;
      log.info('workers.roll', 'Every worker is replaced, one after the other');
      for (const slot of this.#slots) {
        if (this.#stopping) return;
        if (!(await this.#replace(slot)) && !this.#stopping) {
          const what = 'A new worker does not start: the old ones go on';
          log.error('workers.roll_failed', what);
          return;
        }
      }
      log.info('workers.rolled', 'Every worker is a new one');
    } while (this.#rollAgain);
  }

  async #replace(slot: Slot): Promise<boolean> {
    slot.isRolling = true;
    clearTimeout(slot.waiting);
    slot.waiting = undefined;
    try {
      const fresh = this.#begin();
      if (!(await fresh.serves())) return false;
      const old = slot.worker;
      slot.worker = fresh;
      void fresh.ended.then(() => this.#refill(slot, fresh));
      if (old !== undefined) await old.stop(this.#options.graceMs);
      return true;
    } finally {
      slot.isRolling = false;
      // The old one ended meanwhile and nobody followed.
      if (slot.worker === undefined && !this.#stopping) this.#launch(slot);
    }
  }
}
