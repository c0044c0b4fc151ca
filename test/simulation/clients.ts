// The clients of a history: each sends one request, and keeps a line of what it was told.
import type { AdId, SiteId } from '../../src/model/cell.ts';
import { CounterError } from '../../src/model/errors.ts';
import type { Acknowledgement, AdEvent } from '../../src/model/event.ts';
import { describeThrown, LawBroken } from './law.ts';
import type { CountedBy, Line } from './ledger.ts';
import { add } from './ledger.ts';
import type { PlannedEvent } from './plan.ts';
import type { SimulatedProcess } from './process.ts';
import type { World } from './world.ts';

export interface PlannedRequest {
  readonly ack: Acknowledgement;
  readonly events: readonly PlannedEvent[];
}

/** Undefined: nobody listens there. */
export function send(
  world: World,
  living: SimulatedProcess,
  { ack, events: planned }: PlannedRequest,
): Line | undefined {
  const { core } = living;
  if (core === undefined || living.isStopping) return undefined;
  const line = world.auditor.ledger.open(planned);
  world.tell(`${living.name} is sent ${planned.reduce((sum, { n }) => sum + n, 0)} (${ack})`);
  const events = planned.map(({ ad, site, measure, n, lateMs }): AdEvent => {
    const tsMs = lateMs === undefined ? undefined : living.wallMs() - lateMs;
    return { ad: ad as AdId, site: site as SiteId, measure, n, tsMs };
  });
  world.time.after(0, living, () => {
    const before = core.ingest.current;
    const wasRegistered = before?.registered === true;
    core.ingest.accept(events, ack).then(
      ({ acknowledged, countedEvents }) =>
        world.guarded(() => {
          if (countedEvents !== events.length) throw new LawBroken('I1', 'events were left out');
          const writer = before === core.ingest.current ? before?.writer : undefined;
          const acceptMsMax = before?.clock.nowMs() ?? Infinity;
          const by = { writer, machine: living.machine.name, wasRegistered, acceptMsMax };
          answered(world, line, acknowledged, by);
        }),
      (thrown: unknown) => world.guarded(() => refused(world, line, thrown)),
    );
  });
  return line;
}

function answered({ auditor }: World, line: Line, ack: Acknowledgement, by: CountedBy): void {
  line.standing = ack === 'memory' ? 'unknown' : 'ok';
  line.by = by;
  if (ack !== 'store') return;
  for (const [place, n] of line.places) add(auditor.ledger.inStore, place, n);
  auditor.storeAcknowledged(line.places);
}

function refused({ auditor }: World, line: Line, thrown: unknown): void {
  const code = thrown instanceof CounterError ? thrown.code : describeThrown(thrown);
  if (code === 'OUTCOME_UNKNOWN') line.standing = 'unknown';
  else if (code === 'INGEST_REFUSED') auditor.ledger.refuse(line);
  else throw new LawBroken('I8', `a request failed by ${code}`);
}
