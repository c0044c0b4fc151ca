// One random history of processes that count into one store: they start, count, flush, are
// stopped, killed and copied, while store, disk and clock misbehave. After every step the laws of
// the book are held against the store. The same seed takes the same steps.
import { RegistryChain, WriterRegistry } from '../../../src/store/registry.ts';
import type { SiteId } from '../../../src/model/cell.ts';
import { CounterError } from '../../../src/model/errors.ts';
import type { AdEvent } from '../../../src/model/event.ts';
import { quarterMs } from '../../../src/model/quarter.ts';
import { entriesIn, eventOf } from '../../support/core-harness.ts';
import { beCutOff, standStill } from './absence.ts';
import type { Absent } from './absence.ts';
import { adsOfBook, countsOf } from './book.ts';
import { Dice } from './dice.ts';
import { settled, Society, wholeCopy } from './society.ts';
import type { Left, Process } from './society.ts';

/** How often each step is taken, relative to the others. */
export const usually = {
  count: 30,
  flush: 12,
  duringRound: 14,
  pass: 8,
  weather: 8,
  disk: 8,
  recover: 4,
  leap: 2,
  copy: 2,
  takeOver: 3,
  standStill: 2,
  beCutOff: 2,
  kill: 6,
  stop: 4,
  start: 3,
};

type Step = keyof typeof usually;

export interface HistoryOptions {
  readonly taken?: Readonly<Record<Step, number>>;
  readonly kind?: 'memory' | 'hbase';
}

const diskCalls = ['datasync', 'write', 'create', 'rename', 'syncFolder', 'list', 'read'];
const callsHeld = ['put', 'put', 'checkAndPut', 'scan'] as const;
const timesPassed = [1000, 30_000, 90_000, 300_000, quarterMs, 3 * quarterMs];
/** Never more than a day from where it was: watermarks beyond that are ignored, and named. */
const hoursOff = [-20, -1, -0.05, 0, 0, 0.05, 1];
/** Whoever lives shows it in time, as its rounds do; else it would be taken for dead. */
const heartbeatMs = 50_000;
/** Looks that prove a silence, half a minute apart. */
const looksOfSilence = 13;

export class History {
  /** What happened, for a person. */
  readonly steps: string[] = [];
  readonly #dice: Dice<Step>;
  readonly #society: Society;
  readonly #absent: Absent;
  #hoursOff = 0;
  #marks = 0;
  readonly #take: Readonly<Record<Step, (process: Process) => Promise<void>>> = {
    count: (process) => this.#count(process),
    flush: (process) => this.#flush(process),
    duringRound: (process) => this.#duringRound(process),
    pass: () => this.#pass(),
    weather: () => this.#changeWeather(),
    disk: (process) => this.#harmDisk(process),
    recover: (process) => this.#recover(process),
    leap: () => this.#leap(),
    copy: (process) => this.#copy(process),
    takeOver: (process) => this.#takeOver(process),
    standStill: (process) => standStill(this.#absent, process),
    beCutOff: (process) => beCutOff(this.#absent, process),
    kill: (process) => this.#kill(process),
    stop: (process) => this.#stop(process),
    start: () => this.#start(),
  };

  constructor(seed: number, { taken = usually, kind }: HistoryOptions = {}) {
    this.#dice = new Dice(seed, taken);
    const drawn = this.#dice.chance(0.5) ? 'memory' : 'hbase';
    this.#society = new Society(kind ?? drawn);
    this.#absent = {
      society: this.#society,
      steps: this.steps,
      chance: (p) => this.#dice.chance(p),
      event: () => this.#event(),
    };
  }

