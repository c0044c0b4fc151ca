// Leaves out the events whose cell could reach its bound: the one reason why an event that was
// read without fault is not counted. Never counts anything itself.
import type { AdEvent } from '../model/event.ts';
import type { RefusedEvent } from './accept.ts';
import { countsOf } from './waiting-line.ts';
import type { WaitingLine } from './waiting-line.ts';
import type { WriterRun } from './writer-run.ts';

/** The events that count; those that do not are added to `refusedEvents`. */
export function withoutFull(
  run: WriterRun | undefined,
  line: WaitingLine,
  events: readonly AdEvent[],
  refusedEvents: RefusedEvent[],
): readonly AdEvent[] {
  // The cells of an identity that is about to begin are all empty.
  const counts = line.counts + countsOf(events);
  if (run === undefined || !run.counters.couldOverflow(counts)) return events;
  const acceptMs = run.clock.nowMs();
  let waiting = line.counts;
  events.forEach((event, index) => {
    if (run.counters.wouldOverflow(event, acceptMs, waiting)) {
      refusedEvents.push({ index, reason: 'cell_full' });
    } else waiting += event.n;
  });
  if (refusedEvents.length === 0) return events;
  const full = new Set(refusedEvents.map((event) => event.index));
  return events.filter((_, index) => !full.has(index));
}
