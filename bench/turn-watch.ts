// Watches the event loop while something works: how long each of its turns takes, and what of that
// is work of our own. All from the trace that Node and V8 write: each turn once (CheckImmediate),
// all that the collector does on the main thread, its marking in small steps included (perf_hooks
// leaves that out), and for both the time that the thread really had the processor.
import { mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { createTracing } from 'node:trace_events';

/** In milliseconds. */
export interface TurnFigures {
  /** Of those that did something: 0.1 ms of work or more. */
  readonly turns: number;
  /** The longest one, whatever was in it: own work, the collector, other processes. */
  readonly wallMs: number;
  /** Processor time of the main thread, without the collector. */
  readonly ownMs: number;
  readonly ownP99Ms: number;
  /** Most of the collector in one turn. */
  readonly collectorMs: number;
}

/** Of one event: since when and for how long, by the wall clock and on the processor, in µs. */
interface TraceEvent {
  readonly pid: number;
  readonly tid: number;
  readonly ph: string;
  readonly name: string;
  readonly ts: number;
  readonly dur: number;
  readonly tts: number;
  readonly tdur: number;
}

/** The trace is written by another thread. */
const traceWrittenMs = 500;
const busyUs = 100;

/** Node opens its trace once, in the folder where the process works just then. */
let traceFolder: string | undefined;

/** One at a time. */
export async function watchTurns(work: () => Promise<void>): Promise<TurnFigures> {
  const folder = (traceFolder ??= makeTraceFolder());
  const workingFolder = process.cwd();
  process.chdir(folder);
  const tracing = createTracing({ categories: ['node.environment', 'disabled-by-default-v8.gc'] });
  const startUs = Number(process.hrtime.bigint()) / 1e3;
  tracing.enable();
  await work();
  tracing.disable();
  await new Promise((resolve) => setTimeout(resolve, traceWrittenMs));
  process.chdir(workingFolder);
  const events = readdirSync(folder).flatMap((name) => eventsIn(path.join(folder, name)));
  const figures = figuresOf(
    events.filter(({ ts }) => ts >= startUs).sort((first, second) => first.ts - second.ts),
  );
  if (figures.turns === 0) throw new Error('the trace shows no turn of the event loop');
  return figures;
}

function makeTraceFolder(): string {
  const folder = mkdtempSync(path.join(tmpdir(), 'turns-'));
  process.on('exit', () => rmSync(folder, { recursive: true }));
  return folder;
}

/** Of the main thread. */
function eventsIn(file: string): readonly TraceEvent[] {
  const text = readFileSync(file, 'utf8');
  // The end of the array is written when the process ends.
  const { traceEvents } = JSON.parse(`${text}]}`) as { traceEvents: readonly TraceEvent[] };
  return traceEvents.filter(({ ph, pid, tid }) => ph === 'X' && pid === tid);
}

function figuresOf(events: readonly TraceEvent[]): TurnFigures {
  let turn: TraceEvent | undefined;
  let collectorUs = 0;
  let collectorEndUs = 0;
  const own: number[] = [];
  let wallUs = 0;
  let collectorMostUs = 0;
  for (const event of events) {
    if (event.name === 'CheckImmediate') {
      const ownUs = turn === undefined ? 0 : event.tts - turn.tts - collectorUs;
      if (turn !== undefined && event.tts - turn.tts >= busyUs) {
        own.push(ownUs / 1e3);
        wallUs = Math.max(wallUs, event.ts - turn.ts);
        collectorMostUs = Math.max(collectorMostUs, collectorUs);
      }
      turn = event;
      collectorUs = 0;
    } else if (event.name.startsWith('V8.GC') && event.ts >= collectorEndUs) {
      // Its own parts follow it, and are in it.
      collectorUs += event.tdur;
      collectorEndUs = event.ts + event.dur;
    }
  }
  own.sort((a, b) => b - a);
  return {
    turns: own.length,
    wallMs: wallUs / 1e3,
    ownMs: own[0] ?? 0,
    ownP99Ms: own[Math.floor(own.length / 100)] ?? 0,
    collectorMs: collectorMostUs / 1e3,
  };
}
