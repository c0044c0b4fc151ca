// Owns what an operator is told of a running service: readiness, the status document and the
// gauges. Reads only; decides nothing and changes nothing.
import type { Core } from './core.ts';
import type { FlushReport } from './flush/rounds.ts';
import type { Readiness } from './http/ports.ts';
import type { SeenState, SeenWriter } from './ingest/writers-seen.ts';
import { setAsideExamplesMax } from './limits.ts';
import type { GaugeSource } from './metrics.ts';
import { sumOf as totalOf } from './model/cell.ts';
import { quarterStartMs } from './model/quarter.ts';
import { OutageBudget } from './outage-budget.ts';
import type { QuarterInDoubt } from './store/shown-cells.ts';

export interface StatusOptions {
  readonly core: Core;
  readonly version: string;
  readonly flushSeconds: number;
  readonly journalBytesMax: number;
  /** How many processes fill the disk; 1 where it is left out. */
  readonly share?: number;
  readonly monotonicMs: () => number;
}

export type Phase = 'starting' | 'serving' | 'draining';

/** Reasons of a journal, a schema or a memory that stop the counting: 503. */
export function readinessOf(core: Core, phase: Phase): Readiness {
  if (phase !== 'serving') return { state: phase, reasons: [phase] };
  const refusal = core.ingest.refusal;
  if (refusal !== undefined) return { state: 'failing', reasons: [refusal] };
  const reasons: string[] = [];
  if (!core.link.up) reasons.push('store_unreachable');
  const run = core.ingest.current;
  if (run?.clock.degraded === true) reasons.push('clock');
  if (run !== undefined && !run.registered) reasons.push('unregistered');
  if (core.folder.ballastUsedAtMs !== undefined) reasons.push('ballast_used');
  if (cellsSetAside(core) > 0) reasons.push('cells_set_aside');
  if (quartersInDoubt(core).length > 0) reasons.push('counts_missing');
  return { state: reasons.length === 0 ? 'ready' : 'degraded', reasons };
}

export class StatusReport {
  readonly #options: StatusOptions;
  readonly #budget: OutageBudget;

  constructor(options: StatusOptions) {
    this.#options = options;
    this.#budget = new OutageBudget({ ...options, share: options.share ?? 1 });
  }

  /** Looked at every round. */
  sampleRate(): void {
    this.#budget.sample();
  }

  async document(): Promise<Readonly<Record<string, unknown>>> {
    const { core, version, journalBytesMax } = this.#options;
    // With the store away the writers are those that were seen last.
    const fresh = await core.readRegistry().then(
      () => true,
      () => false,
    );
    const run = core.ingest.current;
    const { kind, place } = core.link.rows;
    return {
      version,
      store: { kind, place, up: core.link.up, refusal: core.link.refusal?.detail ?? null },
      writer: run?.writer ?? null,
      registered: momentOrNull(run?.registeredMs),
      completeThrough: momentOrNull(core.completeness.completeThroughMs),
      writersAsOf: fresh ? 'now' : 'last round',
      completeThroughHeldBackBy: core.completeness.heldBackBy,
      writers: core.writers.all.map(writerOf),
      dead: idsOf(core, 'dead'),
      lost: idsOf(core, 'lost'),
      unreadable: core.completeness.unreadable,
      unflushed: { counts: unflushedCounts(core), cells: sumOf(core, 'dirtyCells') },
      setAside: { cells: cellsSetAside(core), examples: examplesOf(core) },
      readBack: { inDoubt: quartersInDoubt(core).map(doubtOf) },
      memory: { bytes: core.memory.heldBytes(core.ingest.cellBytes), max: core.memory.maxBytes },
      lastFlush: flushOf(core.rounds.last),
      journal: {
        bytes: core.ingest.runs.reduce((sum, { journal }) => sum + journal.bytes, 0),
        max: journalBytesMax,
        position: run?.journal.position ?? 0,
        refusal: core.ingest.refusal ?? null,
      },
      disk: {
        freeBytes: core.folder.freeBytes,
        asideBytes: core.folder.journals.asideBytes,
        ballastBytes: core.folder.ballastBytes,
        ballastUsed: momentOrNull(core.folder.ballastUsedAtMs),
      },
      outageBudgetSeconds: this.#budget.seconds,
      clockSkewSeconds: core.skewMs / 1000,
    };
  }

