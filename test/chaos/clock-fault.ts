// The wall clock of an instance is off for a while, by a little (it is followed) or by far (it is
// not). Hit: the service says by how much it is off.
import { wait } from '../crash/load.ts';
import { until } from '../support/until.ts';
import type { Planned } from './plan.ts';
import type { Scene } from './scene.ts';

/** The first ones are followed: by so much an accept clock may be ahead of ours. */
const shiftsMs = [45_000, -90_000, 20 * 60_000, -20 * 60_000];
export const clockAheadMs = 45_000;
const nearSeconds = 20;
const noticeTimeoutMs = 75_000;
const stayMs = 3_000;

export async function shiftClock(scene: Scene, { choice, measure }: Planned): Promise<boolean> {
  const instance = scene.instances[Math.floor(measure * scene.instances.length)];
  const shiftMs = shiftsMs[Math.floor(choice * shiftsMs.length)] ?? 0;
  if (instance === undefined) return false;
  const isOffBy = (seconds: number) => async (): Promise<boolean> => {
    const status = await instance.status().catch(() => undefined);
    return Math.abs((status?.clockSkewSeconds ?? Infinity) - seconds) < nearSeconds;
  };
  instance.shiftClock(shiftMs);
  const hit = await until(isOffBy(shiftMs / 1000), noticeTimeoutMs).then(
    () => true,
    () => false,
  );
  await wait(stayMs);
  instance.shiftClock(0);
  await until(isOffBy(0), noticeTimeoutMs).catch(() => undefined);
  return hit;
}
