// The end of a run: every total, asked at every instance, held against the clients' books. Lost is
// what was acknowledged at `journal` or `store` and is not counted; doubled is what is counted and
// was never sent. At `memory` a kill may lose what was answered early, and nothing else may.
import { ackLevels } from './account.ts';
import type { Account, AckLevel } from './account.ts';
import type { Scene } from './scene.ts';
import type { Target } from './target.ts';

export interface LevelSum {
  acknowledged: number;
  counted: number;
  unknown: number;
  lost: number;
  doubled: number;
}

/** In counts. */
export interface Verdict {
  readonly acknowledged: number;
  readonly unknown: number;
  readonly counted: number;
  readonly lost: number;
  readonly doubled: number;
  /** By what clients ask for. */
  readonly levels: ReadonlyMap<AckLevel, LevelSum>;
  readonly lostAtMemory: number;
  /** Ads whose totals two instances tell differently. */
  readonly disagreements: number;
}

export async function verdictOf(scene: Scene): Promise<Verdict> {
  const [first, ...others] = scene.instances;
  if (first === undefined) throw new Error('there is no instance');
  const totals = await allTotals(scene, first.target);
  let disagreements = 0;
  for (const { target } of others) {
    const same = await allTotals(scene, target);
    for (const [ad, counted] of totals) if (same.get(ad) !== counted) disagreements++;
  }
  const sums = { acknowledged: 0, unknown: 0, counted: 0, lost: 0, doubled: 0 };
  let lostAtMemory = 0;
  const blank = { ...sums };
  const levels = new Map<AckLevel, LevelSum>(ackLevels.map((level) => [level, { ...blank }]));
  for (const account of scene.accounts) {
    const counted = totals.get(account.ad) ?? 0;
    const { memory } = account.acknowledged;
    lostAtMemory += Math.max(0, Math.min(memory, account.durable + memory - counted));
    const own = levels.get(account.level);
    for (const into of own === undefined ? [sums] : [sums, own]) {
      into.acknowledged += account.durable + memory;
      into.unknown += account.unknown;
      into.counted += counted;
      into.lost += lossOf(account, counted);
      into.doubled += Math.max(0, counted - account.possible);
    }
  }
  return { ...sums, levels, lostAtMemory, disagreements };
}

/** Durable acknowledgements that the first instance does not count yet. */
export async function lossesAt(scene: Scene): Promise<number> {
  const [first] = scene.instances;
  if (first === undefined) return 0;
  const totals = await allTotals(scene, first.target);
  return scene.accounts.reduce(
    (sum, account) => sum + lossOf(account, totals.get(account.ad) ?? 0),
    0,
  );
}

function lossOf({ durable }: Account, counted: number): number {
  return Math.max(0, durable - counted);
}

/** Wide ads one by one: each is a long scan. */
async function allTotals(scene: Scene, target: Target): Promise<ReadonlyMap<string, number>> {
  const adsOf = (wide: boolean): string[] =>
    scene.accounts.filter(({ isWide }) => isWide === wide).map(({ ad }) => ad);
  const totals = new Map(await scene.reader.totals(target, adsOf(false)));
  for (const ad of adsOf(true)) {
    for (const [name, counted] of await scene.reader.totals(target, [ad])) {
      totals.set(name, counted);
    }
  }
  return totals;
}
