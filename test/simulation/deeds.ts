// Takes one step of a plan: what is done to the world and its processes.
import { RegistryChain, WriterRegistry } from '../../src/store/registry.ts';
import { Chance } from './chance.ts';
import { send } from './clients.ts';
import type { DiskFaults } from './mounted-disk.ts';
import type { Step } from './plan.ts';
import { rot } from './rot.ts';
import { read } from './reads.ts';
import type { SimulatedProcess } from './process.ts';
import { inside } from './take-over.ts';
import type { World } from './world.ts';

/** Where there is nothing to do it to, nothing is done. */
export function take(world: World, step: Step): void {
  const { slot } = step;
  if (step.kind === 'start') return world.start(slot);
  if (step.kind === 'begin late') return beginLate(world, slot);
  if (step.kind === 'refusals') return refuse(world, step);
  const machine = world.machines[slot];
  const living = world.living[slot];
  if (step.kind === 'power cut' && machine !== undefined) world.cutPower(machine);
  else if (step.kind === 'rot' && machine !== undefined) rot(world, machine);
  else if (living !== undefined) takeOn(world, step, living);
}

function takeOn(world: World, step: Step, living: SimulatedProcess): void {
  const { machine } = living;
  switch (step.kind) {
    case 'request':
      return request(world, living, step);
    case 'read':
      return read(world, living, step.ad);
    case 'kill':
      return world.kill(living);
    case 'stop':
      return world.behind(world.stop(living));
    case 'copy':
      return world.copy(machine, step.to, step);
    case 'freeze':
    case 'sleep':
      return standStill(world, living, step);
    case 'clock':
      world.tell(`the clock of ${machine.name} is ${step.offMs / 60_000} min off`);
      world.hit('clock');
      machine.wallOffMs = step.offMs;
      return undefined;
    case 'network':
      return trouble(world, living, step);
    case 'disk fails':
      world.tell(`${machine.name}: ${step.call} fails, ${step.times} times`);
      machine.diskFaults.failing = { call: step.call, left: step.times };
      return undefined;
    case 'disk full':
      return forDisk(world, living, step, (faults, is) => (faults.isFull = is));
    case 'disk slow':
      return forDisk(world, living, step, (faults, is) => (faults.slowness = is ? 300 : 1));
    case 'short writes':
      return forDisk(world, living, step, (faults, is) => (faults.takesPartsOnly = is));
    case 'take over':
      return world.behind(takeOver(world, living));
    case 'start':
    case 'begin late':
    case 'power cut':
    case 'rot':
    case 'refusals':
      return undefined;
  }
}

type OfKind<Kind extends Step['kind']> = Extract<Step, { readonly kind: Kind }>;

function refuse(world: World, { remedy, ms }: OfKind<'refusals'>): void {
  world.tell(`the store refuses counts (${remedy}) for ${ms} ms`);
  world.storeFaults.refusing = remedy;
  world.time.after(ms, undefined, () => (world.storeFaults.refusing = undefined));
}

function request(world: World, living: SimulatedProcess, step: OfKind<'request'>): void {
  const { intoRoundMs } = step;
  if (intoRoundMs === undefined) return void send(world, living, step);
  const sendThen = (): void => {
    if (!living.isDead) send(world, living, step);
  };
  living.onRound.push(() => void world.time.after(intoRoundMs, undefined, sendThen));
  return undefined;
}

/** Just before another's round, and slow to reach the store: a registration beside a watermark. */
function beginLate(world: World, slot: number): void {
  const { time, plan } = world;
  const chance = new Chance(plan.seed, 'begin late');
  const dueMs = world.living.map((living) => living?.nextRoundAtMs ?? Infinity);
  const beforeMs = Math.min(...dueMs, time.nowMs + 30_000) - chance.between(1000, 4000);
  time.after(beforeMs - time.nowMs, undefined, () => {
    world.start(slot);
    const living = world.living[slot];
    if (living === undefined) return;
    // Not so slow that a call to the registry runs out of time.
    living.network.slowMs = 400;
    trouble(world, living, { trouble: 'slow', ms: 20_000 });
  });
}

/** SIGSTOP and SIGCONT; or its machine sleeps, and the monotonic clock with it. */
function standStill(
  world: World,
  living: SimulatedProcess,
  { kind, ms }: { readonly kind: string; readonly ms: number },
): void {
  if (living.isFrozen) return;
  const asleep = kind === 'sleep' ? ', its machine sleeps' : '';
  world.tell(`${living.name} stands still for ${ms} ms${asleep}`);
  world.hit(kind);
  living.freeze();
  world.time.after(ms, undefined, () => {
    if (kind === 'sleep') living.machine.slept(ms);
    goOn(world, living);
  });
}

export function goOn(world: World, living: SimulatedProcess): void {
  if (!living.isFrozen || living.isDead) return;
  world.tell(`${living.name} goes on`);
  living.thaw();
}

function trouble(
  world: World,
  { network, name }: SimulatedProcess,
  step: Pick<OfKind<'network'>, 'trouble' | 'ms'>,
): void {
  world.tell(`the way of ${name} to the store: ${step.trouble} for ${step.ms} ms`);
  network.trouble = step.trouble;
  world.time.after(step.ms, undefined, () => (network.trouble = 'fair'));
}

function forDisk(
  world: World,
  { machine }: SimulatedProcess,
  { kind, ms }: { readonly kind: string; readonly ms: number },
  set: (faults: DiskFaults, is: boolean) => void,
): void {
  world.tell(`${machine.name}: ${kind} for ${ms} ms`);
  set(machine.diskFaults, true);
  world.time.after(ms, undefined, () => set(machine.diskFaults, false));
}

/** Somebody else goes on with its registry chain, as a clone of its memory would. */
async function takeOver(world: World, living: SimulatedProcess): Promise<void> {
  const writer = living.core?.ingest.current?.writer;
  const entry = writer === undefined ? undefined : world.auditor.entryOf(writer);
  if (writer === undefined || entry === undefined) return;
  world.tell(`a foreign link in the chain of ${writer}`);
  world.hit('take over');
  const { time, plan, bystander } = world;
  const rows = world.wayToStore(bystander, new Chance(plan.seed, `stranger ${time.nowMs}`));
  const chain = new RegistryChain(new WriterRegistry(rows), writer, entry);
  const { record } = entry;
  await inside(time, bystander, () => chain.advance((standing) => standing ?? record));
}