  /** Answers what was acknowledged; rejects where a law is broken. */
  async run(stepCount: number): Promise<number> {
    const society = this.#society;
    await entriesIn(society.rows, 'creates-the-layout');
    try {
      for (let i = 0; i < stepCount; i++) {
        const process = this.#dice.one(society.living);
        await (process === undefined ? this.#start() : this.#take[this.#dice.draw()](process));
        await society.check();
      }
      await this.#end();
      return society.book.acknowledgedCounts;
    } finally {
      await society.bury();
    }
  }

  /** On a folder that was left behind, on an old copy of one, or on a new one. */
  async #start(): Promise<void> {
    if (this.#society.isFull) return;
    const { left, copies } = this.#society;
    const from = copies.length > 0 && this.#dice.chance(0.2) ? copies : left;
    const found = this.#dice.chance(0.8)
      ? from.splice(this.#dice.below(from.length), 1)[0]
      : undefined;
    await this.#startOn(found);
  }

  async #startOn(found: Left | undefined): Promise<Process> {
    const where = found?.isCopy === true ? 'an old copy' : 'what was left';
    this.steps.push(`start on ${found === undefined ? 'nothing' : where}`);
    return this.#society.start(found);
  }

  async #count(process: Process): Promise<void> {
    for (let requests = 1 + this.#dice.below(3); requests > 0; requests--) {
      const events = Array.from({ length: 1 + this.#dice.below(3) }, () => this.#event());
      this.steps.push(`count ${countsOf(events)}`);
      void this.#society.send(process, events);
    }
    await settled();
  }

  async #flush(process: Process): Promise<void> {
    this.steps.push('flush');
    await this.#unlessHanging(process.harness.core.flush());
  }

  async #recover(process: Process): Promise<void> {
    this.steps.push('recover');
    await this.#unlessHanging(process.harness.core.recover());
  }

  /** Races: several things happen while a call of a round is under way. */
  async #duringRound(process: Process): Promise<void> {
    const { weather } = this.#society;
    const held = this.#dice.one(callsHeld) ?? 'put';
    this.steps.push(`a ${held} hangs`);
    weather.hold(held);
    await this.#flush(process);
    for (let happens = 1 + this.#dice.below(4); happens > 0; happens--) {
      await this.#count(process);
      if (this.#dice.chance(0.4)) await this.#harmDisk(process);
      if (this.#dice.chance(0.2)) await this.#takeOver(process);
      if (this.#dice.chance(0.3)) await this.#count(process);
    }
    const after = this.#dice.below(6);
    if (after === 0) return this.#stop(process);
    if (after === 1) return this.#kill(process);
    if (after === 2) weather.isDown = true;
    if (after === 3) weather.repliesLost = 1 + this.#dice.below(3);
    this.steps.push(
      `it goes on${['', '', ', the store is down', ', replies are lost'][after] ?? ''}`,
    );
    weather.release();
    await settled();
  }

  async #pass(): Promise<void> {
    const ms = this.#dice.one(timesPassed) ?? 0;
    this.steps.push(`${ms / 1000} s pass`);
    if (this.#society.kind === 'memory') return this.#society.pass(ms);
    for (let leftMs = ms; leftMs > 0; leftMs -= heartbeatMs) {
      this.#society.pass(Math.min(heartbeatMs, leftMs));
      for (const { harness } of this.#society.living)
        await this.#unlessHanging(harness.core.flush());
    }
  }

  async #changeWeather(): Promise<void> {
    const { weather, rows } = this.#society;
    const isBad = weather.isDown || weather.isHolding || rows.failPut !== undefined;
    if (isBad && this.#dice.chance(0.7)) return this.#fairWeather();
    const kind = this.#dice.one(['is down', 'loses replies', 'hangs', 'refuses puts']) ?? '';
    this.steps.push(`the store ${kind}`);
    if (kind === 'is down') weather.isDown = true;
    if (kind === 'loses replies') weather.repliesLost = 1 + this.#dice.below(4);
    if (kind === 'hangs') weather.hold(this.#dice.one(callsHeld) ?? 'put');
    if (kind === 'refuses puts') {
      const refusal = new CounterError('REFUSED', this.#dice.chance(0.5) ? 'give-up' : 'retry');
      rows.failPut = (table, i) => (table === 'counts' && i % 2 === 0 ? refusal : undefined);
    }
  }

  async #fairWeather(): Promise<void> {
    const { weather, rows } = this.#society;
    this.steps.push('the store is well');
    weather.isDown = false;
    weather.repliesLost = 0;
    rows.failPut = undefined;
    weather.release();
    await settled();
  }

  async #harmDisk(process: Process): Promise<void> {
    const { disk } = process;
    process.releaseDisk?.();
    process.releaseDisk = undefined;
    disk.hold = () => Promise.resolve();
    disk.fault = () => undefined;
    if (this.#dice.chance(0.4)) {
      this.steps.push('the disk hangs');
      const released = new Promise<void>((resolve) => (process.releaseDisk = resolve));
      disk.hold = (name) => (name === 'datasync' ? released : Promise.resolve());
    } else {
      const frames = this.#dice.chance(0.5);
      const failing = frames ? 'datasync' : this.#dice.one(diskCalls);
      let callsBefore = this.#dice.below(2);
      this.steps.push(`${failing} fails, after ${callsBefore}`);
      disk.fault = (name) => (name === failing && callsBefore-- === 0 ? 'EIO' : undefined);
    }
    await settled();
  }

  async #leap(): Promise<void> {
    const hours = this.#dice.one(hoursOff) ?? 0;
    this.steps.push(`the clock is ${hours} h off`);
    this.#society.clock.leap((hours - this.#hoursOff) * 3_600_000);
    this.#hoursOff = hours;
    await settled();
  }

  async #copy(process: Process): Promise<void> {
    this.steps.push('copied');
    this.#society.leave(process, wholeCopy, this.#society.copies);
    await settled();
  }

  /** Somebody else goes on with its registry chain, as a clone of the machine would. */
  async #takeOver(process: Process): Promise<void> {
    const run = process.harness.core.ingest.current;
    if (run?.registered !== true) return;
    this.steps.push('a foreign link');
    const registry = new WriterRegistry(this.#society.rows);
    const entry = await registry.read(run.writer);
    if (entry?.record === undefined) return;
    const { record } = entry;
    await new RegistryChain(registry, run.writer, entry).advance((standing) => standing ?? record);
  }

  async #kill(process: Process): Promise<void> {
    const isPowerCut = this.#dice.chance(0.3);
    this.steps.push(isPowerCut ? 'power cut' : 'kill -9');
    const keeps = (): number => this.#dice.next();
    if (isPowerCut) this.#society.kill(process, { isCopy: false, keeps, keepsNames: false });
    else this.#society.kill(process);
    if (this.#dice.chance(0.8)) await this.#start();
  }

  async #stop(process: Process): Promise<void> {
    this.steps.push('stop');
    await this.#society.stop(process);
  }

