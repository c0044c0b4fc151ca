// A short chaos run on a cluster of six processes, so that every build meets each kind of fault.
// `npm run chaos` is longer, `npm run chaos:long` the one with the bars.
import { afterAll, beforeAll, expect, test } from '@jest/globals';
import { randomOf } from '../hbase/cells.ts';
import { startCluster } from '../hbase/server/cluster.ts';
import type { RunningCluster } from '../hbase/server/cluster.ts';
import { ownFolder } from '../hbase/server/shared.ts';
import { describeWithJava, startTimeoutMs } from '../hbase/with-hbase.ts';
import { chaosRun } from './chaos-run.ts';
import { planOf } from './plan.ts';
import { hitsOf, shortcomings } from './report.ts';
import { clusterStore } from './store.ts';
import { adcounterOn } from './system.ts';

const seed = 6;

describeWithJava('chaos on a cluster', () => {
  let cluster: RunningCluster;

  beforeAll(async () => {
    cluster = await startCluster({ folder: ownFolder('chaos'), fresh: true });
  }, startTimeoutMs);

  afterAll(async () => {
    await cluster?.kill9();
  });

  test('every acknowledged count is counted once, at each level, whatever is killed', async () => {
    const store = await clusterStore(cluster, randomOf(seed));
    try {
      const report = await chaosRun({
        system: await adcounterOn(store, 2),
        store,
        workers: [2, 1],
        clients: { seed, narrowPerLevel: 3, wide: 2, sitesPerWide: 200, eventsPerRequest: 20 },
        plan: planOf({
          seed,
          lengthMs: 16_000,
          service: { kill: 1, killWorker: 1, clone: 1, lose: 1 },
          store: { killRegionServer: 1, moveRegion: 1 },
          clocks: 1,
        }),
        downForMs: 0,
        cuts: { most: 40, pauseMs: 300 },
        peakMs: 2_000,
        paceShare: 0.4,
        readerPauseMs: 100,
        memoryEveryMs: 60_000,
        say: () => undefined,
      });
      expect(shortcomings(report)).toEqual([]);
      expect(report.acknowledged).toBeGreaterThan(1_000);
      expect(report.lostWriters).toBe(1);
      expect(hitsOf(report, 'cutReply')).toBeGreaterThan(5);
      for (const kind of ['killWorker', 'clone', 'killRegionServer', 'clock'] as const) {
        expect([kind, hitsOf(report, kind)]).toEqual([kind, 1]);
      }
    } finally {
      await store.close();
    }
  }, 240_000);
});
