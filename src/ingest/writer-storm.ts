// Tells when writers begin again and again, over all machines: each start is a record that stays,
// and one cell more for every ad and site that it counts. Pure.
import { writersPerHourMax } from '../limits.ts';
import type { RegistryReading } from '../store/registry.ts';

const hourMs = 3_600_000;

/** Writers that were registered within an hour, by the store's clock; of others, that started. */
export function begunWithinHour(
  { entries }: Pick<RegistryReading, 'entries'>,
  nowMs: number,
): number {
  return entries.filter(({ record: { registeredMs, startedMs } }) => {
    return (registeredMs ?? startedMs) > nowMs - hourMs;
  }).length;
}

export function isStorm(reading: Pick<RegistryReading, 'entries'>, nowMs: number): boolean {
  return begunWithinHour(reading, nowMs) > writersPerHourMax;
}
