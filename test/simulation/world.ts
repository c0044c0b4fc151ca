// The world of one history: machines and the processes on them, the store that all share, what is
// wrong with it, and the auditor. Never decides what happens next.
import { layoutRow, metaQualifier } from '../../src/store/key-layout.ts';
import { encodeLayout } from '../../src/store/layout.ts';
import { Auditor, provenSilenceMs } from './auditor.ts';
import { Chance } from './chance.ts';
import { describeThrown, LawBroken } from './law.ts';
import { journalFolder, Machine } from './machine.ts';
import type { Medium } from './medium.ts';
import { Network, StoreFaults } from './network.ts';
import { copySlots } from './plan.ts';
import type { Plan } from './plan.ts';
import { SimulatedProcess } from './process.ts';
import { epochMs, inside } from './take-over.ts';
import { FakeTables } from './tables.ts';
import { Trace } from './trace.ts';
import { VirtualTime } from './virtual-time.ts';
import type { Owner } from './virtual-time.ts';

/** Few, so that a question is few scans. */
const salts = 2;

export class World {
  readonly plan: Plan;
  readonly trace = new Trace();
  readonly time: VirtualTime;
  readonly auditor = new Auditor({
    silentMs: (writer) => this.#silentMs(writer),
    heard: (writer) => {
      if (this.ownerOf(writer) === this.#speaker) this.#heardAtMs.set(writer, this.time.nowMs);
    },
    nowMs: () => this.time.nowMs,
  });
  readonly tables = new FakeTables(this.auditor.applied);
  readonly storeFaults = new StoreFaults();
  /** By slot; those of copies behind the others. */
  readonly machines: (Machine | undefined)[];
  readonly living: (SimulatedProcess | undefined)[];
  /** How often a fault was seen to hit. */
  readonly hits: Record<string, number> = {};
  /**
   * Disks just before the power went. A frame that its killed writer had not synced may be read and
   * counted by a recovery before it is lost.
   */
  readonly beforeCuts: Medium[] = [];
  broken: LawBroken | undefined;
  /** Whoever reads what lies there, and has no machine. */
  readonly bystander: Owner;
  #started = 0;
  #speaker: Owner | undefined;
  /** When each writer last changed its record by itself. */
  readonly #heardAtMs = new Map<string, number>();

  constructor(plan: Plan) {
    this.plan = plan;
    this.time = new VirtualTime(this.trace, plan.offsetMs);
    this.bystander = {
      name: 'bystander',
      isDead: false,
      isFrozen: false,
      wallMs: () => Math.floor(epochMs + this.time.nowMs),
      monotonicMs: () => this.time.nowMs,
    };
    const machines = new Map<number, Machine>();
    this.machines = plan.machineOf.map((number) => {
      const machine = machines.get(number) ?? new Machine(`m${number}`, this.time);
      machine.skewMs = plan.skewsMs[number] ?? 0;
      machines.set(number, machine);
      return machine;
    });
    for (let i = 0; i < copySlots; i++) this.machines.push(undefined);
    this.living = this.machines.map(() => undefined);
    const value = encodeLayout({ salts, created: new Date(epochMs).toISOString() });
    const [row, qualifier] = [layoutRow.toString('latin1'), metaQualifier.toString('latin1')];
    this.tables.put('meta', { row, qualifier, version: epochMs, value });
  }

  /** A fresh process on the machine of the slot, if there is one and it has none. */
  start(slot: number): void {
    const machine = this.machines[slot];
    if (machine === undefined || this.living[slot] !== undefined) return;
    const name = `${machine.name}.p${++this.#started}`;
    const chance = new Chance(this.plan.seed, name);
    const started = new SimulatedProcess({
      name,
      machine,
      time: this.time,
      chance,
      segmentBytes: this.plan.segmentBytes,
      journalBytesMax: this.plan.journalBytesMax,
      networkFor: (owner) => this.wayToStore(owner, chance, machine),
      onBroken: (error) => this.fail(new LawBroken('I8', `a promise is broken: ${error.message}`)),
    });
    this.living[slot] = started;
    this.tell(`start ${name}`);
    if (machine.isCopy) this.#nameCopied(machine);
    this.behind(this.#isUp(started));
  }

  async #isUp(started: SimulatedProcess): Promise<void> {
    await inside(this.time, started, () => started.start());
    if (started.startFailed === undefined) return;
    this.tell(`${started.name} did not start: ${started.startFailed.message}`);
    this.kill(started);
  }

  wayToStore(owner: Owner, chance: Chance, machine?: Machine): Network {
    const { kind } = this.plan;
    const { time, tables, storeFaults: faults } = this;
    // An embedded store has the clock of its process.
    const storeNowMs = (): number =>
      kind === 'memory' && machine !== undefined ? machine.wallMs() : epochMs + time.nowMs;
    const sent: typeof this.auditor.sent = (table, cells) =>
      this.guarded(() => this.auditor.sent(table, cells));
    const registered = (writer: string): void =>
      this.guarded(() => this.#isRegistered(writer, owner));
    return new Network({
      kind,
      owner,
      chance,
      time,
      tables,
      faults,
      storeNowMs,
      sent,
      registered,
      speaks: (speaker) => (this.#speaker = speaker),
    });
  }

  kill(living: SimulatedProcess): void {
    if (living.isDead) return;
    this.tell(`kill ${living.name}`);
    this.hit('kill');
    this.hit('network', living.network.hits);
    living.kill();
    this.living[this.living.indexOf(living)] = undefined;
  }

  cutPower(machine: Machine): void {
    this.tell(`power cut of ${machine.name}`);
    this.hit('power cut');
    for (const living of this.living) {
      if (living?.machine === machine) this.kill(living);
    }
    this.beforeCuts.push(machine.disk.copy({ keepsInodes: true }));
    machine.cutPower(new Chance(this.plan.seed, `power cut ${this.time.nowMs}`));
  }

  /** True: all that it counted is in the store. Undefined: it was not up. */
  async stop(living: SimulatedProcess): Promise<boolean | undefined> {
    if (living.isStopping || living.core === undefined) return undefined;
    this.tell(`stop ${living.name}`);
    this.hit('stop');
    const isSealed = await inside(this.time, living, () => living.stop());
    this.tell(`${living.name} has stopped${isSealed ? '' : ', not everything is in the store'}`);
    this.kill(living);
    return isSealed;
  }

  copy(machine: Machine, to: number, options: { readonly keepsInodes: boolean }): void {
    if (this.machines[to] !== undefined) return;
    this.tell(`the disk of ${machine.name} is copied`);
    this.hit('copy');
    const copy = new Machine(`c${to}`, this.time, machine.disk.copy(options));
    copy.asideGaveWay = machine.asideGaveWay;
    this.machines[to] = copy;
  }

  /** Who counts under this id, or stands still. */
  ownerOf(writer: string): SimulatedProcess | undefined {
    return this.living.find((one) => one?.core?.ingest.runs.some((run) => run.writer === writer));
  }

  /** Undefined: nobody counts under this id any more. */
  #silentMs(writer: string): number | undefined {
    const owner = this.ownerOf(writer);
    if (owner === undefined) return undefined;
    return this.time.nowMs - (this.#heardAtMs.get(writer) ?? owner.startedAtMs);
  }

  /** Somebody puts a record for a writer that the registry did not know. */
  #isRegistered(writer: string, by: Owner): void {
    const owner = this.ownerOf(writer);
    if (owner === undefined || owner === by) return;
    const livesForMs = this.time.nowMs - owner.startedAtMs;
    if (owner.isFrozen || livesForMs > provenSilenceMs) return;
    throw new LawBroken('I4', `${writer} lives since ${livesForMs} ms, ${by.name} registers it`);
  }

  /** The first law that breaks ends the history. */
  fail(thrown: unknown): void {
    const isLaw = thrown instanceof LawBroken;
    this.broken ??= isLaw ? thrown : new LawBroken('I8', describeThrown(thrown));
  }

  /** For what is called by the product: it must not hear of a broken law. */
  guarded(work: () => void): void {
    try {
      work();
    } catch (thrown) {
      this.fail(thrown);
    }
  }

  /** The world's own doings; what goes wrong in them ends the history. */
  behind(work: Promise<unknown>): void {
    work.catch((thrown: unknown) => this.fail(thrown));
  }

  hit(kind: string, times = 1): void {
    if (times > 0) this.hits[kind] = (this.hits[kind] ?? 0) + times;
  }

  tell(line: string): void {
    this.trace.tell(this.time.nowMs, line);
  }

  /** A copy holds what its writers had then: what they count later is beyond what it knows. */
  #nameCopied({ disk }: Machine): void {
    // It may have been made before there was a journal.
    const names = disk.has(journalFolder) ? disk.list(journalFolder) : [];
    for (const writer of names) this.auditor.copied.add(writer);
  }
}
