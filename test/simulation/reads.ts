// Questions to a process, as its edge would ask them: an answer lies between what the store shows
// when it is asked and what it shows when it is answered, and holds all that it calls complete.
import type { AdId } from '../../src/model/cell.ts';
import { CounterError } from '../../src/model/errors.ts';
import { createAsking } from '../../src/query/asking.ts';
import type { Core } from '../../src/core.ts';
import { LawBroken } from './law.ts';
import type { SimulatedProcess } from './process.ts';
import type { World } from './world.ts';

const none = { impressions: 0, clicks: 0 };

export function read(world: World, living: SimulatedProcess, ad: string): void {
  const { core } = living;
  if (core === undefined) return;
  world.time.after(0, living, () => {
    const before = shownOf(world, ad);
    const told = (total: number, completeThroughMs: number | null): void => {
      world.hit('read');
      const after = shownOf(world, ad);
      if (total < before) throw new LawBroken('I2', `${ad}: ${before} shown, then ${total} read`);
      if (total > after) throw new LawBroken('I1', `${ad}: ${total} read, then ${after} shown`);
      const { auditor } = world;
      const complete = completeThroughMs ?? 0;
      if (complete > auditor.completeThroughNow) {
        throw new LawBroken('I4', `complete through ${complete} was told, and was never so`);
      }
      const least = sumOf(auditor.acceptedBefore(complete), ad);
      if (total < least) throw new LawBroken('I4', `${ad}: ${total} read of ${least} complete`);
    };
    const options = { fromMs: undefined, toMs: undefined, fresh: false };
    asking(core, living)
      .adTotals([ad as AdId], options)
      .then(
        ([answer]) =>
          world.guarded(() => {
            const { impressions, clicks, completeThroughMs } = answer ?? fail();
            told(impressions.counted + clicks.counted, completeThroughMs);
          }),
        (thrown: unknown) => {
          // The store may be away; anything else is no answer.
          if (!(thrown instanceof CounterError) || thrown.remedy === 'give-up') world.fail(thrown);
        },
      );
  });
}

function asking(core: Core, living: SimulatedProcess): ReturnType<typeof createAsking> {
  return createAsking({
    store: {
      readAd: (...question) => core.link.opened.readAd(...question),
      readAdSite: (...question) => core.link.opened.readAdSite(...question),
    },
    readRegistry: async () => ({ ...(await core.readRegistry()), dead: core.writers.dead }),
    unflushed: () => none,
    flushFirst: () => Promise.resolve(),
    nowMs: () => core.ingest.current?.clock.nowMs() ?? living.wallMs(),
    retentionDays: 400,
  });
}

function shownOf({ auditor }: World, ad: string): number {
  return sumOf(auditor.shown, ad);
}

function sumOf(places: ReadonlyMap<string, number>, ad: string): number {
  let sum = 0;
  for (const [place, n] of places) if (place.startsWith(`${ad} `)) sum += n;
  return sum;
}

function fail(): never {
  throw new Error('a question about one ad has one answer');
}