  gauges(): GaugeSource {
    const { core, flushSeconds } = this.#options;
    return {
      openCells: () => sumOf(core, 'openCells'),
      dirtyCells: () => sumOf(core, 'dirtyCells'),
      memoryBytes: () => core.memory.heldBytes(core.ingest.cellBytes),
      journalBytes: () => core.ingest.runs.reduce((sum, run) => sum + run.journal.bytes, 0),
      dataDirFreeBytes: () => core.folder.freeBytes,
      cellsSetAside: () => cellsSetAside(core),
      quartersInDoubt: () => quartersInDoubt(core).length,
      ledgerUnflushed: () => unflushedCounts(core),
      completeThroughSeconds: () => {
        const { completeThroughMs } = core.completeness;
        return completeThroughMs === null ? undefined : completeThroughMs / 1000;
      },
      writersByState: () => core.writers.byState,
      writersBegunWithinHour: () => core.writers.begunWithinHour,
      clockSkewSeconds: () => core.skewMs / 1000,
      flushIntervalSeconds: () => flushSeconds,
    };
  }
}

function unflushedCounts(core: Core): number {
  return sumOf(core, 'unflushedCounts') + core.recovery.book.unflushedCounts;
}

function cellsSetAside(core: Core): number {
  return sumOf(core, 'asideCells') + core.recovery.setAside.cells;
}

export function quartersInDoubt({ rounds, recovery }: Core): readonly QuarterInDoubt[] {
  return [...rounds.inDoubt, ...recovery.inDoubt];
}

function doubtOf(doubt: QuarterInDoubt): Readonly<Record<string, unknown>> {
  const { writer, acceptanceQuarter, state, looked, hidden } = doubt;
  const examples = hidden.slice(0, setAsideExamplesMax).map(({ cell, shownN }) => {
    const quarter = momentOrNull(quarterStartMs(cell.eventQuarter));
    return {
      ad: cell.ad,
      site: cell.site,
      quarter,
      confirmed: totalOf(cell.counts),
      shown: shownN,
    };
  });
  const quarter = momentOrNull(quarterStartMs(acceptanceQuarter));
  return { writer, quarter, state, looked, hidden: hidden.length, examples };
}

/** Some of the cells that the store refuses for good, so that somebody can see to them. */
function examplesOf(core: Core): readonly Readonly<Record<string, unknown>>[] {
  const ofRuns = core.ingest.runs.flatMap(({ counters }) =>
    counters.asideExamples(setAsideExamplesMax),
  );
  const all = [...ofRuns, ...core.recovery.setAside.examples].slice(0, setAsideExamplesMax);
  return all.map(({ writer, ad, site, eventQuarter, reason }) => {
    const quarter = momentOrNull(quarterStartMs(eventQuarter));
    return { table: 'counts', writer, ad, site, quarter, reason };
  });
}

type Summed = 'openCells' | 'dirtyCells' | 'asideCells' | 'unflushedCounts';

function sumOf(core: Core, name: Summed): number {
  return core.ingest.runs.reduce((sum, run) => sum + run.counters[name], 0);
}

function idsOf({ writers }: Core, state: SeenState): readonly string[] {
  return writers.all.filter(({ seenState }) => seenState === state).map(({ writer }) => writer);
}

function writerOf({ writer, record, changedMs }: SeenWriter): Readonly<Record<string, unknown>> {
  return {
    writer,
    state: record.state,
    host: record.host,
    started: momentOrNull(record.startedMs),
    registered: momentOrNull(record.registeredMs),
    watermark: momentOrNull(record.watermarkMs),
    position: record.position,
    changed: momentOrNull(changedMs),
  };
}

function flushOf(report: FlushReport | undefined): Readonly<Record<string, unknown>> | null {
  if (report === undefined) return null;
  const { atMs, ms, cells, outcome } = report;
  return { at: momentOrNull(atMs), ms: Math.round(ms), cells, outcome };
}

function momentOrNull(ms: number | null | undefined): string | null {
  return ms === null || ms === undefined ? null : new Date(ms).toISOString();
}