  /** Everything that was left behind is recovered by fresh processes in fair weather. */
  async #end(): Promise<void> {
    const society = this.#society;
    await this.#fairWeather();
    while (society.living[0] !== undefined) {
      if (this.#dice.chance(0.5)) await this.#stop(society.living[0]);
      else society.kill(society.living[0]);
    }
    const looks = society.kind === 'hbase' ? looksOfSilence : 3;
    for (const found of [...society.left.splice(0), ...society.copies.splice(0)]) {
      const process = await this.#startOn(found);
      const { core } = process.harness;
      for (let look = 0; look < looks; look++) {
        await core.recover();
        society.pass(30_000);
        await core.flush();
      }
      await society.check();
      if (!(await society.stop(process))) throw new Error('not everything could be flushed');
    }
    await society.book.checkAll();
  }

  async #unlessHanging(work: Promise<unknown>): Promise<void> {
    await (this.#society.isHanging ? settled() : work);
  }

  #event(): AdEvent {
    const dice = this.#dice;
    const site = dice.chance(0.5) ? `shared-${dice.below(2)}` : `mark-${this.#marks++}`;
    const lateMs = dice.chance(0.3) ? dice.below(4 * 3_600_000) : 0;
    const tsMs = lateMs === 0 ? undefined : this.#society.clock.wallMs() - lateMs;
    const more = { site: site as SiteId, measure: 1 + dice.below(2), tsMs };
    return eventOf(dice.one(adsOfBook) ?? 'a', 1 + dice.below(5), more);
  }
}
