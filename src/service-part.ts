// What one process says and does of itself as a service: for its own edge, and for the other
// processes where several serve together. Decides nothing.
import type { Core } from './core.ts';
import type { FlushAnswer, Operating, Readiness } from './http/ports.ts';
import type { AdId, SiteId } from './model/cell.ts';
import type { QuarterRange } from './model/quarter.ts';
import type { Unflushed } from './query/asking.ts';
import { quartersInDoubt, readinessOf } from './status.ts';
import type { Phase, StatusReport } from './status.ts';
import { unflushedOf } from './unflushed.ts';

/** What the edge says of all that serve together; of one process alone it is that process. */
export interface Together extends Operating {
  unflushed(
    ad: AdId,
    site: SiteId | undefined,
    quarters: QuarterRange,
  ): Unflushed | Promise<Unflushed>;
  /** Flushes, for a question that wants all that was counted before. True: the store has it. */
  freshen(): Promise<boolean>;
  /** Whether this process does the work that one of them must do and no two should. */
  isChosen(): boolean | Promise<boolean>;
  /**
   * Whether the store lost counts, now or within so long: the rest of what it lost may be in no
   * other place than in files aside.
   */
  hasLostCounts(withinMs: number): boolean | Promise<boolean>;
}

/** What a process says of itself. */
export interface OwnPart extends Together {
  readiness(): Readiness;
  unflushed(ad: AdId, site: SiteId | undefined, quarters: QuarterRange): Unflushed;
  /** Looks at what dead writers left, and began to look after this call. True: all of it. */
  recover(): Promise<boolean>;
  hasLostCounts(withinMs: number): boolean;
}

export function ownPart(core: Core, report: StatusReport, phase: () => Phase): OwnPart {
  return {
    readiness: () => readinessOf(core, phase()),
    status: () => report.document(),
    flush: async (): Promise<FlushAnswer> => {
      const { outcome, cells, ms } = await core.flush({ setAside: true });
      const { completeThroughMs } = core.completeness;
      return { outcome, cells, ms: Math.round(ms), completeThroughMs };
    },
    // A cell set aside is told as unflushed; it must not refuse the answer to everybody.
    freshen: async () => (await core.rounds.flush()).othersArrived,
    unflushed: (ad, site, quarters) => unflushedOf(core.ingest.runs, ad, site, quarters),
    isChosen: () => true,
    hasLostCounts: (withinMs) =>
      quartersInDoubt(core).length > 0 || core.rounds.readBack.failedAgoMs < withinMs,
    recover: async () => {
      // A pass that is under way may have looked at that folder before.
      await core.recover();
      return core.recover();
    },
  };
}
