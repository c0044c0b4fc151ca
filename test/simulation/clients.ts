// The clients of a history: each sends one request, and keeps a line of what it was told.
import type { AdId, SiteId } from '../../src/model/cell.ts';
import { CounterError } from '../../src/model/errors.ts';
import type { Acknowledgement, AdEvent } from '../../src/model/event.ts';
import type { WriterRun } from '../../src/ingest/writer-run.ts';
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
  const line = world.auditor.ledger.open(planned, living.machine.name);
  world.tell(`${living.name} is sent ${planned.reduce((sum, { n }) => sum + n, 0)} (${ack})`);
  const events = planned.map(({ ad, site, measure, n, lateMs }): AdEvent => {
    const tsMs = lateMs === undefined ? undefined : living.wallMs() - lateMs;
    return { ad: ad as AdId, site: site as SiteId, measure, n, tsMs };
  });
  world.time.after(0, living, () => {
    const before = core.ingest.current;
    const wasRegistered = before?.registered === true;
    const lastFrame = before === undefined ? undefined : lastFrameOf(before);
    const sentAtMs = world.time.nowMs;
    core.ingest.accept(events, ack).then(
      ({ acknowledged, countedEvents }) =>
        world.guarded(() => {
          if (countedEvents !== events.length) throw new LawBroken('I1', 'events were left out');
          const writer = before === core.ingest.current ? before?.writer : undefined;
          const acceptMsMax = lastFrame?.acceptMs ?? Infinity;
          if (writer !== undefined && wasRegistered && acknowledged !== 'memory') {
            isNotClosed(world, living, { writer, sentAtMs });
          }
          const by = { writer, wasRegistered, acceptMsMax };
          answered(world, line, acknowledged, by);
        }),
      (thrown: unknown) => world.guarded(() => refused(world, line, thrown)),
    );
  });
  return line;
}

/**
 * Whoever stood still looks who it is before it acknowledges: it may have been taken for dead. Who
 * was not registered yet counts on where the store is out of reach.
 */
function isNotClosed(
  { auditor }: World,
  { frozenFromMs, thawedAtMs }: SimulatedProcess,
  { writer, sentAtMs }: { readonly writer: string; readonly sentAtMs: number },
): void {
  const sealedAtMs = auditor.sealedAtMs(writer) ?? Infinity;
  const wasMeanwhile = sealedAtMs > frozenFromMs && sealedAtMs < thawedAtMs;
  if (!wasMeanwhile || sentAtMs < thawedAtMs) return;
  throw new LawBroken('I4', `${writer} acknowledged though others had closed it`);
}

const lastFrames = new WeakMap<WriterRun, { acceptMs: number }>();

/** When the last frame was accepted that this identity has synced: asked of its journal. */
function lastFrameOf(run: WriterRun): { readonly acceptMs: number } {
  const known = lastFrames.get(run);
  if (known !== undefined) return known;
  const last = { acceptMs: Infinity };
  lastFrames.set(run, last);
  const { journal } = run;
  const append = journal.append.bind(journal);
  journal.append = async (frame) => {
    const appended = await append(frame);
    last.acceptMs = frame.acceptMs;
    return appended;
  };
  return last;
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
